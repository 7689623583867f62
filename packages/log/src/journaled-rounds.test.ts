/*
 * Rounds of many partitions go into the journal alone, and the segment files catch up later: what was acknowledged then
 * is there for readers, and at every end of the process.
 */
import { type Limits, type RecordBatch, readBatches } from '@millrace/record'
import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import {
  append,
  CONFIG,
  diskWith,
  failureOf,
  filesIn,
  fileWith,
  IDENTITY,
  LogBench,
  sizedBatch,
  TIMESTAMP,
  turns,
  valuesBatch,
  valuesFrom,
} from '../test/log-harness.ts'
import type { Disk } from './disk.ts'
import { Journal } from './journal.ts'
import { identityKey } from './journal-entry.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import type { PartitionLogConfig } from './log-config.ts'
import { memoryDisk } from './memory-disk.ts'
import { PartitionBacklog } from './partition-backlog.ts'
import type { PartitionLog } from './partition-log.ts'
import { openPartitionLog } from './recovery.ts'

/** One more than a round needs for the journal, so that it is still used when one of them is gone. */
const PARTITIONS = 5
const BATCH_BYTES = 200
const FIRST_JOURNAL = '/journal/00000000000000000001.journal'

interface LifeOptions extends Partial<PartitionLogConfig> {
  readonly clean?: boolean
  readonly journalBytes?: number
  /** Below this much room on the disk, rounds are written to the files too. */
  readonly roomBytes?: number
  readonly limits?: Partial<Limits>
}

/** Partitions with a journal on a disk, from a start to an end. Nothing is read from the tail cache. */
class Life {
  readonly bench: LogBench
  readonly journal: Journal
  readonly logs: readonly PartitionLog[]

  private constructor(bench: LogBench, journal: Journal, logs: readonly PartitionLog[]) {
    this.bench = bench
    this.journal = journal
    this.logs = logs
  }

  static async begin(disk: Disk, options: LifeOptions = {}): Promise<Life> {
    const { clean = false, journalBytes = 1 << 20, roomBytes = 0, limits, ...config } = options
    const { journal, batches } = await Journal.open(disk, '/journal', { maxFileBytes: journalBytes, roomBytes })
    const bench = new LogBench(disk, { limits: { tailCacheBytes: 0, ...limits }, journal })
    const logs: PartitionLog[] = []
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const identity = { ...IDENTITY, partition }
      const directory = directoryOf(partition)
      await disk.makeDirectory(directory)
      const journaled = batches.get(identityKey(identity))
      logs.push(
        await openPartitionLog(bench, { directory, identity, clean, journaled, config: { ...CONFIG, ...config } }),
      )
    }
    await disk.syncDirectory('/')
    await journal.clear()
    return new Life(bench, journal, logs)
  }

  get first(): PartitionLog {
    return this.logs[0] as PartitionLog
  }

  /** Appends a batch to each of `logs` in one round, and waits until all are committed. */
  async round(batchOf: () => RecordBatch, logs = this.logs): Promise<void> {
    await Promise.all(logs.map((log) => log.append(batchOf()).committed))
  }

  /** Rounds with labels from `from` to before `to`, each of which is the timestamp's distance too. */
  async rounds(from: number, to: number): Promise<void> {
    for (let label = from; label < to; label++) await this.round(() => batchOf(label))
  }

  /** Closes all in order, as the engine does. */
  async end(): Promise<void> {
    for (const log of this.logs) await log.close()
    await this.bench.committer.idle()
    await this.journal.clear()
  }
}

const directoryOf = (partition: number): string => `/t-${partition}`
const batchOf = (label: number): RecordBatch => sizedBatch(BATCH_BYTES, `${label}`, { timestamp: TIMESTAMP + label })
const upTo = (count: number): number[] => Array.from({ length: count }, (_, label) => label)

async function labelsFrom(log: PartitionLog, offset?: number, maxBytes?: number): Promise<number[]> {
  return [...(await valuesFrom(log, offset, maxBytes)).values()].map((value) => Number(value.replaceAll('.', '')))
}

