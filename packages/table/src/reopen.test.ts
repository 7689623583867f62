import { DEFAULT_LIMITS, MillraceError } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { jsonCodec } from './codec.ts'
import { Table } from './table.ts'
import { LogDouble } from './testing/log-double.ts'
import { MemorySnapshots } from './testing/memory-snapshots.ts'

const clock = new ManualClock()
const codec = jsonCodec<unknown>()

let log: LogDouble
let snapshots: MemorySnapshots

beforeEach(() => {
  log = new LogDouble()
  snapshots = new MemorySnapshots()
})

function open(tableSnapshotRecords = 1_000_000): Promise<Table<string, unknown>> {
  const limits = { ...DEFAULT_LIMITS, tableSnapshotRecords }
  return Table.open({ partition: log, codec, clock, limits, snapshots })
}

const contentOf = (table: Table<string, unknown>): object => Object.fromEntries(table.entries())
const turns = async (count = 10): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Sets keys to their numbers, one after another. */
async function setAll(table: Table<string, unknown>, from: number, to: number): Promise<void> {
  for (let value = from; value < to; value++) await table.set(`k${value}`, value)
}

/** Opens the table and tells how many bytes of the log that took, and what it has. */
async function reopen(): Promise<{ bytes: number; content: object; table: Table<string, unknown> }> {
  const before = log.reads.bytes
  const table = await open()
  return { bytes: log.reads.bytes - before, content: contentOf(table), table }
}

describe('opening a table', () => {
  test('reads nothing that its snapshot has, and all that the log has behind it', async () => {
    const table = await open()
    await setAll(table, 0, 50)
    await table.close()
    const { bytes, content, table: again } = await reopen()
    expect([bytes, Object.keys(content).length]).toEqual([0, 50])
    await again.delete('k7')
    const more = await reopen()
    expect(more.bytes).toBeGreaterThan(0)
    expect(more.bytes).toBeLessThan(100)
    expect(more.content).toEqual(contentOf(again))
  })

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['changed', (bytes: Buffer) => bytes.fill(0, 30, 31)],
    ['empty', () => Buffer.alloc(0)],
    ['of another version', (bytes: Buffer) => bytes.fill(9, 0, 1)],
  ])('with a snapshot that is %s reads the whole log, and replaces it', async (_, damage) => {
    const table = await open()
    await setAll(table, 0, 20)
    await table.close()
    snapshots.bytes = damage(snapshots.bytes as Buffer)
    const { bytes, content } = await reopen()
    expect(bytes).toBeGreaterThan(20 * 60)
    expect(content).toEqual(contentOf(table))
    expect(await reopen()).toMatchObject({ bytes: 0, content })
  })

  test('without a snapshot reads the whole log, and saves none', async () => {
    await setAll(await open(), 0, 3)
    expect((await reopen()).content).toEqual({ k0: 0, k1: 1, k2: 2 })
    expect(snapshots.saves).toBe(0)
  })

  test('with a snapshot that cannot be loaded reads the whole log', async () => {
    await setAll(await open(), 0, 3)
    snapshots.load = async () => {
      throw new Error('EIO')
    }
    expect((await reopen()).content).toEqual({ k0: 0, k1: 1, k2: 2 })
    expect(snapshots.saves).toBe(1)
  })
})

