import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Millrace } from '@millrace/client'
import { startServer } from '@millrace/server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { batchOf, Flood, Follower, openSession } from './raw-clients.ts'

test('a batch goes out to 100 readers at the tail as one Buffer', async () => {
  await using server = await startServer({ data: 'memory', http: '127.0.0.1:0' })
  await using client = new Millrace({ url: server.url })
  await client.admin.createTopic({ name: 't', partitions: 1 })
  const sessions = Array.from({ length: 101 }, () => openSession(server.url))
  onTestFinished(() => {
    for (const session of sessions) session.destroy()
  })
  const readers = sessions.slice(1).map((session) => new Follower(session, { topic: 't', from: 'latest' }))
  // The first message says where reading begins.
  await Promise.all(readers.map(({ stream }) => once(stream, 'data')))
  const batch = batchOf(10_000)
  const sent: unknown[] = []
  const write = Duplex.prototype.write
  const spy = vi.spyOn(Duplex.prototype, 'write').mockImplementation(function (this: Duplex, chunk: Buffer) {
    if (this.constructor.name === 'ServerHttp2Stream' && chunk.length === batch.length) sent.push(chunk)
    return write.call(this, chunk, undefined as never)
  } as typeof write)
  onTestFinished(() => spy.mockRestore())
  new Flood(sessions[0]!, { topic: 't', batch, inFlight: 1 }).stop()
  while (readers.some(({ batches }) => batches === 0)) await sleep(5)
  expect(sent).toHaveLength(readers.length)
  expect(new Set(sent).size).toBe(1)
})