async function expectLabels(life: Life, count: number): Promise<void> {
  for (const log of life.logs) expect(await labelsFrom(log)).toEqual(upTo(count))
}

async function segmentBytes(disk: Disk, partition: number): Promise<number[]> {
  const files = await filesIn(disk, directoryOf(partition), (name) => name.endsWith('.log'))
  return Object.values(files).map(({ length }) => length)
}

describe('records that only the journal has on disk', () => {
  test('are read from every offset on, those before them in the file too', async () => {
    const disk = memoryDisk()
    const life = await Life.begin(disk)
    const { first } = life
    await life.rounds(0, 3)
    expect(await segmentBytes(disk, 0)).toEqual([0])
    const expectAll = async (count: number): Promise<void> => {
      expect(first.sizeBytes).toBe(count * BATCH_BYTES)
      for (let offset = 0; offset < count; offset++) {
        for (const maxBytes of [1, 2 * BATCH_BYTES, 1 << 20]) {
          expect(await labelsFrom(first, offset, maxBytes)).toEqual(upTo(count).slice(offset))
        }
      }
    }
    await expectAll(3)
    // Alone in its round, so that the file catches up.
    await first.append(batchOf(3)).committed
    expect(await segmentBytes(disk, 0)).toEqual([4 * BATCH_BYTES])
    await life.rounds(4, 7)
    expect(await segmentBytes(disk, 0)).toEqual([4 * BATCH_BYTES])
    await expectAll(7)
  })

  test('are found by their time', async () => {
    const life = await Life.begin(memoryDisk())
    const { first } = life
    await first.append(batchOf(0)).committed
    await life.rounds(1, 4)
    for (let label = 0; label < 4; label++) {
      expect(await first.findTimestamp(TIMESTAMP + label)).toEqual({ offset: label, timestamp: TIMESTAMP + label })
    }
    expect(await first.findTimestamp(TIMESTAMP + 4)).toBeUndefined()
    await first.truncateBefore(3)
    expect(await first.findTimestamp(0)).toEqual({ offset: 3, timestamp: TIMESTAMP + 3 })
  })

  test('are found by their time while the file catches up', async () => {
    const inner = memoryDisk()
    const gate = Promise.withResolvers<void>()
    let reads = 0
    const open: Disk['open'] = async (path, options) => {
      const file = await inner.open(path, options)
      if (!path.endsWith('.log')) return file
      const read: typeof file.read = (...call) => {
        reads++
        return gate.promise.then(() => file.read(...call))
      }
      return fileWith(file, { read })
    }
    const life = await Life.begin(diskWith(inner, { open }))
    const { first } = life
    // The file has to be read, because of a record that is deleted.
    for (const label of [9, 1]) await first.append(batchOf(label)).committed
    await first.truncateBefore(1)
    await life.round(() => batchOf(9))
    const looking = first.findTimestamp(TIMESTAMP + 9)
    await turns(3)
    expect(reads).toBe(1)
    await first.append(batchOf(2)).committed
    expect(await segmentBytes(inner, 0)).toEqual([4 * BATCH_BYTES])
    gate.resolve()
    expect(await looking).toEqual({ offset: 2, timestamp: TIMESTAMP + 9 })
  })

  test('are acknowledged and shown only when the journal is synced', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount())
    const release = disk.holdSyncs()
    let isCommitted = false
    const round = life.rounds(0, 1).then(() => {
      isCommitted = true
    })
    await turns(50)
    expect([isCommitted, ...life.logs.map((log) => log.highWatermark)]).toEqual([false, 0, 0, 0, 0, 0])
    release()
    await round
    expect(life.logs.map((log) => log.highWatermark)).toEqual([1, 1, 1, 1, 1])
  })

  test('are no more than twice the bound and a round', async () => {
    const inner = memoryDisk()
    const gate = Promise.withResolvers<void>()
    const open: Disk['open'] = async (path, options) => {
      const file = await inner.open(path, options)
      if (!path.endsWith('.log')) return file
      return fileWith(file, { writev: (...call) => gate.promise.then(() => file.writev(...call)) })
    }
    const backlog = new PartitionBacklog()
    backlog.add(batchOf(0))
    const limits = { journalBacklogBytes: 2 * PARTITIONS * backlog.memoryBytes }
    const life = await Life.begin(diskWith(inner, { open }), { limits })
    let committed = 0
    const rounds: Promise<void>[] = []
    for (let label = 0; label < 12; label++) {
      rounds.push(life.round(() => batchOf(label)).then(() => void committed++))
      await turns(20)
    }
    expect(committed).toBe(5)
    gate.resolve()
    await Promise.all(rounds)
    await expectLabels(life, 12)
  })

  test('are in the files, unsynced, where the disk may have no room for them later', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount(), { roomBytes: 1 << 20 })
    disk.capacityBytes = 1 << 20
    // With the first, the journal begins a file and looks for room.
    await life.rounds(0, 3)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await segmentBytes(disk, partition)).toEqual([3 * BATCH_BYTES])
    }
    disk.crash()
    await expectLabels(await Life.begin(disk.mount()), 3)
  })

  test('take the place of what the files got when the journal failed to sync it', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const life = await Life.begin(disk.mount(), { roomBytes: 1 << 20 })
      disk.capacityBytes = 1 << 20
      await life.rounds(0, 1)
      disk.failNext({ operation: 'datasync', path: '.journal', code: 'EIO' })
      const failing = life.logs.map((log) => failureOf(log.append(batchOf(7)).committed))
      for (const { code } of await Promise.all(failing)) expect(code).toBe('COMMIT_UNKNOWN')
      disk.capacityBytes = Number.POSITIVE_INFINITY
      await life.rounds(1, 2)
      if (seed % 2 === 0) disk.crash()
      else disk.kill()
      await expectLabels(await Life.begin(disk.mount()), 2)
    }
  })

  test('go into the segment that is closed', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount(), { segmentBytes: 3 * BATCH_BYTES })
    await life.rounds(0, 7)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await segmentBytes(disk, partition)).toEqual([3 * BATCH_BYTES, 3 * BATCH_BYTES, 0])
    }
    disk.crash()
    await expectLabels(await Life.begin(disk.mount()), 7)
  })

  test('go before what is written to the file itself', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount())
    await life.rounds(0, 3)
    for (const log of life.logs) await log.append(batchOf(3)).committed
    disk.crash()
    await expectLabels(await Life.begin(disk.mount()), 4)
  })

  test('are on disk in the segments when a checkpoint removes the journal', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount(), { journalBytes: 3 * PARTITIONS * BATCH_BYTES })
    await life.rounds(0, 5)
    await life.bench.committer.idle()
    expect(disk.paths()).not.toContain(FIRST_JOURNAL)
    disk.crash()
    await expectLabels(await Life.begin(disk.mount()), 5)
  })

  test('are looked after by the next checkpoint when one cannot write them', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount(), { journalBytes: 3 * PARTITIONS * BATCH_BYTES })
    const { committer } = life.bench
    await life.rounds(0, 2)
    disk.failNext({ operation: 'write', path: directoryOf(0), code: 'EIO' })
    let label = 2
    // The first partition has no part in any further round.
    const roundOfOthers = () => life.round(() => batchOf(label++), life.logs.slice(1))
    while (committer.problem === undefined) await roundOfOthers()
    expect(disk.paths()).toContain(FIRST_JOURNAL)
    while (disk.paths().includes(FIRST_JOURNAL)) {
      life.bench.clock.advance(1_000)
      await roundOfOthers()
    }
    await committer.idle()
    disk.crash()
    expect(await labelsFrom((await Life.begin(disk.mount())).first)).toEqual(upTo(2))
  })

  test('are in the segments after a shutdown in order', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount())
    await life.rounds(0, 3)
    await life.end()
    expect(disk.paths().filter((path) => path.endsWith('.journal'))).toEqual([])
    disk.crash()
    const again = await Life.begin(disk.mount(), { clean: true })
    await expectLabels(again, 3)
    expect(again.bench.logger.lines).toEqual([])
  })

  test('stay in the journal when their partition could not be closed', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const life = await Life.begin(disk.mount(), { journalBytes: 3 * PARTITIONS * BATCH_BYTES })
    await life.rounds(0, 2)
    disk.failNext({ operation: 'write', path: directoryOf(0), code: 'EIO' })
    expect((await failureOf(life.first.close())).code).toBe('STORAGE_FAILED')
    // The others go on until a checkpoint is due.
    for (let label = 2; label < 6; label++) await life.round(() => batchOf(label), life.logs.slice(1))
    await life.bench.committer.idle()
    expect(disk.paths().filter((path) => path.endsWith('.journal')).length).toBeGreaterThan(1)
    disk.crash()
    const again = await Life.begin(disk.mount())
    expect(await labelsFrom(again.first)).toEqual(upTo(2))
    expect(await labelsFrom(again.logs[1] as PartitionLog)).toEqual(upTo(6))
  })
})

