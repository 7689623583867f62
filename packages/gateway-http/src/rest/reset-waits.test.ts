import { once } from 'node:events'
import { expect, test } from 'vitest'
import { serveRpc, until } from '../../test/rpc-harness.ts'

test('a wait whose HTTP/2 client resets it leaves nothing that counts as not taken', async () => {
  const server = await serveRpc()
  try {
    await server.broker.topics.create({ name: 't', partitions: 1 })
    const { session } = server.connect()
    const path = '/v1/topics/t/partitions/0/records?from=latest&waitMs=60000'
    const stream = session.request({ ':path': path })
    await until(() => server.gateway.stats().waits === 1)
    stream.close(8)
    await once(stream, 'close')
    await until(() => server.gateway.stats().waits === 0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(server.gateway.stats().unsentBytes).toBe(0)
  } finally {
    await server.close()
  }
})
