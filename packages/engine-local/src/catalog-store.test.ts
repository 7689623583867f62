import { BatchBuilder, RecordBatch } from '@millrace/record'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'
import { metadataOf } from './partition-files.ts'

const CATALOG_LOG = '/data/__millrace_catalog-0/00000000000000000000.log'

async function makeFile(disk: CrashDisk, path: string, content: Buffer): Promise<void> {
  await disk.makeDirectory(path.slice(0, path.lastIndexOf('/')))
  const file = await disk.open(path, { create: true })
  await file.writev([content], 0)
}

/** A disk with a data directory that has this catalog. */
async function diskWith(catalog: Buffer): Promise<CrashDisk> {
  const disk = new CrashDisk(seededRandom(1))
  await makeFile(disk, '/data/format-version', Buffer.from('1\n'))
  await makeFile(disk, CATALOG_LOG, catalog)
  return disk
}

/** The catalog's log as it is on disk: one record to a batch, a JSON value or none. */
function logOf(records: readonly (readonly [key: string, json: string | null])[]): Buffer {
  const batches = records.map(([key, json], offset) => {
    const builder = new BatchBuilder()
    builder.append({ key: Buffer.from(key), value: json === null ? null : Buffer.from(json), timestamp: 1 })
    const batch = builder.build()
    batch.stamp(offset, 0)
    return batch.buffer
  })
  return Buffer.concat(batches)
}

describe('the catalog', () => {
  test('is read as the documented records say', async () => {
    const topic = {
      id: 'b0000000-0000-4000-8000-000000000001',
      name: 'kept',
      partitions: 1,
      settings: {},
      createdAtMs: 5,
    }
    const log = logOf([
      ['topic/gone', '{"id":"gone","name":"gone","partitions":1,"settings":{},"createdAtMs":4}'],
      [`topic/${topic.id}`, JSON.stringify(topic)],
      ['producer-ids', '{"end":1000}'],
      ['topic/gone', null],
      ['producer-ids', '{"end":3000}'],
    ])
    const disk = await diskWith(log)
    await makeFile(disk, '/data/kept-0/partition.metadata', metadataOf(topic.id))
    const engine = await openLocalEngine({ disk, dataDir: '/data', clock: new ManualClock() })
    expect(await engine.topics.list()).toEqual([topic])
    expect(await engine.producers.allocate()).toEqual({ producerId: 3_000, producerEpoch: 0 })
    await engine.close()
  })

  test('is written so', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const engine = await openLocalEngine({ disk, dataDir: '/data', clock: new ManualClock() })
    const topic = await engine.topics.create({ name: 'a', partitions: 1, settings: { 'retention.ms': '7' } })
    await engine.producers.allocate()
    await engine.topics.delete(topic.id)
    await engine.close()
    const content = disk.contentOf(CATALOG_LOG)
    const found: unknown[] = []
    for (let at = 0; at < content.length; ) {
      const batch = RecordBatch.at(content, at)
      for (const { key, value } of batch.records(1 << 20)) found.push([String(key), value && JSON.parse(String(value))])
      at += batch.sizeBytes
    }
    expect(found).toEqual([
      [`topic/${topic.id}`, topic],
      ['producer-ids', { end: 1_000 }],
      [`topic/${topic.id}`, null],
      [`deleted-topic/${topic.id}`, topic],
      [`deleted-topic/${topic.id}`, null],
    ])
  })

  test('keeps the engine from opening when a record of it has no meaning', async () => {
    const disk = await diskWith(logOf([['producer-ids', '{"end":']]))
    await expect(openLocalEngine({ disk, dataDir: '/data', clock: new ManualClock() })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining("the table's record at offset 0 has no meaning"),
    })
  })
})