test('a flush of many partitions syncs what only their files have', async () => {
  const disk = new CrashDisk(seededRandom(1))
  const life = await Life.begin(disk.mount(), { flushPolicy: 'interval', flushMs: 100 })
  await life.rounds(0, 2)
  expect(life.logs.map((log) => log.durableEnd)).toEqual(life.logs.map(() => 0))
  life.bench.clock.advance(100)
  await life.bench.committer.idle()
  expect(life.logs.map((log) => log.durableEnd)).toEqual(life.logs.map(() => 2))
  disk.crash()
  await expectLabels(await Life.begin(disk.mount()), 2)
})

describe('a segment that a crash left empty, and whose cut was not synced', () => {
  /** A disk on which batches of the first partition, which failed, may come back after the next power cut. */
  async function haunted(seed: number): Promise<CrashDisk> {
    const disk = new CrashDisk(seededRandom(seed))
    const { first } = await Life.begin(disk.mount())
    disk.failNext({ operation: 'write', path: directoryOf(0), code: 'EIO' })
    disk.failNext({ operation: 'datasync', path: directoryOf(0), code: 'EIO' })
    await Promise.allSettled(['a', 'b', 'c', 'd'].map((value) => append(first, value)))
    disk.kill()
    return disk
  }

  test('gives back nothing in the place of what the journal took', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const disk = await haunted(seed)
      const life = await Life.begin(disk.mount())
      const seen = await valuesFrom(life.first)
      await life.round(() => valuesBatch(['next']))
      disk.crash()
      const { first } = await Life.begin(disk.mount())
      expect([...(await valuesFrom(first)).values()], `seed ${seed}`).toEqual([...seen.values(), 'next'])
    }
  })

  test('gives back nothing that bears an older leader epoch than its offset has', async () => {
    let returned = 0
    for (let seed = 1; seed <= 200; seed++) {
      const disk = await haunted(seed)
      const { first } = await Life.begin(disk.mount())
      append(first, 'next').catch(() => {})
      await turns(seed % 20)
      disk.crash()
      const again = (await Life.begin(disk.mount())).first
      const { entries } = await LeaderEpochs.open(disk, `${directoryOf(0)}/leader-epoch-checkpoint`)
      for (const bytes of (await again.read(0, 1 << 20)).batches) {
        for (const { baseOffset, leaderEpoch } of readBatches(bytes)) {
          const known = entries.findLast(({ startOffset }) => startOffset <= baseOffset)
          expect(leaderEpoch, `seed ${seed}, offset ${baseOffset}`).toBe(known?.epoch)
          if (leaderEpoch === 0) returned++
        }
      }
    }
    expect(returned).toBeGreaterThan(0)
  })
})