describe('a log that lost its end', () => {
  /** A snapshot of five records, of which the log has three. */
  async function lose(): Promise<void> {
    const table = await open()
    await setAll(table, 0, 5)
    await table.close()
    log.crash({ lose: 2 })
  }

  test('does not get it back from a snapshot', async () => {
    await lose()
    const { content, table } = await reopen()
    expect(content).toEqual({ k0: 0, k1: 1, k2: 2 })
    await table.set('x', 3)
    await table.set('y', 4)
    await table.set('z', 5)
    // No shutdown in order: what the store has is what opening put there.
    expect((await reopen()).content).toEqual({ k0: 0, k1: 1, k2: 2, x: 3, y: 4, z: 5 })
  })

  test('is not opened where the snapshot that it must not meet again cannot be replaced', async () => {
    await lose()
    snapshots.error = new MillraceError('DISK_FULL', 'full')
    await expect(open()).rejects.toMatchObject({ code: 'DISK_FULL' })
    snapshots.error = new Error('EIO')
    await expect(open()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    snapshots.error = undefined
    expect((await reopen()).content).toEqual({ k0: 0, k1: 1, k2: 2 })
  })

  test('and a snapshot that was being made while that end was written go together', async () => {
    const table = await open()
    // More than a slice, so that changes come in between.
    for (let value = 0; value < 20; value++) await table.set(`k${value}`, 'x'.repeat(10_000))
    const closed = table.close()
    expect(snapshots.saves).toBe(0)
    await closed
    const saved = snapshots.bytes as Buffer
    const [from, to] = [saved.readBigInt64BE(2), saved.readBigInt64BE(saved.length - 12)]
    expect([from, to]).toEqual([20n, 20n])

    const busy = await open(1)
    const changes = Array.from({ length: 40 }, (_, value) => turns(value).then(() => busy.set(`late${value}`, value)))
    await Promise.all(changes)
    await turns(100)
    log.crash({ lose: 1 })
    const { content } = await reopen()
    expect(Object.keys(content).filter((key) => key.startsWith('late')).length).toBe(39)
  })
})

describe('a compacted log', () => {
  test('gives the same table, from its start', async () => {
    const table = await open()
    for (let value = 0; value < 30; value++) await table.set(`k${value % 4}`, value)
    await table.delete('k1')
    log.compact(log.highWatermark - 1)
    expect(log.records().length).toBe(5)
    expect((await reopen()).content).toEqual({ k0: 28, k2: 26, k3: 27 })
    log.compact(log.highWatermark, { dropTombstones: true })
    expect(log.records().length).toBe(3)
    const { content, table: again } = await reopen()
    expect(content).toEqual({ k0: 28, k2: 26, k3: 27 })
    expect(again.position).toBe(31)
  })

  test('whose tombstones are gone does not bring back what the snapshot still has', async () => {
    const table = await open()
    await setAll(table, 0, 5)
    await table.close()
    const { table: again } = await reopen()
    await again.delete('k1')
    await again.set('k9', 9)
    log.compact(log.highWatermark, { dropTombstones: true })
    expect(log.records().map(({ key }) => key)).not.toContain('k1')
    expect((await reopen()).content).toEqual({ k0: 0, k2: 2, k3: 3, k4: 4, k9: 9 })
    // The last record may be the one that is missing.
    await again.delete('k2')
    log.compact(log.highWatermark, { dropTombstones: true })
    expect((await reopen()).content).toEqual({ k0: 0, k3: 3, k4: 4, k9: 9 })
    // So may the one in front of a marker, which compaction leaves.
    const { table: last } = await reopen()
    await last.close()
    const { table: another } = await reopen()
    await another.delete('k3')
    log.appendMarker({ producerId: 1, producerEpoch: 0, outcome: 'commit' })
    log.compact(log.highWatermark, { dropTombstones: true })
    expect((await reopen()).content).toEqual({ k0: 0, k4: 4, k9: 9 })
  })

  test('is not read from its start when only what the snapshot has was compacted', async () => {
    const table = await open()
    for (let value = 0; value < 30; value++) await table.set(`k${value % 4}`, value)
    await table.close()
    await table.close()
    const { table: again } = await reopen()
    log.compact(log.highWatermark)
    await again.set('k0', 'last')
    const { bytes, content } = await reopen()
    expect(bytes).toBeLessThan(100)
    expect(content).toEqual({ k0: 'last', k1: 29, k2: 26, k3: 27 })
  })

  test('that begins behind the snapshot is read without it', async () => {
    const table = await open()
    await setAll(table, 0, 3)
    await table.close()
    const { table: again } = await reopen()
    await setAll(again, 3, 6)
    log.logStart = 4
    expect((await reopen()).content).toEqual({ k4: 4, k5: 5 })
  })

  test('that begins inside a batch has the rest of it', async () => {
    const table = await open()
    await table.batch([0, 1, 2].map((value) => ({ key: `k${value}`, value })))
    log.logStart = 1
    expect((await reopen()).content).toEqual({ k1: 1, k2: 2 })
  })
})

describe('snapshots are saved', () => {
  test('each time so many records were changed, so that opening never reads many more', async () => {
    const table = await open(10)
    for (let value = 0; value < 95; value++) {
      await table.set(`k${value % 20}`, value)
      await turns(2)
      const { bytes, content } = await reopen()
      expect(content).toEqual(contentOf(table))
      expect(bytes).toBeLessThan(10 * 80)
    }
    expect(snapshots.saves).toBe(9)
  })

  test('after opening has read so many', async () => {
    await setAll(await open(), 0, 25)
    await open(25)
    await turns()
    expect(snapshots.saves).toBe(1)
    expect((await reopen()).bytes).toBe(0)
  })

  test('at the end, unless there is one of the same', async () => {
    const table = await open()
    await table.close()
    expect(snapshots.saves).toBe(0)
    const { table: again } = await reopen()
    await again.set('a', 1)
    await again.close()
    expect(snapshots.saves).toBe(1)
    await (await reopen()).table.close()
    expect(snapshots.saves).toBe(1)
  })

  test('while changes go on, one at a time, and the last one has them', async () => {
    const table = await open(5)
    const { promise, resolve } = Promise.withResolvers<void>()
    snapshots.gate = promise
    await setAll(table, 0, 50)
    expect([table.size, snapshots.saves]).toEqual([50, 0])
    const closed = table.close()
    resolve()
    await closed
    expect(snapshots.saves).toBeLessThanOrEqual(3)
    expect(await reopen()).toMatchObject({ bytes: 0, content: contentOf(table) })
  })

  test('or not, and nobody but the log book notices', async () => {
    snapshots.error = new Error('EIO')
    const table = await open(5)
    await setAll(table, 0, 50)
    await turns()
    await table.close()
    snapshots.error = undefined
    expect((await reopen()).content).toEqual(contentOf(table))
  })
})
