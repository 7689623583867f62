import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Millrace } from '@millrace/client'
import type { TopicSettings } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { nodeDisk } from '@millrace/log'
import {
  BatchBuilder,
  COMPRESSION_CODECS,
  type CompressionCodec,
  DEFAULT_LIMITS,
  type RecordInput,
} from '@millrace/record'
import { startServer } from '@millrace/server'
import { ManualClock, seededRandom } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dumpLogSegments, KAFKA_TOOLS } from './dump-log-segments.ts'

const SETTINGS = { 'segment.bytes': '16384', 'index.interval.bytes': '512' }

let data = ''
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'millrace-interop-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

interface Written extends RecordInput {
  readonly timestamp: number
}

/** Appends batches to partition 0 of a new topic `t` of an engine that is then closed. */
async function write(
  batches: readonly { records: readonly Written[]; codec: CompressionCodec }[],
  settings: TopicSettings,
  clock = new ManualClock(),
) {
  const engine = await openLocalEngine({ disk: nodeDisk(), dataDir: data, clock })
  const { id } = await engine.topics.create({ name: 't', partitions: 1, settings })
  const partition = engine.partition(id, 0)
  for (const { records, codec } of batches) {
    const builder = new BatchBuilder()
    for (const record of records) builder.append(record)
    clock.advance(1)
    await partition.append(builder.build({ compression: codec }).buffer, { acks: 'committed' })
  }
  await engine.close()
}

/** Records as a seed draws them: null and empty keys and values, headers, timestamps in no order. */
function drawRecords(seed: number, count: number): Written[] {
  const random = seededRandom(seed)
  const bytes = () => random.pick([null, Buffer.alloc(0), random.bytes(random.int(1, 200))])
  return Array.from({ length: count }, () => ({
    key: bytes(),
    value: bytes(),
    timestamp: 1_700_000_000_000 + random.int(0, 100_000),
    headers: Array.from({ length: random.int(0, 3) }, (_, index) => ({ key: `h${index}`, value: bytes() })),
  }))
}

function inBatches(records: readonly Written[], seed: number, codec: () => CompressionCodec) {
  const random = seededRandom(seed)
  const batches: { records: Written[]; codec: CompressionCodec }[] = []
  for (let at = 0; at < records.length; ) {
    const size = random.int(1, 12)
    batches.push({ records: records.slice(at, at + size), codec: codec() })
    at += size
  }
  return batches
}

function asDumped(records: readonly Written[], firstOffset = 0) {
  return records.map(({ key, value, timestamp, headers = [] }, index) => ({
    offset: firstOffset + index,
    timestampType: 'CreateTime',
    timestamp,
    keySize: key?.length ?? -1,
    valueSize: value?.length ?? -1,
    headerKeys: headers.map((header) => header.key),
  }))
}

async function filesIn(suffix: string): Promise<string[]> {
  return (await readdir(join(data, 't-0'))).filter((name) => name.endsWith(suffix)).sort()
}

