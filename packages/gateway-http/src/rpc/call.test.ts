import { once } from 'node:events'
import { connect, constants, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { DEFAULT_LIMITS, MillraceError, systemClock } from '@millrace/record'
import { expect, onTestFinished, test } from 'vitest'
import { recordingLogger } from '../../test/rest-harness.ts'
import { Answers } from '../answers.ts'
import { InFlight } from '../in-flight.ts'
import { OpenCount } from '../open-count.ts'
import { RequestStats } from '../request-stats.ts'
import { Unsent } from '../unsent.ts'
import { Call, type CallContext } from './call.ts'
import { ConnectionBudget } from './connection-budget.ts'

/** The server's side of a stream whose client waits for an answer. */
async function openStream(): Promise<ServerHttp2Stream> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  client.request({ ':method': 'POST' }).on('error', () => {})
  const [stream] = (await once(server, 'stream')) as [ServerHttp2Stream]
  return stream
}

function contextOf(): CallContext {
  const unsent = new Unsent(DEFAULT_LIMITS.unsentBytes)
  return {
    clock: systemClock,
    logger: recordingLogger().logger,
    limits: DEFAULT_LIMITS,
    unsent,
    answers: new Answers(DEFAULT_LIMITS, unsent),
    followed: new OpenCount(() => 1),
    requests: new RequestStats(systemClock),
  }
}

// Node.js throws when a stream is answered that was reset, also before it has told so.
test.each<[string, (call: Call) => void]>([
  ['is begun', (call) => call.begin()],
  ['gets a message', (call) => call.write([Buffer.alloc(1)])],
  ['ends', (call) => call.end()],
  ['fails', (call) => call.end(new MillraceError('LIMIT_REACHED', 'no room'))],
  ['is to end as soon as its messages are sent', (call) => call.stream.emit('wantTrailers')],
])('a call that was reset and %s bears that', async (_name, use) => {
  const stream = await openStream()
  const budget = new ConnectionBudget(DEFAULT_LIMITS, new InFlight(DEFAULT_LIMITS), { bytes: 0 })
  const call = new Call(stream, '/some', contextOf(), budget)
  stream.close(constants.NGHTTP2_CANCEL)
  expect(stream.destroyed).toBe(false)
  use(call)
  if (!stream.destroyed) await once(stream, 'close')
  expect(stream.headersSent).toBe(false)
})
