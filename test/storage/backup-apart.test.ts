import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Millrace } from '@millrace/client'
import { startServer } from '@millrace/server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { assertSound } from './sound-directory.ts'

/** More than what is freed of a file at a time. */
const SEGMENT_BYTES = 5 * 2 ** 20
const VALUE = 'v'.repeat(100_000)
const RECORDS = 160
const KEYS = 10

test('nothing that becomes of the data changes a backup that shares files with it', { timeout: 120_000 }, async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-apart-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  const limits = { housekeepingIntervalMs: 100 }
  const server = await startServer({ data: join(root, 'data'), http: '127.0.0.1:0', limits })
  const client = new Millrace({ url: server.url })
  onTestFinished(async () => {
    await client.close()
    await server.close()
  })
  const { admin } = client
  const producer = client.producer()
  const write = async (topic: string): Promise<void> => {
    for (let record = 0; record < RECORDS; record++) {
      await producer.send({ topic, key: `${record % KEYS}`, value: `${record} ${VALUE}` })
    }
  }
  for (const name of ['expired', 'compacted', 'cut', 'deleted']) {
    await admin.createTopic({ name, config: { 'segment.bytes': SEGMENT_BYTES } })
    await write(name)
  }
  const { path } = await admin.createBackup({ name: 'apart' })
  const before = await checksumsOf(path)
  expect(before.size).toBeGreaterThan(20)

  const startOf = async (name: string): Promise<number> =>
    (await admin.describeTopic(name)).partitions[0]!.logStartOffset
  const sizeOf = async (name: string): Promise<number> => (await admin.describeTopic(name)).partitions[0]!.sizeBytes
  await admin.alterTopic('expired', { config: { 'retention.bytes': 1 } })
  await admin.alterTopic('compacted', { config: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0 } })
  await admin.deleteRecords({ topic: 'cut', partition: 0, before: RECORDS - 1 })
  await admin.deleteTopic('deleted')
  for (const name of ['expired', 'compacted', 'cut']) await write(name)
  const ended = { timeout: 30_000 }
  await vi.waitFor(async () => expect(await startOf('expired')).toBeGreaterThan(RECORDS), ended)
  await vi.waitFor(async () => expect(await sizeOf('compacted')).toBeLessThan(RECORDS * VALUE.length), ended)
  await vi.waitFor(async () => {
    const names = await readdir(join(root, 'data'))
    expect(names.filter((name) => name.endsWith('.deleted'))).toEqual([])
  }, ended)
  await client.close()
  await server.close()

  expect(await checksumsOf(path)).toEqual(before)
  await assertSound(path)
  await assertSound(join(root, 'data'))
})

async function checksumsOf(directory: string): Promise<Map<string, string>> {
  const sums = new Map<string, string>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    sums.set(relative(directory, path), hash.digest('hex'))
  }
  return sums
}
