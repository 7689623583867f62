import { Broker } from '@millrace/broker'
import { ERRORS, type ErrorCode, MillraceError } from '@millrace/record'
import { createMemoryEngine, ManualClock } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type Answer,
  type LogLine,
  PROTOCOLS,
  type RestServer,
  recordingLogger,
  restApp,
  serveRest,
} from '../../test/rest-harness.ts'
import { RequestGuard } from '../guard.ts'
import type { RestApp } from './app.ts'
import { httpStatus } from './statuses.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

describe.each(PROTOCOLS)('errors over %s', (protocol) => {
  let app: RestApp
  let broker: Broker
  let rest: RestServer
  let lines: LogLine[]

  beforeEach(async () => {
    const clock = new ManualClock()
    const recorder = recordingLogger()
    lines = recorder.lines
    broker = new Broker({ engine: createMemoryEngine({ clock }), clock })
    const guard = new RequestGuard({ checkHost: true, allowedOrigins: ['https://app.example'] })
    app = await restApp({ broker, clock, logger: recorder.logger, guard })
    rest = await serveRest(app, protocol)
    await rest.ask('POST', '/v1/topics', { body: { name: 't' } })
  })
  afterEach(() => rest.close())

  /** Holds an answer against all that every problem must be, and against the log. */
  function expectProblem({ status, headers, json }: Answer, code: ErrorCode): void {
    expect(json).toMatchObject({ code, status, type: `urn:millrace:error:${code}`, title: ERRORS[code].title })
    expect(json.detail).toMatch(/./)
    expect(status).toBe(httpStatus(code))
    expect(headers['content-type']).toBe('application/problem+json')
    expect(headers['cache-control']).toBe('no-store')
    expect(lines.filter(({ level }) => level !== 'debug')).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ code, status }) }),
    ])
  }

  test.each([
    ['GET', '/nope'],
    ['GET', '/v1'],
    ['GET', '/v1/topics/t/'],
    ['GET', '/v1/topics/t/partitions'],
    ['POST', '/v1/nope'],
    ['DELETE', '/v1/topics/t/partitions/0'],
    ['OPTIONS', '/nope'],
    ['GET', '//v1/topics'],
    ['GET', '/v1/topics;x=1'],
  ])('%s %s is nowhere', async (method, path) => {
    expectProblem(await rest.ask(method, path, method === 'POST' ? { body: 'x' } : {}), 'ROUTE_NOT_FOUND')
  })

  test.each([
    ['PUT', '/v1/topics', 'GET, HEAD, OPTIONS, POST'],
    ['DELETE', '/v1/topics?x=1', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/v1/topics/t', 'DELETE, GET, HEAD, OPTIONS, PATCH'],
    ['GET', '/v1/topics/t/records', 'OPTIONS, POST'],
    ['PURGE', '/v1/topics/t/records', 'OPTIONS, POST'],
    ['POST', '/v1/topics/t/partitions/0/offsets', 'GET, HEAD, OPTIONS'],
    ['TRACE', '/', 'GET, HEAD, OPTIONS'],
  ])('%s %s names the methods that there are', async (method, path, allow) => {
    const answer = await rest.ask(method, path)
    expectProblem(answer, 'METHOD_NOT_ALLOWED')
    expect(answer.headers.allow).toBe(allow)
    expect(answer.json.detail).toBe(`this path does not answer to ${method}; it answers to ${allow}`)
  })

  test('OPTIONS tells the methods, HEAD tells the headers', async () => {
    const options = await rest.ask('OPTIONS', '/v1/topics/t')
    expect([options.status, options.headers.allow]).toEqual([204, 'DELETE, GET, HEAD, OPTIONS, PATCH'])
    const head = await rest.ask('HEAD', '/v1/topics/t')
    const get = await rest.ask('GET', '/v1/topics/t')
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', get.headers['content-length']])
    expect(lines).toEqual([])
  })

  test.each(['/v1/topics/%', '/v1/topics/%zz', '/v1/topics/%ff'])('%s is no path', async (path) => {
    expectProblem(await rest.ask('GET', path), 'INVALID_REQUEST')
  })

  test.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/jsonp'],
    ['application/json; charset=latin1'],
    ['application/json, text/plain'],
    ['text/plain; application/json'],
    [''],
  ])('a body of type %j is refused', async (type) => {
    const answer = await rest.ask('POST', '/v1/topics', { headers: { 'content-type': type }, body: '{"name":"x"}' })
    expectProblem(answer, 'UNSUPPORTED_MEDIA_TYPE')
    expect(await broker.topics.list()).toHaveLength(1)
  })

  test.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('a body of type %j is taken', async (type) => {
    const answer = await rest.ask('POST', '/v1/topics', { headers: { 'content-type': type }, body: '{"name":"x"}' })
    expect(answer.status).toBe(201)
  })

  test('a body without a type is refused, and so are none, a compressed one and one where none belongs', async () => {
    expectProblem(await rest.ask('POST', '/v1/topics', { body: '{"name":"x"}' }), 'UNSUPPORTED_MEDIA_TYPE')
    lines.length = 0
    expectProblem(await rest.ask('POST', '/v1/topics'), 'UNSUPPORTED_MEDIA_TYPE')
    lines.length = 0
    expectProblem(await rest.ask('POST', '/v1/topics', { headers: JSON_TYPE }), 'INVALID_REQUEST')
    lines.length = 0
    const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    expectProblem(await rest.ask('POST', '/v1/topics', { headers: gzip, body: '{}' }), 'UNSUPPORTED_MEDIA_TYPE')
    lines.length = 0
    expectProblem(await rest.ask('DELETE', '/v1/topics/t', { headers: JSON_TYPE, body: '{}' }), 'INVALID_REQUEST')
    expect(await broker.topics.list()).toHaveLength(1)
  })

  test.each([
    ['malformed', '{"name":'],
    ['two values', '{}{}'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['nested without end', `{"records":[{"value":${'['.repeat(10_000)}${']'.repeat(10_000)}}]}`],
    [
      'nested without end, with a suspicious number',
      `{"records":[{"value":${'['.repeat(10_000)}1e1${']'.repeat(10_000)}}]}`,
    ],
    ['nested without end, where it does not belong', '{"a":'.repeat(10_000) + 1 + '}'.repeat(10_000)],
  ])('a body that is %s is refused', async (_, body) => {
    expectProblem(await rest.ask('POST', '/v1/topics/t/records', { headers: JSON_TYPE, body }), 'INVALID_REQUEST')
  })

  test('a foreign host or origin is refused before anything happens', async () => {
    const evil = await rest.ask('DELETE', '/v1/topics/t', { headers: { host: 'evil.example' } })
    expectProblem(evil, 'HOST_NOT_ALLOWED')
    lines.length = 0
    const origin = 'https://evil.example'
    const foreign = await rest.ask('DELETE', '/v1/topics/t', { headers: { origin } })
    expectProblem(foreign, 'ORIGIN_NOT_ALLOWED')
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin')
    lines.length = 0
    const asked = await rest.ask('OPTIONS', '/v1/topics/t', {
      headers: { origin, 'access-control-request-method': 'DELETE' },
    })
    expectProblem(asked, 'ORIGIN_NOT_ALLOWED')
    expect(await broker.topics.list()).toHaveLength(1)
  })

  test('pages of an allowed origin may ask, call, and see errors', async () => {
    const origin = 'https://app.example'
    const asked = await rest.ask('OPTIONS', '/v1/topics', {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    })
    expect(asked.status).toBe(204)
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': expect.stringContaining('Content-Type'),
      vary: 'Origin',
    })
    const made = await rest.ask('POST', '/v1/topics', { headers: { origin }, body: { name: 'x' } })
    expect([made.status, made.headers['access-control-allow-origin']]).toEqual([201, origin])
    const missing = await rest.ask('GET', '/v1/topics/nope', { headers: { origin } })
    expect([missing.status, missing.headers['access-control-allow-origin']]).toEqual([404, origin])
    expect((await rest.ask('GET', '/v1/topics')).headers.vary).toBe('Origin')
  })

  test('a defect is told without its words, and logged with its stack', async () => {
    vi.spyOn(broker.topics, 'list').mockRejectedValue(new TypeError('secret at /data/secret.ts:7'))
    const answer = await rest.ask('GET', '/v1/topics')
    expectProblem(answer, 'INTERNAL')
    expect(answer.text).not.toMatch(/secret|TypeError/)
    expect(lines[0]).toMatchObject({ level: 'error', fields: { err: { stack: expect.stringContaining('secret') } } })
  })

  test('what is thrown without being an error is a defect too', async () => {
    vi.spyOn(broker.topics, 'list').mockRejectedValue(undefined)
    expectProblem(await rest.ask('GET', '/v1/topics'), 'INTERNAL')
  })

  test('details stand beside the members of the problem and never in their place', async () => {
    const details = { status: 1, code: 'x', offset: 7 }
    vi.spyOn(broker.topics, 'list').mockRejectedValue(new MillraceError('LIMIT_REACHED', 'full', { details }))
    const answer = await rest.ask('GET', '/v1/topics')
    expectProblem(answer, 'LIMIT_REACHED')
    expect(answer.json).toMatchObject({ offset: 7, status: 429 })
    expect(answer.headers['retry-after']).toBe('1')
  })

  test('Retry-After says what the error knows', async () => {
    const details = { retryAfterSeconds: 77 }
    vi.spyOn(broker.topics, 'list').mockRejectedValue(new MillraceError('LIMIT_REACHED', 'full', { details }))
    expect((await rest.ask('GET', '/v1/topics')).headers['retry-after']).toBe('77')
  })

  test.each(Object.keys(ERRORS) as ErrorCode[])('%s has its status', async (code) => {
    vi.spyOn(broker.topics, 'list').mockRejectedValue(new MillraceError(code, 'words'))
    expectProblem(await rest.ask('GET', '/v1/topics'), code)
  })

  test('a produce that fails in part is logged once for each reason', async () => {
    const records = [0, 7, 8].map((partition) => ({ value: 'x', partition }))
    expect((await rest.ask('POST', '/v1/topics/t/records', { body: { records } })).status).toBe(207)
    expect(lines.map(({ fields }) => fields.code)).toEqual(['PARTITION_NOT_FOUND'])
  })

  test('the server tells what it is and how it is', async () => {
    const root = await rest.ask('GET', '/')
    expect(root.json).toMatchObject({ name: 'Millrace', links: { topics: '/v1/topics' } })
    expect(root.json.what).toMatch(/commit log/)
    expect(root.json.what).not.toMatch(/queue/)
    for (const link of Object.values(root.json.links)) expect((await rest.ask('GET', String(link))).status).toBe(200)
    expect((await rest.ask('GET', '/healthz')).json).toEqual({ status: 'ok' })
    expect((await rest.ask('GET', '/readyz')).json).toEqual({ status: 'ready' })
  })

  test('a server that cannot do its work is not ready, and says why', async () => {
    vi.spyOn(broker, 'problems').mockResolvedValue(['the disk is full', 'it is late'])
    const { status, headers, json } = await rest.ask('GET', '/readyz')
    expect([status, headers['content-type']]).toEqual([503, 'application/problem+json'])
    expect(json).toMatchObject({ code: 'NOT_READY', problems: ['the disk is full', 'it is late'] })
    expect((await rest.ask('GET', '/healthz')).status).toBe(200)
  })

  test('a server that shuts down says so', async () => {
    app.drain()
    const answer = await rest.ask('GET', '/v1/topics')
    expectProblem(answer, 'SHUTTING_DOWN')
    if (protocol === 'HTTP/1.1') expect(answer.headers.connection).toBe('close')
    expect((await rest.ask('GET', '/readyz')).json).toMatchObject({ status: 503, code: 'NOT_READY' })
    expect((await rest.ask('GET', '/healthz')).status).toBe(200)
  })
})
