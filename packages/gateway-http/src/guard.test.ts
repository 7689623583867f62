import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RequestGuard } from './guard.ts'

const codeOf = (guard: RequestGuard, headers: Record<string, string>) => guard.checkRequest(headers)?.code

describe('a guard that checks the host', () => {
  const guard = new RequestGuard({ checkHost: true })

  test.each([
    'localhost',
    'LOCALHOST:7070',
    'localhost:1',
    '127.0.0.1',
    '127.0.0.1:7070',
    '127.255.255.254:80',
    '[::1]',
    '[::1]:7070',
  ])('lets %s through, as Host and as :authority', (host) => {
    expect(codeOf(guard, { host })).toBeUndefined()
    expect(codeOf(guard, { ':authority': host })).toBeUndefined()
  })

  test.each([
    'evil.example',
    'evil.example:7070',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.256',
    '127.0.0',
    '127.1',
    '0.0.0.0',
    '128.0.0.1',
    '::1',
    '[::2]',
    'evil@localhost',
    'localhost@evil.example',
    'localhost:port',
    'localhost:7070:7070',
    'localhost/',
    ' localhost',
    'localhost,evil.example',
    '',
  ])('refuses %j', (host) => {
    expect(codeOf(guard, { host })).toBe('HOST_NOT_ALLOWED')
    expect(codeOf(guard, { ':authority': host })).toBe('HOST_NOT_ALLOWED')
  })

  test('refuses a request without a host, and one whose two hosts differ when one is foreign', () => {
    expect(codeOf(guard, {})).toBe('HOST_NOT_ALLOWED')
    expect(codeOf(guard, { ':authority': 'localhost', host: 'evil.example' })).toBe('HOST_NOT_ALLOWED')
    expect(codeOf(guard, { ':authority': 'evil.example', host: 'localhost' })).toBe('HOST_NOT_ALLOWED')
  })

  test('never lets a name through that is not its own', () => {
    const ours = /^(localhost|127(\.\d{1,3}){3})(:\d+)?$/
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.webAuthority(), fc.string()), (host) => {
        fc.pre(!ours.test(host.toLowerCase()) && !host.startsWith('[::1]'))
        expect(codeOf(guard, { host })).toBe('HOST_NOT_ALLOWED')
      }),
    )
  })

  test('knows the names that it is given', () => {
    const own = new RequestGuard({ checkHost: true })
    own.addOwnHost('Log.Internal')
    own.addOwnHost('fe80::1')
    expect(codeOf(own, { host: 'log.internal:7070' })).toBeUndefined()
    expect(codeOf(own, { host: '[fe80::1]:7070' })).toBeUndefined()
    expect(codeOf(own, { host: 'x.log.internal' })).toBe('HOST_NOT_ALLOWED')
  })
})

test('without the check of the host, every host is taken', () => {
  expect(codeOf(new RequestGuard({ checkHost: false }), { host: 'anything.example' })).toBeUndefined()
})

describe('origins', () => {
  const host = 'localhost:7070'
  const guard = new RequestGuard({ checkHost: true, allowedOrigins: ['https://App.example/'] })

  test.each([
    ['the page of this server', 'http://localhost:7070'],
    ['the same behind TLS', 'https://localhost:7070'],
    ['one that is allowed', 'https://app.example'],
  ])('lets through %s', (_, origin) => expect(codeOf(guard, { host, origin })).toBeUndefined())

  test.each([
    'https://evil.example',
    'http://app.example',
    'https://app.example:8443',
    'http://localhost:3000',
    'null',
    '',
  ])('refuses %j', (origin) => {
    expect(codeOf(guard, { host, origin })).toBe('ORIGIN_NOT_ALLOWED')
    expect(guard.corsHeaders({ host, origin })).not.toHaveProperty('access-control-allow-origin')
  })

  test('compares with :authority where there is one', () => {
    expect(codeOf(guard, { ':authority': host, origin: `http://${host}` })).toBeUndefined()
  })

  test('lets every origin through for *, and names it in the answer', () => {
    const open = new RequestGuard({ checkHost: true, allowedOrigins: ['*'] })
    const origin = 'https://any.example'
    expect(codeOf(open, { host, origin })).toBeUndefined()
    expect(open.corsHeaders({ host, origin })['access-control-allow-origin']).toBe(origin)
  })

  test('says Vary whenever answers depend on the origin', () => {
    expect(guard.corsHeaders({ host, origin: 'https://app.example' }).vary).toBe('Origin')
    expect(guard.corsHeaders({ host }).vary).toBe('Origin')
    expect(new RequestGuard({ checkHost: true }).corsHeaders({ host })).toEqual({})
  })

  test('tells a preflight from other requests', () => {
    const origin = 'https://app.example'
    expect(guard.preflightHeaders('OPTIONS', { origin, 'access-control-request-method': 'POST' })).toHaveProperty(
      'access-control-allow-methods',
    )
    expect(guard.preflightHeaders('OPTIONS', { origin })).toBeUndefined()
    expect(guard.preflightHeaders('POST', { origin, 'access-control-request-method': 'POST' })).toBeUndefined()
    expect(guard.preflightHeaders('OPTIONS', { 'access-control-request-method': 'POST' })).toBeUndefined()
  })
})
