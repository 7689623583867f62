import { join } from 'node:path'
import { Millrace, type MillraceError } from '@millrace/client'
import { expect, onTestFinished, test } from 'vitest'
import { serve, temporaryDirectory } from './harness.ts'

const both = (value: string) => [0, 1].map((partition) => ({ topic: 't', partition, value: `${value}${partition}` }))

async function values(mr: Millrace): Promise<string[]> {
  const found: string[] = []
  for await (const { value } of mr.read({ topic: 't', to: 'end' })) found.push(`${value}`)
  return found.sort()
}

test('a server that is killed keeps what was committed, aborts what was open, and its clients go on', async () => {
  const data = join(await temporaryDirectory(), 'data')
  let server = await serve('--data', data)
  const { host } = new URL(server.url)
  const mr = new Millrace({ url: server.url, retryMs: 5 })
  onTestFinished(() => mr.close({ signal: AbortSignal.abort() }))
  await mr.admin.createTopic({ name: 't', partitions: 2 })
  const kill = async (): Promise<void> => {
    await server.end('SIGKILL')
    server = await serve('--data', data, '--http', host)
  }

  const pipe = mr.producer({ transactionalId: 'pipe' })
  await pipe.transaction((tx) => tx.sendBatch(both('a')))
  await kill()
  await pipe.transaction((tx) => tx.sendBatch(both('b')))
  const open = pipe.transaction(async (tx) => {
    await tx.sendBatch(both('c'))
    await kill()
    await tx.sendBatch(both('d'))
  })
  await expect(open).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' })
  await pipe.transaction((tx) => tx.sendBatch(both('e')))
  expect(await values(mr)).toEqual(['a0', 'a1', 'b0', 'b1', 'e0', 'e1'])
})

test('a server that is killed while it commits leaves one outcome everywhere, which the client is told', async () => {
  const data = join(await temporaryDirectory(), 'data')
  let server = await serve('--data', data)
  const { host } = new URL(server.url)
  const mr = new Millrace({ url: server.url, retryMs: 5 })
  onTestFinished(() => mr.close({ signal: AbortSignal.abort() }))
  await mr.admin.createTopic({ name: 't', partitions: 2 })
  const pipe = mr.producer({ transactionalId: 'pipe' })
  const expected: string[] = []
  for (let round = 0; round < 4; round++) {
    const name = String.fromCharCode(97 + round)
    const outcome = pipe
      .transaction(async (tx) => {
        await tx.sendBatch(both(name))
      })
      .then(
        () => expected.push(`${name}0`, `${name}1`),
        (reason) => expect((reason as MillraceError).code).toBe('TRANSACTION_ABORTED'),
      )
    // Somewhere from before the first batch to after the commit.
    await new Promise((resolve) => setTimeout(resolve, round * 3))
    await server.end('SIGKILL')
    server = await serve('--data', data, '--http', host)
    await outcome
  }
  expect(await values(mr)).toEqual(expected)
})
