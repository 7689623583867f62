import { cp, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Millrace } from '@millrace/client'
import { startServer } from '@millrace/server'
import { expect, onTestFinished, test } from 'vitest'
import { assertSound } from '../storage/sound-directory.ts'
import { millrace, serve, temporaryDirectory } from './harness.ts'

const SEGMENT_BYTES = 20_000

/** A server in this process and a client of it; both end with the test. */
async function serverOver(data: string, backupDir?: string) {
  const server = await startServer({ data, http: '127.0.0.1:0', ...(backupDir === undefined ? {} : { backupDir }) })
  const client = new Millrace({ url: server.url })
  const end = async (): Promise<void> => {
    await client.close()
    await server.close()
  }
  onTestFinished(end)
  return { server, client, end }
}

async function valuesOf(client: Millrace, topic: string): Promise<number[]> {
  const values: number[] = []
  for await (const record of client.read({ topic, to: 'end' })) values.push(Number(record.text()))
  return values.sort((a, b) => a - b)
}

test('a backup that is made while records come is restored with its groups and transactions', async () => {
  const root = await temporaryDirectory()
  const { client, end } = await serverOver(join(root, 'data'))
  await client.admin.createTopic({ name: 'events', partitions: 4, config: { 'segment.bytes': SEGMENT_BYTES } })
  await client.admin.createTopic({ name: 'ledger' })
  const ledger = client.producer({ transactionalId: 'ledger' })
  await ledger.transaction(async (tx) => void tx.send({ topic: 'ledger', value: '0' }))
  await client.admin.commitOffsets({ group: 'readers', offsets: [{ topic: 'events', partition: 2, offset: 0 }] })

  const producer = client.producer()
  let sent = 0
  let isDone = false
  const sending = (async () => {
    while (!isDone) {
      const batch = Array.from({ length: 50 }, (_, index) => ({
        topic: 'events',
        value: `${sent + index}`,
        key: `${sent + index}`,
      }))
      await producer.sendBatch(batch)
      sent += batch.length
    }
  })()
  while (sent < 10_000) await new Promise((resolve) => setImmediate(resolve))
  const before = sent
  const backup = await client.admin.createBackup({ name: 'while-busy' })
  const after = sent
  isDone = true
  await sending
  await ledger.transaction(async (tx) => void tx.send({ topic: 'ledger', value: '1' }))
  expect(backup).toMatchObject({ name: 'while-busy', path: join(root, 'data/backups/while-busy'), partitions: 8 })
  expect(backup.copiedBytes).toBeLessThanOrEqual(8 * SEGMENT_BYTES)
  expect(backup.sizeBytes).toBeGreaterThan(backup.copiedBytes)
  await end()

  await assertSound(backup.path)
  await cp(backup.path, join(root, 'restored'), { recursive: true })
  const restored = await serverOver(join(root, 'restored'))
  const values = await valuesOf(restored.client, 'events')
  expect(values).toEqual(Array.from({ length: values.length }, (_, index) => index))
  expect(values.length).toBeGreaterThanOrEqual(before)
  expect(values.length).toBeLessThanOrEqual(after + 50)
  expect(await valuesOf(restored.client, 'ledger')).toEqual([0])
  const { offsets } = { offsets: await restored.client.admin.fetchOffsets({ group: 'readers' }) }
  expect(offsets).toMatchObject([{ topic: 'events', partition: 2, offset: 0 }])
  await restored.client
    .producer({ transactionalId: 'ledger' })
    .transaction(async (tx) => void tx.send({ topic: 'ledger', value: '2' }))
  expect(await valuesOf(restored.client, 'ledger')).toEqual([0, 2])
})

test('the files of closed segments are shared, those that are written to are not', async () => {
  const root = await temporaryDirectory()
  const { client } = await serverOver(join(root, 'data'), join(root, 'elsewhere'))
  await client.admin.createTopic({ name: 't', config: { 'segment.bytes': 1_024 } })
  const producer = client.producer()
  for (let record = 0; record < 5; record++) await producer.send({ topic: 't', value: 'v'.repeat(600) })
  await client.admin.createBackup({ name: 'b' })
  const logs = (await readdir(join(root, 'elsewhere/b/t-0'))).filter((name) => name.endsWith('.log'))
  const links = await Promise.all(logs.map(async (name) => (await stat(join(root, 'elsewhere/b/t-0', name))).nlink))
  expect(links).toEqual([...Array(logs.length - 1).fill(2), 1])
  expect(logs.length).toBeGreaterThan(2)
})

test('the command makes one and says where, and what goes wrong', async () => {
  const root = await temporaryDirectory()
  const data = join(root, 'data')
  const logFile = join(root, 'log')
  const server = await serve('--data', data, '--log-file', logFile)
  const env = { MILLRACE_URL: server.url }
  const made = await millrace(['backup', 'one'], { env })
  expect([made.code, made.stdout]).toEqual([0, `${join(data, 'backups/one')}\n`])
  const logged = () => readFile(logFile, 'utf8')
  await expect.poll(logged).toMatch(new RegExp(`"backup":"${data}/backups/one",.*"msg":"backup made"`))
  const timed = await millrace(['backup', '--json'], { env })
  expect(JSON.parse(timed.stdout).name).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/)
  expect(await millrace(['backup', 'one'], { env })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('BACKUP_EXISTS'),
  })
  expect(await millrace(['backup', '../x'], { env })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('INVALID_REQUEST'),
  })
  const answer = await fetch(`${server.url}/v1/backups`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name": "two"}',
  })
  expect([answer.status, await answer.json()]).toMatchObject([201, { name: 'two', path: join(data, 'backups/two') }])
})

test('a server in memory has none to make', async () => {
  const { client } = await serverOver('memory')
  await expect(client.admin.createBackup()).rejects.toMatchObject({ code: 'UNIMPLEMENTED' })
})
