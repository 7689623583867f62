import { BatchBuilder, type CompressionCodec, type Limits, RecordBatch, readBatches } from '@millrace/record'
import { expect } from 'vitest'
import type { CleanupConfig } from '../src/cleanup-config.ts'
import type { Disk } from '../src/disk.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { Throttle } from '../src/throttle.ts'
import { LogBench, type OpenLog, TIMESTAMP } from './log-harness.ts'

export const DELETE_RETENTION_MS = 10_000
export const COMPACT: CleanupConfig = {
  cleanupPolicy: 'compact',
  retentionMs: -1,
  retentionBytes: -1,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: DELETE_RETENTION_MS,
  minCleanableDirtyRatio: 0,
}

/** A record as a test knows it. */
export interface Known {
  readonly key: string | null
  readonly value: string | null
}

export interface KeyedShape {
  readonly codec?: CompressionCodec
  readonly timestamp?: number
  readonly producerId?: number
  readonly baseSequence?: number
}

/** A batch of one record for each pair of key and value. */
export function keyedBatch(records: readonly Known[], shape: KeyedShape = {}): RecordBatch {
  const { codec = 'none', timestamp = TIMESTAMP, producerId = -1, baseSequence = 0 } = shape
  const builder = new BatchBuilder()
  for (const [index, { key, value }] of records.entries()) {
    const toBuffer = (text: string | null) => (text === null ? null : Buffer.from(text))
    const headers = index % 2 === 0 ? [{ key: 'h', value: Buffer.from(String(index)) }] : []
    builder.append({ key: toBuffer(key), value: toBuffer(value), headers, timestamp: timestamp + (index % 3) })
  }
  const producer = producerId < 0 ? undefined : { producerId, producerEpoch: 0, baseSequence }
  return builder.build({ compression: codec, ...(producer && { producer }) })
}

/**
 * One partition with small segments, over a disk of the test's, and a list of all that was appended to it. Its next life
 * begins with `reopen`.
 */
export class CompactionBench {
  /** By offset. */
  readonly appended: Known[] = []
  bench: LogBench
  log!: PartitionLog
  private readonly settings: OpenLog

  constructor(disk: Disk, cleanup: Partial<CleanupConfig> = {}, limits: Partial<Limits> = {}, settings: OpenLog = {}) {
    this.bench = new LogBench(disk, { limits: { tailCacheBytes: 0, ...limits } })
    this.bench.clock.setWallClock(TIMESTAMP + 60_000)
    this.settings = { segmentBytes: 1_500, cleanup: { ...COMPACT, ...cleanup }, ...settings }
  }

  async open(): Promise<this> {
    this.log = await this.bench.open(this.settings)
    return this
  }

  /** Opens what is on `disk`, with the time as it is. */
  async reopen(disk: Disk): Promise<void> {
    const { clock, limits } = this.bench
    this.bench = new LogBench(disk, { limits, clock })
    await this.open()
  }

  /** Notes the records at the offset that they get, also when the append then fails. */
  async append(records: readonly Known[], shape: KeyedShape = {}): Promise<void> {
    const { placed, committed } = this.log.append(keyedBatch(records, shape))
    for (const [index, known] of records.entries()) this.appended[placed.baseOffset + index] = known
    await committed
  }

  maintain(throttle = new Throttle(this.bench.clock, Number.POSITIVE_INFINITY)): Promise<void> {
    return this.log.maintain(throttle)
  }

  /** How many passes of compaction there were in this life. */
  get passes(): number {
    return this.bench.logger.lines.filter(({ message }) => message === 'a partition was compacted').length
  }

  /** Where the active segment begins. */
  async closedEnd(): Promise<number> {
    const names = await this.bench.disk.list(this.log.directory)
    return Math.max(...names.filter((name) => name.endsWith('.log')).map((name) => Number(name.slice(0, 20))))
  }

  /** All readable records by offset. The offsets of their batches must follow on one another without a gap. */
  async read(maxBytes = 700): Promise<Map<number, Known>> {
    const found = new Map<number, Known>()
    const { log } = this
    let due: number | undefined
    for (let next: number = log.logStartOffset; next < log.highWatermark; ) {
      const { batches, nextOffset } = await log.read(next, maxBytes)
      for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
        expect(batch.hasValidChecksum()).toBe(true)
        expect(batch.baseOffset).toBe(due ?? batch.baseOffset)
        due = batch.nextOffset
        for (const [offset, known] of recordsIn(batch)) if (offset >= log.logStartOffset) found.set(offset, known)
      }
      expect(nextOffset).toBeGreaterThan(next)
      next = nextOffset
    }
    return found
  }

  /**
   * What compaction up to `end` leaves. `goneTombstones`: those whose time has come.
   */
  expected(end: number, isGone: (offset: number) => boolean = () => false): Map<number, Known> {
    const last = new Map<string, number>()
    for (const [offset, known] of this.appended.entries()) {
      if (known !== undefined && known.key !== null && offset < end) last.set(known.key, offset)
    }
    const left = new Map<number, Known>()
    for (const [offset, known] of this.appended.entries()) {
      if (known === undefined || offset < this.log.logStartOffset) continue
      const stays = offset >= end || known.key === null || last.get(known.key) === offset
      if (stays && !isGone(offset)) left.set(offset, known)
    }
    return left
  }

  /** What must hold at any time: only what was appended is there, where it was, and the last value of each key. */
  async expectConsistent(isGone: (offset: number) => boolean = () => false): Promise<Map<number, Known>> {
    const found = await this.read()
    for (const [offset, known] of found) expect(known, `offset ${offset}`).toEqual(this.appended[offset])
    const end = this.log.highWatermark
    for (const [offset, known] of this.expected(end, isGone)) {
      if (offset < end) expect(found.get(offset), `offset ${offset}`).toEqual(known)
    }
    return found
  }
}

export function* recordsIn(batch: RecordBatch): Generator<[offset: number, known: Known]> {
  for (const { offset, key, value } of RecordBatch.at(batch.buffer).records(1 << 24)) {
    yield [offset, { key: key === null ? null : String(key), value: value === null ? null : String(value) }]
  }
}
