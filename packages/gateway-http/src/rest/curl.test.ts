import { execFile, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { Broker } from '@millrace/broker'
import { DEFAULT_LIMITS, silentLogger, systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpGateway, type HttpGateway } from '../gateway.ts'

const run = promisify(execFile)
const curlVersion = spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout ?? ''
const hasHttp2 = curlVersion.includes('HTTP2')

let gateway: HttpGateway
let port: number
let url: string

beforeAll(async () => {
  const engine = createMemoryEngine({ clock: systemClock })
  const broker = new Broker({ engine, clock: systemClock })
  const options = { broker, clock: systemClock, logger: silentLogger, limits: DEFAULT_LIMITS, checkHost: true }
  gateway = createHttpGateway(options)
  port = (await gateway.listen('127.0.0.1', 0)).port
  url = `http://127.0.0.1:${port}`
})
afterAll(() => gateway.close(0))

describe.skipIf(curlVersion === '').each([
  ['--http1.1', '1.1'],
  ['--http2-prior-knowledge', '2'],
])('curl %s', (flag, version) => {
  const topic = `orders-${version}`

  /** Status, version of HTTP, content type and parsed body of what curl got. */
  async function curl(path: string, ...options: string[]) {
    const format = '\n%{http_code} %{http_version} %{content_type}'
    const { stdout } = await run('curl', ['-sS', flag, '-w', format, ...options, `${url}${path}`], {
      maxBuffer: 2 ** 26,
    })
    const end = stdout.lastIndexOf('\n')
    const [status, spoken, ...type] = stdout.slice(end + 1).split(' ')
    const body = stdout.slice(0, end)
    expect(spoken).toBe(version)
    return { status: Number(status), type: type.join(' '), body, json: body === '' ? undefined : JSON.parse(body) }
  }
  const send = (body: unknown) => ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)]

  test.skipIf(version === '2' && !hasHttp2)('does every REST line', async () => {
    expect(await curl('/')).toMatchObject({ status: 200, json: { name: 'Millrace' } })
    expect(await curl('/healthz')).toMatchObject({ status: 200 })
    expect(await curl('/readyz')).toMatchObject({ status: 200 })

    expect(await curl('/v1/topics', ...send({ name: topic, partitions: 2 }))).toMatchObject({ status: 201 })
    expect((await curl('/v1/topics', ...send({ name: topic }))).json).toMatchObject({
      code: 'TOPIC_EXISTS',
      status: 409,
    })
    expect((await curl('/v1/topics')).json.topics.map(({ name }: { name: string }) => name)).toContain(topic)
    expect((await curl(`/v1/topics/${topic}`)).json.partitions).toHaveLength(2)

    const records = [
      { key: 'c42', value: { total: 10 }, headers: { source: 'shop' }, partition: 0, timestamp: 1_000 },
      { valueBase64: '/w==', partition: 0, timestamp: 2_000 },
    ]
    const produced = await curl(`/v1/topics/${topic}/records`, ...send({ records }))
    expect(produced.json.results.map(({ offset }: { offset: number }) => offset)).toEqual([0, 1])

    const partition = `/v1/topics/${topic}/partitions/0`
    expect((await curl(`${partition}/records?offset=0&as=json&limit=1&maxBytes=1000`)).json.records).toEqual([
      { offset: 0, timestamp: 1_000, key: 'c42', value: { total: 10 }, headers: [{ key: 'source', value: 'shop' }] },
    ])
    const ofTime = await curl(`${partition}/records?timestamp=1500&isolation=uncommitted`)
    expect(ofTime.json.records).toMatchObject([{ offset: 1, valueBase64: '/w==' }])
    expect((await curl(`${partition}/records?from=earliest`)).json).toMatchObject({ nextOffset: 2, highWatermark: 2 })
    expect((await curl(`${partition}/records?from=latest&waitMs=1`)).json).toMatchObject({ records: [], nextOffset: 2 })
    expect((await curl(`${partition}/records?offset=9`)).json).toMatchObject({ status: 416, highWatermark: 2 })

    expect((await curl(`${partition}/offsets`)).json).toEqual({ earliest: 0, latest: 2 })
    expect((await curl(`${partition}/offsets?at=latest`)).json).toEqual({ offset: 2, found: true })
    expect((await curl(`${partition}/offsets?timestamp=1001`)).json).toEqual({
      offset: 1,
      timestamp: 2_000,
      found: true,
    })

    expect(await curl(`/v1/topics/${topic}`, '-X', 'DELETE')).toMatchObject({ status: 204, body: '' })
    const gone = await curl(`/v1/topics/${topic}`)
    expect(gone).toMatchObject({ status: 404, type: 'application/problem+json', json: { code: 'TOPIC_NOT_FOUND' } })
  })

  test.skipIf(version === '2' && !hasHttp2)('sees why it is refused', async () => {
    const code = async (...ask: Parameters<typeof curl>) => (await curl(...ask)).json.code
    expect(await code('/v1/topics', '-d', '{"name":"x"}')).toBe('UNSUPPORTED_MEDIA_TYPE')
    expect(await code('/v1/topics', '-H', 'Host: evil.example')).toBe('HOST_NOT_ALLOWED')
    expect(await code('/v1/topics', '-H', 'Origin: https://evil.example')).toBe('ORIGIN_NOT_ALLOWED')
    expect(await code('/v1/topics', '-X', 'PATCH')).toBe('METHOD_NOT_ALLOWED')
    expect(await code('/v1/nope')).toBe('ROUTE_NOT_FOUND')
    expect(await code('/v1/topics', ...send({ name: 'x'.repeat(100_000) }))).toBe('INVALID_TOPIC_NAME')
    expect(await code('/v1/nope', ...send({ name: 'x'.repeat(100_000) }))).toBe('ROUTE_NOT_FOUND')
  })
})

describe('what is not HTTP', () => {
  async function raw(bytes: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(bytes)
    return text(socket)
  }

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', '400', 'INVALID_REQUEST'],
    ['a request without a host', 'GET / HTTP/1.1\r\n\r\n', '400', ''],
    ['a malformed header', 'GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n', '400', 'INVALID_REQUEST'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      '400',
      'INVALID_REQUEST',
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
      'INVALID_REQUEST',
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`,
      '413',
      'REQUEST_TOO_LARGE',
    ],
    ['no name of a host', 'GET / HTTP/1.0\r\n\r\n', '403', 'HOST_NOT_ALLOWED'],
    [
      'a path elsewhere',
      'GET http://evil.example/v1/topics HTTP/1.1\r\nHost: evil.example\r\n\r\n',
      '403',
      'HOST_NOT_ALLOWED',
    ],
  ])('%s is refused', async (_, bytes, status, code) => {
    const answer = await raw(bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toContain(code === '' ? '' : `"code":"${code}"`)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })
})
