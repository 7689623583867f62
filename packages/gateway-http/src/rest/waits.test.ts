import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, constants } from 'node:http2'
import { Broker } from '@millrace/broker'
import { createMemoryEngine, ManualClock } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type LogLine,
  PROTOCOLS,
  type Protocol,
  type RestServer,
  recordingLogger,
  restApp,
  serveRest,
} from '../../test/rest-harness.ts'
import type { RestApp } from './app.ts'

const PATH = '/v1/topics/t/partitions/0/records?waitMs=30000'

describe.each(PROTOCOLS)('a fetch that waits, over %s,', (protocol) => {
  let clock: ManualClock
  let app: RestApp
  let rest: RestServer
  let lines: LogLine[]
  /** The wait that began, once it has: its signal and its outcome. */
  let waiting: Promise<{ signal: AbortSignal; ended: Promise<unknown> }>

  beforeEach(async () => {
    clock = new ManualClock()
    const recorder = recordingLogger()
    lines = recorder.lines
    const broker = new Broker({ engine: createMemoryEngine({ clock }), clock })
    const began = Promise.withResolvers<{ signal: AbortSignal; ended: Promise<unknown> }>()
    waiting = began.promise
    const fetch = broker.fetch.answer.bind(broker.fetch)
    vi.spyOn(broker.fetch, 'answer').mockImplementation((where, options, make) => {
      const ended = fetch(where, options, make)
      if (options?.signal !== undefined) began.resolve({ signal: options.signal, ended })
      return ended
    })
    app = await restApp({ broker, clock, logger: recorder.logger })
    rest = await serveRest(app, protocol)
    await rest.ask('POST', '/v1/topics', { body: { name: 't' } })
  })
  afterEach(() => rest.close())

  test('is answered as soon as there is a record', async () => {
    const answer = rest.ask('GET', PATH)
    await waiting
    await rest.ask('POST', '/v1/topics/t/records', { body: { records: [{ value: 'x' }] } })
    expect((await answer).json).toMatchObject({ records: [{ value: 'x' }], nextOffset: 1 })
  })

  test('is answered with nothing when its time is up', async () => {
    const answer = rest.ask('GET', PATH)
    await waiting
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    clock.advance(30_000)
    expect((await answer).json).toMatchObject({ records: [], nextOffset: 0 })
  })

  test('ends when its client goes away', async () => {
    const leave = startFetch(rest.port, protocol)
    const { signal, ended } = await waiting
    expect(signal.aborted).toBe(false)
    const aborted = once(signal, 'abort')
    leave()
    await aborted
    expect(JSON.parse(String(await ended))).toMatchObject({ records: [] })
    expect((await rest.ask('GET', '/healthz')).status).toBe(200)
    expect(lines).toEqual([])
  })

  test('is answered at once when the server drains', async () => {
    const answer = rest.ask('GET', PATH)
    const { signal } = await waiting
    app.drain()
    expect(signal.aborted).toBe(true)
    expect(await answer).toMatchObject({ status: 200, json: { records: [] } })
  })

  test('ends with TOPIC_NOT_FOUND when the topic is deleted', async () => {
    const answer = rest.ask('GET', PATH)
    await waiting
    await rest.ask('DELETE', '/v1/topics/t')
    expect(await answer).toMatchObject({ status: 404, json: { code: 'TOPIC_NOT_FOUND' } })
  })
})

/** Starts a fetch and gives the function that gives it up. */
function startFetch(port: number, protocol: Protocol): () => void {
  if (protocol === 'HTTP/1.1') {
    const request = httpRequest({ host: '127.0.0.1', port, path: PATH, agent: false })
    request.on('error', () => {})
    request.end()
    return () => request.destroy()
  }
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  const stream = session.request({ ':path': PATH })
  stream.on('error', () => {})
  return () => {
    stream.close(constants.NGHTTP2_CANCEL)
    session.close()
  }
}
