import { COMPRESSION_CODECS, readBatches } from '@millrace/record'
import { CrashDisk, type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { CompactionBench, DELETE_RETENTION_MS, type Known, keyedBatch } from '../test/compaction-bench.ts'
import { DIRECTORY, findingsIn, TIMESTAMP, turns } from '../test/log-harness.ts'

const KEYS = ['a', 'b', 'c', 'd', 'e', 'key of some length', 'k'.repeat(300)]

function someRecords(random: SeededRandom, count: number): Known[] {
  return Array.from({ length: random.int(1, count) }, () => ({
    key: random.bool(0.05) ? null : random.pick(KEYS),
    value: random.bool(0.2) ? null : `${random.int(0, 1e9)}${'.'.repeat(random.int(0, 90))}`,
  }))
}

async function open(
  seed: number,
  ...options: ConstructorParameters<typeof CompactionBench> extends [unknown, ...infer Rest] ? Rest : never
): Promise<{ disk: CrashDisk; b: CompactionBench; random: SeededRandom }> {
  const disk = new CrashDisk(seededRandom(seed))
  return { disk, b: await new CompactionBench(disk, ...options).open(), random: seededRandom(seed + 1_000) }
}

/** What was compacted once and goes on: segments that the next pass puts together, and new ones. */
async function fillTwice(b: CompactionBench, random: SeededRandom): Promise<void> {
  for (let count = 0; count < 20; count++) await b.append(someRecords(random, 6))
  await b.maintain()
  for (let count = 0; count < 10; count++) await b.append(someRecords(random, 6))
}

const value = (text: string): string => text.padEnd(100, '.')
const each = (keys: string, text: string): Known[] => [...keys].map((key) => ({ key, value: value(text) }))

/** Appends batches of other keys until the active segment is a new one. */
async function roll(b: CompactionBench): Promise<void> {
  const before = await b.closedEnd()
  while ((await b.closedEnd()) === before) await b.append([{ key: null, value: 'x'.repeat(400) }])
}

describe('compaction', () => {
  test('leaves, of the closed segments, exactly what a plain model leaves, with all codecs, over many rounds', async () => {
    let dropped = 0
    for (let seed = 1; seed <= 6; seed++) {
      const { b, disk, random } = await open(seed)
      /** When each tombstone may go. */
      const horizons = new Map<number, number>()
      const gone = new Set<number>()
      let end = 0
      for (let round = 0; round < 7; round++) {
        for (let count = random.int(3, 25); count > 0; count--) {
          const producerId = random.pick([-1, -1, 5])
          const baseSequence = b.appended.filter((known) => known && 'byFive' in known).length
          const records = someRecords(random, 6).map((known) => (producerId < 0 ? known : { ...known, byFive: true }))
          await b.append(records, { codec: random.pick(COMPRESSION_CODECS), producerId, baseSequence })
        }
        if (random.bool(0.3)) {
          await b.log.close()
          await b.reopen(disk)
        }
        b.bench.clock.advance(random.pick([0, 1, DELETE_RETENTION_MS / 2, DELETE_RETENTION_MS]))
        const { passes } = b
        await b.maintain()
        if (b.passes > passes) {
          end = await b.closedEnd()
          const nowMs = b.bench.clock.nowMs()
          for (const [offset, known] of b.expected(end)) {
            if (offset >= end || known.key === null || known.value !== null) continue
            const horizon = horizons.get(offset) ?? nowMs + DELETE_RETENTION_MS
            horizons.set(offset, horizon)
            if (horizon <= nowMs) gone.add(offset)
          }
        }
        const plain = (known: Known): Known => ({ key: known.key, value: known.value })
        const expected = [...b.expected(end, (offset) => gone.has(offset))].map(([at, known]) => [at, plain(known)])
        expect([...(await b.read())], `seed ${seed}, round ${round}`).toEqual(expected)
        dropped += b.appended.length - expected.length
      }
      expect(b.bench.logger.lines.filter(({ level }) => level === 'error')).toEqual([])
      await b.log.close()
      expect(await findingsIn(disk, { compacts: true })).toEqual([])
    }
    expect(dropped).toBeGreaterThan(500)
  })

  test('is written on disk as it is read, also after a crash, and recovering twice changes nothing', async () => {
    const { b, disk, random } = await open(3)
    for (let count = 0; count < 60; count++) await b.append(someRecords(random, 6))
    await b.maintain()
    const before = [...(await b.read())]
    const files = () =>
      disk
        .paths()
        .filter((path) => path.endsWith('.log'))
        .map((path) => disk.contentOf(path))
    const logs = files()
    for (let life = 0; life < 2; life++) {
      disk.crash()
      await b.reopen(disk.mount())
      expect([...(await b.read())]).toEqual(before)
      expect(files()).toEqual(logs)
    }
    // Also when nothing but the batches themselves is left to go by.
    for (const path of disk.paths()) if (/\.(crc|index|timeindex|snapshot)$/.test(path)) await disk.remove(path)
    disk.kill()
    await b.reopen(disk)
    expect([...(await b.read())]).toEqual(before)
    expect(files()).toEqual(logs)
    await b.log.close()
  })

  test('keeps a tombstone for its time, and then takes it although nothing new has come', async () => {
    const { b } = await open(1)
    await b.append(each('ab', 'old'))
    await b.append([{ key: 'a', value: null }])
    await roll(b)
    await b.maintain()
    const has = async (offset: number): Promise<boolean> => (await b.read()).has(offset)
    expect([await has(0), await has(1), await has(2)]).toEqual([false, true, true])
    b.bench.clock.advance(DELETE_RETENTION_MS - 1)
    await b.maintain()
    expect(await has(2)).toBe(true)
    b.bench.clock.advance(1)
    await b.maintain()
    expect([await has(1), await has(2)]).toEqual([true, false])
    const { passes } = b
    b.bench.clock.advance(10 * DELETE_RETENTION_MS)
    await b.maintain()
    expect(b.passes).toBe(passes)
    await b.log.close()
  })

  test('keeps a tombstone for its time, though it is compacted again meanwhile', async () => {
    const { b } = await open(1)
    await b.append(each('a', 'old'))
    await b.append([{ key: 'a', value: null }])
    await roll(b)
    await b.maintain()
    b.bench.clock.advance(DELETE_RETENTION_MS - 1)
    await b.append(each('bb', 'other'))
    await roll(b)
    const { passes } = b
    await b.maintain()
    expect(b.passes).toBeGreaterThan(passes)
    expect((await b.read()).get(1)).toMatchObject({ key: 'a', value: null })
    await b.log.close()
  })

  test('keeps what nobody knows the keys of', async () => {
    const { b } = await open(1)
    await b.append(each('a', 'first'))
    const unreadable = keyedBatch(each('a', 'second'), { codec: 'gzip' }).buffer
    unreadable.fill(0xff, 61)
    const control = keyedBatch(each('a', 'third'))
    control.buffer.writeInt16BE(0x30, 21)
    for (const bytes of [unreadable, control.buffer]) {
      const [batch] = [...readBatches(bytes)]
      batch?.stampProducer({ producerId: 1, producerEpoch: 0, baseSequence: bytes === unreadable ? 0 : 1 })
      await b.log.append(batch as NonNullable<typeof batch>).committed
    }
    await b.append([{ key: null, value: 'keyless' }])
    await b.append(each('a', 'last'))
    b.appended[1] = { key: null, value: null }
    await roll(b)
    await b.maintain()
    const first = await b.log.read(0, 100_000)
    const batches = first.batches.flatMap((bytes) => [...readBatches(bytes)])
    expect(batches.slice(0, 5).map((batch) => batch.recordCount)).toEqual([0, 1, 1, 1, 1])
    expect(batches[1]?.buffer.equals(unreadable)).toBe(true)
    expect(batches[2]?.isControl).toBe(true)
    await b.log.close()
  })

  test('goes as far as the map of keys reaches, and further in the next rounds', async () => {
    const { b, random } = await open(1, {}, { compactionMapBytes: 1_024 })
    const keys = Array.from({ length: 60 }, (_, index) => `key ${index}`)
    for (let count = 0; count < 80; count++) {
      await b.append(Array.from({ length: 4 }, () => ({ key: random.pick(keys), value: value(String(count)) })))
    }
    const end = await b.closedEnd()
    const ratio = [(await b.read()).size]
    for (let round = 0; round < 40; round++) {
      await b.maintain()
      ratio.push((await b.expectConsistent()).size)
    }
    expect([...(await b.read())]).toEqual([...b.expected(end)])
    expect(new Set(ratio).size).toBeGreaterThan(4)
    expect(ratio).toEqual([...ratio].sort((one, other) => other - one))
    await b.log.close()
  })

  test('passes over a batch that has more keys than the map has room for, and drops no tombstone of it', async () => {
    const { b } = await open(1, {}, { compactionMapBytes: 1_024 }, { segmentBytes: 5_000 })
    const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`)
    await b.append([{ key: 'key 99', value: 'old' }])
    await roll(b)
    await b.append(keys.map((key) => ({ key, value: null })))
    await roll(b)
    await b.append(each('ab', 'one'))
    await b.append(each('ab', 'two'))
    await roll(b)
    for (let round = 0; round < 6; round++) {
      await b.maintain()
      b.bench.clock.advance(DELETE_RETENTION_MS)
      await roll(b)
    }
    const found = await b.expectConsistent()
    const keyed = [...found.values()].filter(({ key }) => key !== null)
    expect(keyed.filter(({ key }) => key === 'key 99').at(-1)?.value).toBeNull()
    expect(keyed.filter(({ key }) => key === 'a')).toEqual(each('a', 'two'))
    expect(b.bench.logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    await b.log.close()
  })
})

describe('when compaction begins', () => {
  test('as much is new as min.cleanable.dirty.ratio says', async () => {
    const { b } = await open(1, { minCleanableDirtyRatio: 0.5 })
    for (let count = 0; count < 100; count++) await b.append([{ key: `key ${count}`, value: value('') }])
    await b.maintain()
    expect(b.passes).toBe(1)
    const before = b.log.sizeBytes
    while (b.log.sizeBytes < 1.8 * before) await b.append(each('uvwxyz', 'new'))
    await b.maintain()
    expect(b.passes).toBe(1)
    while (b.log.sizeBytes < 2.4 * before) await b.append(each('uvwxyz', 'new'))
    await b.maintain()
    expect(b.passes).toBe(2)
    await b.log.close()
  })

  test('records are older than min.compaction.lag.ms', async () => {
    const { b } = await open(1, { minCompactionLagMs: 1_000 })
    b.bench.clock.setWallClock(TIMESTAMP)
    for (let count = 0; count < 5; count++) await b.append(each('abcdef', 'old'), { timestamp: TIMESTAMP })
    await roll(b)
    const oldEnd = await b.closedEnd()
    for (let count = 0; count < 5; count++) await b.append(each('abcdef', 'young'), { timestamp: TIMESTAMP + 500 })
    await roll(b)
    await b.maintain()
    expect(b.passes).toBe(0)
    b.bench.clock.advance(1_002)
    await b.maintain()
    expect(b.passes).toBe(1)
    const found = await b.read()
    expect([...found.keys()].filter((offset) => offset >= oldEnd)).toHaveLength(b.appended.length - oldEnd)
    expect([...found].filter(([offset, known]) => offset < oldEnd && known.key !== null)).toHaveLength(6)
    await b.log.close()
  })

  test('at the latest after max.compaction.lag.ms, also in a segment that nobody writes to any more', async () => {
    const { b } = await open(1, { minCleanableDirtyRatio: 1, maxCompactionLagMs: 5_000 })
    b.bench.clock.setWallClock(TIMESTAMP)
    await b.append(each('aaab', 'x'))
    await b.maintain()
    b.bench.clock.advance(5_000)
    expect((await b.read()).size).toBe(4)
    await b.maintain()
    b.bench.clock.advance(1)
    await b.maintain()
    expect([...(await b.read()).keys()]).toEqual([2, 3])
    expect(b.log.highWatermark).toBe(4)
    await b.log.close()
  })

  test('an idle segment is as old as segment.ms', async () => {
    const { b } = await open(1, {}, {}, { segmentMs: 5_000 })
    await b.append(each('aaab', 'x'))
    b.bench.clock.advance(4_999)
    await b.maintain()
    expect((await b.read()).size).toBe(4)
    b.bench.clock.advance(1)
    await b.maintain()
    expect([...(await b.read()).keys()]).toEqual([2, 3])
    await b.log.close()
  })

  test('nothing is done for a topic that does not compact', async () => {
    const { b } = await open(1, { cleanupPolicy: 'delete' })
    for (let count = 0; count < 20; count++) await b.append(each('abc', 'x'))
    await b.maintain()
    expect([b.passes, (await b.read()).size]).toEqual([0, 60])
    await b.log.close()
  })
})

describe('after compaction', () => {
  test('a producer goes on in its sequence, and its repeats are known, also without a snapshot', async () => {
    const { b, disk } = await open(1)
    for (let sequence = 0; sequence < 30; sequence++) {
      await b.append(each('a', String(sequence)), { producerId: 9, baseSequence: sequence })
    }
    for (let count = 0; count < 30; count++) await b.append(each('a', 'newer'))
    await roll(b)
    await b.maintain()
    expect((await b.read()).has(29)).toBe(false)
    await b.log.close()
    for (const path of disk.paths()) if (path.endsWith('.snapshot')) await disk.remove(path)
    await b.reopen(disk)
    const repeat = b.log.append(keyedBatch(each('a', '29'), { producerId: 9, baseSequence: 29 }))
    expect(await repeat.committed).toMatchObject({ duplicate: true, baseOffset: 29 })
    const gap = () => b.log.append(keyedBatch(each('a', 'x'), { producerId: 9, baseSequence: 31 }))
    expect(gap).toThrow(expect.objectContaining({ code: 'OUT_OF_ORDER_SEQUENCE' }))
    await b.append(each('a', 'next'), { producerId: 9, baseSequence: 30 })
    await b.log.close()
  })

  test('a time finds the first record that is left', async () => {
    const { b } = await open(1)
    for (let count = 0; count < 40; count++) {
      await b.append(each('abcd', String(count)), { timestamp: TIMESTAMP + 10 * count })
    }
    await roll(b)
    await b.maintain()
    const left = [...(await b.read()).keys()]
    for (let time = TIMESTAMP; time < TIMESTAMP + 390; time += 7) {
      const { offset = -1 } = (await b.log.findTimestamp(time)) ?? {}
      expect(left).toContain(offset)
    }
    expect(await b.log.findTimestamp(TIMESTAMP + 1_000)).toBeUndefined()
    await b.log.close()
  })

  test('records before the log start are gone for good', async () => {
    const { b } = await open(1)
    for (let count = 0; count < 40; count++) await b.append(each('abcd', String(count)))
    await b.log.truncateBefore(70)
    await b.maintain()
    expect([...(await b.read()).keys()][0]).toBeGreaterThanOrEqual(70)
    await expect(b.log.read(69, 1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await b.expectConsistent()
    await b.log.close()
  })

  test('with both policies segments go by retention too', async () => {
    const { b } = await open(1, { cleanupPolicy: 'compact,delete', retentionMs: 3_600_000 })
    for (let count = 0; count < 40; count++) await b.append(each('abcd', String(count)))
    await b.maintain()
    expect([b.passes, b.log.logStartOffset]).toEqual([1, 0])
    b.bench.clock.advance(3_600_000)
    await b.maintain()
    expect(b.log.logStartOffset).toBe(b.log.highWatermark)
    await b.log.close()
  })
})

describe('while compaction runs', () => {
  test('readers at every moment see what was appended, and never nothing where something is', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const { b, random } = await open(seed, {}, { indexCacheBytes: 0, openFiles: 2 })
      for (let count = 0; count < 60; count++) await b.append(someRecords(random, 6))
      let running = true
      const reader = async (): Promise<number> => {
        let reads = 0
        for (; running; reads++) {
          const offset = random.int(0, b.log.highWatermark - 1)
          const { batches, nextOffset } = await b.log.read(offset, random.pick([1, 300, 5_000]))
          const [first] = batches.flatMap((bytes) => [...readBatches(bytes)])
          expect(first?.baseOffset).toBeLessThanOrEqual(offset)
          expect(first?.nextOffset).toBeGreaterThan(offset)
          expect(nextOffset).toBeGreaterThan(offset)
          const found = await b.log.findTimestamp(TIMESTAMP + 1)
          expect(found?.offset).toBeLessThan(b.log.highWatermark)
        }
        return reads
      }
      const readers = [reader(), reader(), reader()]
      const appender = (async () => {
        for (let count = 0; count < 30; count++) await b.append(someRecords(random, 6))
      })()
      for (let round = 0; round < 3; round++) await b.maintain()
      await appender
      running = false
      for (const reads of await Promise.all(readers)) expect(reads).toBeGreaterThan(3)
      await b.expectConsistent((offset) => b.appended[offset]?.value === null)
      await b.log.close()
    }
  })

  test('records may be deleted below it', async () => {
    for (let wait = 0; wait < 200; wait += 4) {
      const { b, disk, random } = await open(wait)
      await fillTwice(b, random)
      const start = random.int(10, b.log.highWatermark)
      const maintained = b.maintain()
      await turns(wait)
      await b.log.truncateBefore(start)
      await maintained
      await b.expectConsistent()
      await b.maintain()
      expect([...(await b.read())], `after ${wait} turns`).toEqual([...b.expected(await b.closedEnd())])
      disk.crash()
      await b.reopen(disk.mount())
      expect(b.log.logStartOffset).toBe(start)
      await b.expectConsistent()
      await b.log.close()
    }
  })

  test('the log may be closed or given up, and nothing of it goes on', async () => {
    for (let wait = 0; wait < 60; wait += 4) {
      const { b, disk, random } = await open(1)
      for (let count = 0; count < 60; count++) await b.append(someRecords(random, 6))
      const maintained = b.maintain()
      await turns(wait)
      await b.log.close()
      const after = disk.paths()
      await maintained
      await turns(50)
      expect(disk.paths()).toEqual(after)
      await b.reopen(disk)
      await b.expectConsistent()
      await b.log.close()
      expect(disk.paths().filter((path) => /cleaned|swap|tmp/.test(path))).toEqual([])
    }
  })
})

describe('when something fails', () => {
  test('a damaged batch stays as it is, and compaction says where it lies', async () => {
    for (const position of [3, 30, 100]) {
      const { b, disk } = await open(1)
      for (let count = 0; count < 20; count++) await b.append(each('abcd', String(count)))
      await b.log.close()
      const [path = ''] = disk.paths().filter((name) => name.endsWith('.log'))
      const before = disk.contentOf(path)
      disk.damage(path, position, Buffer.from([(before[position] as number) ^ 1]))
      const damaged = disk.contentOf(path)
      await b.reopen(disk)
      const failure = { code: 'CORRUPT_BATCH', details: { file: `${DIRECTORY}/${path.slice(-24)}`, position: 0 } }
      await expect(b.maintain()).rejects.toMatchObject(failure)
      await expect(b.maintain()).rejects.toMatchObject(failure)
      expect(disk.contentOf(path).equals(damaged)).toBe(true)
      expect(disk.paths().filter((name) => /cleaned|swap|tmp/.test(name))).toEqual([])
      await b.log.close()
    }
  })

  test('it is tried again, whichever step failed, and readers notice nothing', async () => {
    const operations = ['open', 'create', 'write', 'datasync', 'rename', 'remove', 'syncDirectory', 'read'] as const
    const paths = ['.log.cleaned', '.index', '.crc', '.swap', '.log', DIRECTORY]
    let failures = 0
    for (const [index, operation] of operations.entries()) {
      for (const path of paths) {
        for (const times of [1, 2]) {
          const { b, disk, random } = await open(index)
          await fillTwice(b, random)
          disk.failNext({ operation, path, code: random.pick(['EIO', 'ENOSPC']), times })
          await b.maintain().catch(() => failures++)
          disk.clearFaults()
          await b.expectConsistent()
          if (times === 2) {
            disk.crash()
            await b.reopen(disk.mount())
            await b.expectConsistent()
          }
          await b.maintain()
          expect([...(await b.read())], `${operation} ${path}`).toEqual([...b.expected(await b.closedEnd())])
          await b.log.close()
          expect(disk.paths().filter((name) => /cleaned|swap|tmp/.test(name))).toEqual([])
        }
      }
    }
    expect(failures).toBeGreaterThan(30)
  })
})
