import { BatchBuilder, DEFAULT_LIMITS, RecordBatch } from '@millrace/record'
import { CrashDisk, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test, vi } from 'vitest'
import { DIRECTORY, findingsIn, LogBench } from '../../test/log-harness.ts'
import { LEADER_EPOCH_FILE, LOG_START_FILE, segmentFileName } from '../file-names.ts'
import type { PartitionLog } from '../partition-log.ts'
import { Throttle } from '../throttle.ts'
import type { Finding } from './finding.ts'
import type { VerifyPartitionOptions } from './verify-partition.ts'

const INTERVAL = 256

function findingsOf(disk: CrashDisk, options: Partial<VerifyPartitionOptions> = {}): Promise<Finding[]> {
  return findingsIn(disk, { indexIntervalBytes: INTERVAL, ...options })
}

const kindsOf = (found: readonly Finding[]): string[] => found.map(({ kind }) => kind)
const errorsIn = (found: readonly Finding[]): Finding[] => found.filter(({ severity }) => severity === 'error')

interface Shape {
  readonly segmentBytes: number
  readonly batches: number
  readonly valueBytes: number
}

/** A partition of several segments, written by two idempotent producers and others, its timestamps in no order. */
async function makePartition(random: SeededRandom, { segmentBytes, batches, valueBytes }: Shape): Promise<CrashDisk> {
  const disk = new CrashDisk(random)
  const bench = new LogBench(disk)
  const log = await bench.open({ segmentBytes, indexIntervalBytes: INTERVAL })
  const sequences = [0, 0]
  for (let batch = 0; batch < batches; batch++) {
    const builder = new BatchBuilder()
    const records = random.int(1, 3)
    for (let record = 0; record < records; record++) {
      builder.append({
        key: random.bool() ? null : random.bytes(3),
        value: random.bytes(random.int(0, valueBytes)),
        timestamp: 1_000 + random.int(0, 500),
      })
    }
    const producerId = random.int(-1, 1)
    const baseSequence = sequences[producerId] ?? -1
    if (producerId >= 0) sequences[producerId] = baseSequence + records
    const producer = { producerId, producerEpoch: Math.min(producerId, 0), baseSequence }
    await log.append(builder.build({ producer, compression: random.pick(['none', 'none', 'gzip']) })).committed
  }
  await log.close()
  return disk
}

/** The names in the partition's directory with one of these endings, of closed segments only. */
function closedFiles(disk: CrashDisk, suffixes: readonly string[]): string[] {
  const paths = disk.paths().filter((path) => path.startsWith(`${DIRECTORY}/`))
  const active = paths.filter((path) => path.endsWith('.log')).at(-1) as string
  return paths.filter((path) => suffixes.some((suffix) => path.endsWith(suffix)) && path < active.slice(0, -3))
}

function flip(disk: CrashDisk, path: string, bit: number): void {
  const byte = disk.contentOf(path).readUInt8(bit >> 3)
  disk.damage(path, bit >> 3, Buffer.of(byte ^ (1 << (bit & 7))))
}