describe.skipIf(KAFKA_TOOLS === undefined)("Apache Kafka's DumpLogSegments", () => {
  test.each(COMPRESSION_CODECS)('reads what was written with the codec %s, in rolled segments', async (codec) => {
    const records = drawRecords(1, 600)
    await write(
      inBatches(records, 2, () => codec),
      SETTINGS,
    )
    const dump = await dumpLogSegments(join(data, 't-0'))
    expect(dump.complaints).toEqual([])
    expect(dump.batches.filter(({ isValid }) => !isValid)).toEqual([])
    expect(new Set(dump.batches.map((batch) => batch.codec))).toEqual(new Set([codec]))
    expect(dump.records).toEqual(asDumped(records))
    expect((await filesIn('.log')).length).toBeGreaterThan(1)
    expect(dump.saneIndexes).toBe((await filesIn('index')).length)
    expect(dump.indexEntries).toBeGreaterThan(dump.saneIndexes)
  })

  test.each([
    ['rise', (index: number) => index],
    ['fall', (index: number) => 10_000 - index],
    ['are equal', () => 5],
    ['leap ahead once', (index: number) => (index === 3 ? 1_000_000 : index)],
  ])('finds time indexes right when timestamps %s', async (_, timestampOf) => {
    const records = drawRecords(3, 800).map((record, index) => ({ ...record, timestamp: timestampOf(index) }))
    await write(
      inBatches(records, 4, () => 'none'),
      SETTINGS,
    )
    const dump = await dumpLogSegments(join(data, 't-0'))
    expect(dump.complaints).toEqual([])
    expect(dump.records).toEqual(asDumped(records))
  })

  test.each(COMPRESSION_CODECS)('reads the times of appends, with the codec %s', async (codec) => {
    const batches = inBatches(drawRecords(11, 600), 12, () => codec)
    const clock = new ManualClock(1_800_000_000_000)
    const settings = { ...SETTINGS, 'message.timestamp.type': 'LogAppendTime' }
    await write(batches, settings, clock)
    const dump = await dumpLogSegments(join(data, 't-0'))
    expect(dump.complaints).toEqual([])
    expect(dump.batches.filter(({ isValid }) => !isValid)).toEqual([])
    const times = batches.flatMap(({ records }, batch) => records.map(() => 1_800_000_000_001 + batch))
    const expected = asDumped(batches.flatMap(({ records }) => records))
    expect(dump.records).toEqual(
      expected.map((record, index) => ({ ...record, timestampType: 'LogAppendTime', timestamp: times[index] })),
    )
  })

  test('finds the indexes right after shutdowns in the middle of segments, and after a crash', async () => {
    const random = seededRandom(5)
    const clock = new ManualClock()
    const open = () => openLocalEngine({ disk: nodeDisk(), dataDir: data, clock })
    let engine = await open()
    const { id } = await engine.topics.create({ name: 't', partitions: 1, settings: SETTINGS })
    const records = drawRecords(6, 400)
    for (const { records: some } of inBatches(records, 7, () => 'none')) {
      const builder = new BatchBuilder()
      for (const record of some) builder.append(record)
      await engine.partition(id, 0).append(builder.build().buffer, { acks: 'committed' })
      if (!random.bool(0.1)) continue
      await engine.close()
      // Without its marker the next start takes it for a crash, and makes the indexes again.
      if (random.bool()) await rm(join(data, 'clean-shutdown'))
      engine = await open()
    }
    await engine.close()
    const dump = await dumpLogSegments(join(data, 't-0'))
    expect(dump.complaints).toEqual([])
    expect(dump.records).toEqual(asDumped(records))
  })

  test('reads what idempotent producers sent through the client and the server', async () => {
    const server = await startServer({ data, http: '127.0.0.1:0' })
    const client = new Millrace({ url: server.url })
    await client.admin.createTopic({ name: 't', partitions: 1, config: SETTINGS })
    const RECORDS = 300
    for (const compression of COMPRESSION_CODECS) {
      const producer = client.producer({ compression })
      const sent = Array.from({ length: RECORDS }, (_, index) =>
        producer.send({
          topic: 't',
          key: `k${index % 7}`,
          value: { index, text: 'v'.repeat(index) },
          headers: [{ key: 'codec', value: Buffer.from(compression) }],
        }),
      )
      await Promise.all(sent)
    }
    await client.close()
    await server.close()
    const dump = await dumpLogSegments(join(data, 't-0'))
    expect(dump.complaints).toEqual([])
    expect(dump.batches.filter(({ isValid, producerId }) => !isValid || producerId < 0)).toEqual([])
    expect(new Set(dump.batches.map(({ producerId }) => producerId)).size).toBe(COMPRESSION_CODECS.length)
    expect(new Set(dump.batches.map(({ codec }) => codec))).toEqual(new Set(COMPRESSION_CODECS))
    expect(dump.records.map(({ offset }) => offset)).toEqual(
      Array.from({ length: RECORDS * COMPRESSION_CODECS.length }, (_, offset) => offset),
    )
    expect(dump.records.every(({ headerKeys }) => headerKeys.length === 1 && headerKeys[0] === 'codec')).toBe(true)
  })

  test.each(COMPRESSION_CODECS)('reads what compaction left, with the codec %s', async (codec) => {
    const clock = new ManualClock()
    const engine = await openLocalEngine({ disk: nodeDisk(), dataDir: data, clock })
    const settings = { ...SETTINGS, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' }
    const { id } = await engine.topics.create({ name: 't', partitions: 1, settings })
    const partition = engine.partition(id, 0)
    const random = seededRandom(10)
    /** The last offset of each key. */
    const last = new Map<string, number>()
    const RECORDS = 2_000
    for (let offset = 0; offset < RECORDS; ) {
      const builder = new BatchBuilder()
      for (let count = random.int(1, 10); count > 0; count--, offset++) {
        const key = `k${random.int(0, 99)}`
        last.set(key, offset)
        const value = random.bool(0.1) ? null : random.bytes(random.int(0, 150))
        builder.append({ key: Buffer.from(key), value, timestamp: clock.nowMs() + random.int(0, 9) })
      }
      await partition.append(builder.build({ compression: codec }).buffer, { acks: 'committed' })
    }
    const { sizeBytes } = await partition.status()
    clock.advance(DEFAULT_LIMITS.housekeepingIntervalMs)
    while ((await partition.status()).sizeBytes > sizeBytes / 2) await new Promise((resolve) => setImmediate(resolve))
    await engine.close()

    const dump = await dumpLogSegments(join(data, 't-0'))
    // Compaction empties batches, and leaves none out: the tool finds no gap between them.
    expect(dump.complaints).toEqual([])
    expect(dump.batches.some(({ count }) => count === 0)).toBe(true)
    expect(dump.batches.filter(({ isValid }) => !isValid)).toEqual([])
    const offsets = dump.records.map((record) => record.offset)
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
    expect([...last.values()].filter((offset) => !offsets.includes(offset))).toEqual([])
    expect(offsets.length).toBeLessThan(RECORDS / 2)
  })

  test.each([
    ['a byte of a batch', '.log', 80],
    ['an offset index', '.index', 7],
    ['a time index', '.timeindex', 7],
    ['the end of a log', '.log', undefined],
  ])('would tell of damage to %s', async (_, suffix, position) => {
    await write(
      inBatches(drawRecords(8, 200), 9, () => 'none'),
      SETTINGS,
    )
    const path = join(data, 't-0', (await filesIn(suffix))[0] ?? '')
    const content = await readFile(path)
    if (position !== undefined) content.writeUInt8(content.readUInt8(position) ^ 4, position)
    await writeFile(path, position === undefined ? Buffer.concat([content, Buffer.alloc(100, 1)]) : content)
    const { batches, complaints } = await dumpLogSegments(join(data, 't-0'))
    expect([...complaints, ...batches.filter(({ isValid }) => !isValid)]).not.toEqual([])
  })
})