describe('a partition that is well', () => {
  test('has nothing to tell of when compaction left one batch in place of several around a snapshot', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const cleanup = { retentionMs: -1, retentionBytes: -1, minCompactionLagMs: 0, deleteRetentionMs: 0 }
    const config = {
      segmentBytes: 1_000,
      indexIntervalBytes: INTERVAL,
      cleanup: { ...cleanup, cleanupPolicy: 'compact', maxCompactionLagMs: 1_000, minCleanableDirtyRatio: 0.1 },
    } as const
    const clock = new ManualClock()
    const fill = async (log: PartitionLog, count: number): Promise<void> => {
      for (let batch = 0; batch < count; batch++) {
        const timestamp = clock.nowMs()
        const builder = new BatchBuilder().append({ key: Buffer.from('k'), value: Buffer.alloc(200), timestamp })
        await log.append(builder.build()).committed
      }
    }
    const first = await new LogBench(disk, { clock }).open(config)
    await fill(first, 1)
    await first.close()
    const log = await new LogBench(disk, { clock }).open({ ...config, clean: true })
    await fill(log, 4)
    await log.maintain(new Throttle(clock, Number.POSITIVE_INFINITY))
    disk.kill()
    expect(disk.paths()).toContain(`${DIRECTORY}/${segmentFileName(1, 'snapshot')}`)
    expect(errorsIn(await findingsOf(disk, { compacts: true, clean: false }))).toEqual([])
  })

  test('has nothing to tell of', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = await makePartition(seededRandom(seed), { segmentBytes: 2_000, batches: 40, valueBytes: 200 })
      expect(closedFiles(disk, ['.crc']).length).toBeGreaterThan(1)
      expect(await findingsOf(disk), `seed ${seed}`).toEqual([])
    }
  })

  test('stays so when it is opened and closed again and again', async () => {
    const disk = new CrashDisk(seededRandom(1))
    for (let life = 0; life < 12; life++) {
      const log = await new LogBench(disk).open({ clean: life > 0, indexIntervalBytes: INTERVAL, segmentBytes: 1_000 })
      for (let batch = 0; batch < 3; batch++) {
        const value = Buffer.alloc(60 + life)
        await log.append(new BatchBuilder().append({ key: null, value, timestamp: 100 - life }).build()).committed
      }
      await log.close()
      expect(await findingsOf(disk), `life ${life}`).toEqual([])
    }
  })

  test('stays so when what lies before its last segment is deleted', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const disk = await makePartition(seededRandom(seed), { segmentBytes: 2_000, batches: 40, valueBytes: 200 })
      const log = await new LogBench(disk).open({ clean: true, indexIntervalBytes: INTERVAL, segmentBytes: 2_000 })
      await log.truncateBefore(log.highWatermark)
      await vi.waitFor(() => expect(closedFiles(disk, ['.log'])).toEqual([]))
      expect(errorsIn(await findingsOf(disk, { clean: false })), `seed ${seed}, still open`).toEqual([])
      await log.close()
      expect(await findingsOf(disk), `seed ${seed}`).toEqual([])
    }
  })

  test('is not changed by the check', async () => {
    const disk = await makePartition(seededRandom(1), { segmentBytes: 2_000, batches: 40, valueBytes: 200 })
    const before = disk.paths().map((path) => [path, contentOf(disk, path)])
    await findingsOf(disk)
    expect(disk.paths().map((path) => [path, contentOf(disk, path)])).toEqual(before)
  })
})

describe('a flipped bit', () => {
  test('is found wherever it is in the files of closed segments', async () => {
    const disk = await makePartition(seededRandom(3), { segmentBytes: 1_024, batches: 12, valueBytes: 100 })
    const segment = (['log', 'index', 'timeindex', 'crc'] as const).map((suffix) => segmentFileName(0, suffix))
    const snapshots = disk.paths().filter((path) => path.endsWith('.snapshot'))
    expect(snapshots.length).toBe(2)
    for (const path of [...segment.map((name) => `${DIRECTORY}/${name}`), ...snapshots]) {
      const bits = disk.contentOf(path).length * 8
      expect(bits, path).toBeGreaterThan(0)
      for (let bit = 0; bit < bits; bit++) {
        flip(disk, path, bit)
        const found = errorsIn(await findingsOf(disk))
        expect(found.length, `bit ${bit} of ${path}`).toBeGreaterThan(0)
        flip(disk, path, bit)
      }
    }
    expect(await findingsOf(disk)).toEqual([])
  })

  test('is found in larger segments, at places that a seed draws', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const random = seededRandom(seed)
      const disk = await makePartition(random, { segmentBytes: 20_000, batches: 150, valueBytes: 900 })
      for (let round = 0; round < 60; round++) {
        const path = random.pick(closedFiles(disk, ['.log', '.index', '.timeindex', '.crc']))
        const bit = random.int(0, disk.contentOf(path).length * 8 - 1)
        flip(disk, path, bit)
        expect(errorsIn(await findingsOf(disk)).length, `seed ${seed}, bit ${bit} of ${path}`).toBeGreaterThan(0)
        flip(disk, path, bit)
      }
    }
  })

  test.each([
    ['base offset', 7, 'corrupt-batch'],
    ['batch length', 11, 'corrupt-batch'],
    ['leader epoch', 15, 'leader-epoch-mismatch'],
    ['magic', 16, 'corrupt-batch'],
    ['CRC', 17, 'corrupt-batch'],
    ['records', 70, 'corrupt-batch'],
  ])(
    'in the %s of a batch is told with its place, and the batches around it are still checked',
    async (_, at, kind) => {
      const { disk, log, positions } = await fiveBatches()
      const position = positions[1] as number
      flip(disk, log, (position + at) * 8)
      const ofLog = (await findingsOf(disk)).filter(({ file }) => file === log)
      expect(ofLog).toEqual([expect.objectContaining({ kind, position, severity: 'error' })])
      flip(disk, log, ((positions[3] as number) + 70) * 8)
      const places = (await findingsOf(disk)).filter(({ file }) => file === log).map((finding) => finding.position)
      expect(places).toEqual([position, positions[3]])
    },
  )
})

describe('what does not fit together', () => {
  let disk: CrashDisk

  async function rebuilt(change: (batches: RecordBatch[]) => RecordBatch[]): Promise<string[]> {
    const made = await fiveBatches()
    const { log } = made
    disk = made.disk
    const content = disk.contentOf(log)
    const batches = made.positions.map((position) => RecordBatch.at(Buffer.from(content), position))
    const bytes = Buffer.concat(change(batches).map((batch) => batch.buffer))
    const file = await disk.open(log)
    await file.truncate(0)
    await file.writev([bytes], 0)
    await file.close()
    return kindsOf(await findingsOf(disk))
  }

  test('a batch that is missing is a gap, also where the topic compacts, which leaves none', async () => {
    expect(await rebuilt(([first, , ...rest]) => [first as RecordBatch, ...rest])).toContain('offset-gap')
    expect(kindsOf(await findingsOf(disk, { compacts: true }))).toContain('offset-gap')
  })

  test('a batch that comes twice', async () => {
    expect(await rebuilt(([first, ...rest]) => [first as RecordBatch, first as RecordBatch, ...rest])).toContain(
      'offset-order',
    )
  })

  test('a segment that is missing', async () => {
    const made = await makePartition(seededRandom(1), { segmentBytes: 1_024, batches: 30, valueBytes: 200 })
    const [, second = ''] = closedFiles(made, ['.log'])
    await made.remove(second)
    const found = await findingsOf(made)
    expect(kindsOf(errorsIn(found))).toContain('offset-gap')
    expect(kindsOf(found)).toContain('leftover-file')
  })

  test('the first segment that is missing', async () => {
    const made = await makePartition(seededRandom(1), { segmentBytes: 1_024, batches: 30, valueBytes: 200 })
    const [first = ''] = closedFiles(made, ['.log'])
    await made.remove(first)
    expect(kindsOf(errorsIn(await findingsOf(made)))).toContain('offset-gap')
  })

  test.each([
    ['index', 8, 'index-mismatch'],
    ['timeindex', 12, 'time-index-mismatch'],
  ] as const)('an entry that is missing from or too much in a .%s', async (suffix, entryBytes, kind) => {
    for (const change of ['drop', 'repeat', 'cut'] as const) {
      const made = await makePartition(seededRandom(5), { segmentBytes: 4_000, batches: 60, valueBytes: 200 })
      const [path = ''] = closedFiles(made, [`.${suffix}`])
      const content = made.contentOf(path)
      const entries = content.length / entryBytes
      expect(entries).toBeGreaterThan(2)
      const file = await made.open(path)
      await file.truncate(0)
      const tail = content.subarray(entryBytes * 2)
      if (change === 'drop') await file.writev([content.subarray(0, entryBytes), tail], 0)
      else if (change === 'repeat') await file.writev([content.subarray(0, entryBytes * 3), tail], 0)
      else await file.writev([content.subarray(0, content.length - 3)], 0)
      await file.close()
      expect(kindsOf(await findingsOf(made)), change).toContain(kind)
    }
  })

  test('an index file that is gone', async () => {
    const made = await makePartition(seededRandom(5), { segmentBytes: 4_000, batches: 60, valueBytes: 200 })
    const [path = ''] = closedFiles(made, ['.index'])
    await made.remove(path)
    expect(await findingsOf(made)).toEqual([expect.objectContaining({ kind: 'index-missing', file: path })])
  })

  test('a snapshot that is whole and does not say what the log says', async () => {
    const made = await makePartition(seededRandom(5), { segmentBytes: 4_000, batches: 60, valueBytes: 200 })
    const other = await makePartition(seededRandom(6), { segmentBytes: 4_000, batches: 60, valueBytes: 200 })
    const [path = ''] = made.paths().filter((name) => name.endsWith('.snapshot'))
    const [foreign = ''] = other.paths().filter((name) => name.endsWith('.snapshot'))
    await overwrite(made, path, other.contentOf(foreign))
    expect(kindsOf(await findingsOf(made))).toContain('snapshot-mismatch')
  })

  test('leader epochs that are gone, damaged, or of other offsets', async () => {
    const path = `${DIRECTORY}/${LEADER_EPOCH_FILE}`
    for (const [content, kind] of [
      ['0\n1\n0 x\n', 'leader-epochs-unreadable'],
      ['0\n1\n3 0\n', 'leader-epoch-mismatch'],
      ['0\n2\n0 0\n1 4\n', 'leader-epoch-mismatch'],
    ] as const) {
      const made = (await fiveBatches()).disk
      await overwrite(made, path, Buffer.from(content))
      expect(kindsOf(await findingsOf(made)), content).toContain(kind)
    }
    const made = (await fiveBatches()).disk
    await made.remove(path)
    expect(kindsOf(await findingsOf(made))).toEqual(['leader-epochs-unreadable'])
  })

  test('a log start that is no offset of the log', async () => {
    for (const content of ['9999\n', 'x\n', '1', '-1\n']) {
      const made = (await fiveBatches()).disk
      await overwrite(made, `${DIRECTORY}/${LOG_START_FILE}`, Buffer.from(content))
      expect(kindsOf(await findingsOf(made)), content).toEqual(['log-start-invalid'])
    }
  })

  test('files that belong to nothing are told of, and no error', async () => {
    const made = (await fiveBatches()).disk
    const names = ['notes.txt', segmentFileName(77, 'index'), `${segmentFileName(0, 'crc')}.tmp`]
    for (const name of names) await (await made.open(`${DIRECTORY}/${name}`, { create: true })).close()
    await (await made.open(`${DIRECTORY}/${segmentFileName(0, 'cut')}`, { create: true })).close()
    const found = await findingsOf(made)
    expect(errorsIn(found)).toEqual([])
    expect(kindsOf(found).sort()).toEqual(['cut-tail', 'leftover-file', 'leftover-file', 'leftover-file'])
  })

  test('records that do not decompress, in a batch whose CRC is right', async () => {
    const made = new CrashDisk(seededRandom(1))
    const opened = await new LogBench(made).open()
    const batch = new BatchBuilder()
      .append({ key: null, value: Buffer.alloc(500, 'a'), timestamp: 1 })
      .build({ compression: 'gzip' })
    batch.buffer.fill(0, 70)
    batch.stampProducer({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
    await opened.append(batch).committed
    await opened.close()
    expect(await findingsOf(made)).toEqual([expect.objectContaining({ kind: 'unreadable-records', position: 0 })])
  })

  test('records that no reader may open, in a batch that is stored as it was sent, are no error', async () => {
    const made = new CrashDisk(seededRandom(1))
    const opened = await new LogBench(made).open()
    const large = { key: null, value: Buffer.alloc(5_000, 'a'), timestamp: 1 }
    for (const compression of ['gzip', 'zstd', 'lz4', 'snappy', 'none'] as const) {
      await opened.append(new BatchBuilder().append(large).build({ compression })).committed
    }
    await opened.close()
    const found = await findingsOf(made, { limits: { ...DEFAULT_LIMITS, decompressedBytes: 4_000 } })
    expect(errorsIn(found)).toEqual([])
    expect(kindsOf(found)).toEqual(Array(4).fill('records-too-large'))
    expect(await findingsOf(made)).toEqual([])
  })

  test('a partition without a directory, and one without segments', async () => {
    const made = new CrashDisk(seededRandom(1))
    expect(kindsOf(await findingsOf(made))).toEqual(['partition-missing'])
    await made.makeDirectory(DIRECTORY)
    expect(kindsOf(await findingsOf(made))).toEqual(['partition-missing'])
  })

  test('a file that the system cannot read does not end the check', async () => {
    const made = await makePartition(seededRandom(1), { segmentBytes: 1_024, batches: 30, valueBytes: 200 })
    const [first = '', second = ''] = closedFiles(made, ['.log'])
    flip(made, second, 70 * 8)
    made.failNext({ operation: 'read', path: first, code: 'EIO' })
    const found = errorsIn(await findingsOf(made))
    expect(found).toContainEqual(expect.objectContaining({ kind: 'unreadable-file', file: first }))
    expect(found).toContainEqual(expect.objectContaining({ kind: 'corrupt-batch', file: second }))
  })
})

describe('before recovery', () => {
  /** A partition whose program died with everything written. */
  async function killed(): Promise<{ disk: CrashDisk; log: string }> {
    const disk = new CrashDisk(seededRandom(1))
    const log = await new LogBench(disk).open({ segmentBytes: 1_000, indexIntervalBytes: INTERVAL })
    for (let batch = 0; batch < 20; batch++) {
      await log.append(new BatchBuilder().append({ key: null, value: Buffer.alloc(99), timestamp: batch }).build())
        .committed
    }
    disk.kill()
    const path = disk
      .paths()
      .filter((name) => name.endsWith('.log'))
      .at(-1) as string
    return { disk, log: path }
  }

  test('what a killed process leaves is well', async () => {
    const { disk } = await killed()
    expect(errorsIn(await findingsOf(disk, { clean: false }))).toEqual([])
  })

  test('a torn tail is told of with its place, and no error; after a shutdown in order it is one', async () => {
    const { disk, log } = await killed()
    const whole = disk.contentOf(log).length
    const file = await disk.open(log)
    await file.writev([disk.contentOf(log).subarray(0, 100)], whole)
    await file.close()
    const found = await findingsOf(disk, { clean: false })
    expect(errorsIn(found)).toEqual([])
    expect(found).toContainEqual(expect.objectContaining({ kind: 'torn-tail', file: log, position: whole }))
    const after = errorsIn(await findingsOf(disk, { clean: true }))
    expect(after).toContainEqual(expect.objectContaining({ kind: 'corrupt-batch', file: log, position: whole }))
  })

  test('damage that whole batches follow is no torn tail', async () => {
    const { disk, log } = await killed()
    flip(disk, log, 70 * 8)
    expect(errorsIn(await findingsOf(disk, { clean: false }))).toEqual([
      expect.objectContaining({ kind: 'corrupt-batch', file: log, position: 0 }),
    ])
  })
})

async function fiveBatches(): Promise<{ disk: CrashDisk; log: string; positions: number[] }> {
  const disk = new CrashDisk(seededRandom(1))
  const log = await new LogBench(disk).open({ segmentBytes: 900, indexIntervalBytes: INTERVAL })
  const positions: number[] = []
  let position = 0
  for (let batch = 0; batch < 6; batch++) {
    const builder = new BatchBuilder()
    for (let record = 0; record < 2; record++)
      builder.append({ key: null, value: Buffer.alloc(50, 'v'), timestamp: batch })
    const built = builder.build()
    if (batch < 5) positions.push(position)
    position += built.sizeBytes
    await log.append(built).committed
  }
  await log.close()
  const path = `${DIRECTORY}/${segmentFileName(0, 'log')}`
  if (disk.contentOf(path).length !== (position / 6) * 5) throw new RangeError('the segment has other batches')
  return { disk, log: path, positions }
}

async function overwrite(disk: CrashDisk, path: string, bytes: Buffer): Promise<void> {
  await disk.remove(path)
  const file = await disk.open(path, { create: true })
  await file.writev([bytes], 0)
  await file.close()
}

function contentOf(disk: CrashDisk, path: string): string {
  try {
    return disk.contentOf(path).toString('hex')
  } catch {
    return 'a directory'
  }
}
