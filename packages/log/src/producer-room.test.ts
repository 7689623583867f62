import { CrashDisk, seededRandom } from '@millrace/testkit'
import { expect, test, vi } from 'vitest'
import { type BenchOptions, findingsIn, LogBench, valuesBatch } from '../test/log-harness.ts'
import { memoryDisk } from './memory-disk.ts'
import type { PartitionLog } from './partition-log.ts'
import { ProducerState } from './producer-state.ts'

const EXPIRATION_MS = 10_000
const LIMITS: BenchOptions = { limits: { producers: 4, producerIdExpirationMs: EXPIRATION_MS } }
const FULL = expect.objectContaining({ code: 'LIMIT_REACHED' })

function open(bench: LogBench, directory: string, clean = false): Promise<PartitionLog> {
  return bench.open({ directory, clean })
}

/** Appends the batch of a producer that has this sequence. @returns whether it was there already */
async function write(log: PartitionLog, producerId: number, baseSequence = 0): Promise<boolean> {
  const { duplicate } = await log.append(valuesBatch(['x'], { producerId, baseSequence })).committed
  return duplicate === true
}

async function fill(bench: LogBench): Promise<[PartitionLog, PartitionLog]> {
  const logs: [PartitionLog, PartitionLog] = [await open(bench, '/a'), await open(bench, '/b')]
  for (const log of logs) for (const producerId of [1, 2]) await write(log, producerId)
  return logs
}

test('a new producer is refused when all partitions together remember as many as they may, and nobody else', async () => {
  const bench = new LogBench(memoryDisk(), LIMITS)
  const [a, b] = await fill(bench)
  await expect(async () => write(a, 3)).rejects.toEqual(FULL)
  expect(await write(b, 1, 1)).toBe(false)
  expect(await write(b, 1, 0)).toBe(true)
  await expect(async () => write(b, 3)).rejects.toEqual(FULL)
  // Batches of no producer, and markers, ask for no room.
  await a.append(valuesBatch(['x'])).committed
  expect(bench.producers.size).toBe(4)
})

test('one partition does not forget who may repeat itself either, however many others come', async () => {
  const bench = new LogBench(memoryDisk(), {
    limits: { producersPerPartition: 2, producerIdExpirationMs: EXPIRATION_MS },
  })
  const [a, b] = await fill(bench)
  for (let producerId = 3; producerId < 100; producerId++) {
    await expect(async () => write(a, producerId)).rejects.toEqual(FULL)
  }
  expect(await write(a, 1)).toBe(true)
  bench.clock.advance(EXPIRATION_MS - 1)
  expect(await write(a, 2, 1)).toBe(false)
  bench.clock.advance(1)
  expect(await write(a, 3)).toBe(false)
  await expect(async () => write(a, 4)).rejects.toEqual(FULL)
  expect(await write(a, 2, 1)).toBe(true)
  // Only where room is wanted is anybody forgotten.
  expect(await write(b, 1)).toBe(true)
})

test('those that wrote nothing for long make room, and a repeat of what any other wrote is known', async () => {
  const bench = new LogBench(memoryDisk(), LIMITS)
  const [a, b] = await fill(bench)
  bench.clock.advance(EXPIRATION_MS - 1)
  await write(b, 2, 1)
  await expect(async () => write(a, 3)).rejects.toEqual(FULL)
  bench.clock.advance(1)
  await write(a, 3)
  expect(bench.producers.size).toBe(2)
  expect(await write(b, 2, 1)).toBe(true)
  expect(await write(b, 2, 0)).toBe(true)
  expect(await write(a, 3)).toBe(true)
})

test('also those that came after all others were forgotten make room', async () => {
  const bench = new LogBench(memoryDisk(), LIMITS)
  const [a] = await fill(bench)
  for (let round = 1; round < 4; round++) {
    bench.clock.advance(EXPIRATION_MS)
    for (let id = 0; id < 4; id++) await write(a, 10 * round + id)
    expect(bench.producers.size).toBe(4)
    await expect(async () => write(a, 10 * round + 4)).rejects.toEqual(FULL)
  }
})

test('what is in a transaction or not committed is not forgotten, however old', async () => {
  const bench = new LogBench(memoryDisk(), LIMITS)
  const [a, b] = await fill(bench)
  const batch = valuesBatch(['x'], { producerId: 1, baseSequence: 1 })
  batch.buffer.writeInt16BE(batch.buffer.readInt16BE(21) | 0x10, 21)
  batch.stampProducer({ producerId: 1, producerEpoch: 0, baseSequence: 1 })
  await a.append(batch).committed
  const held = b.append(valuesBatch(['x'], { producerId: 2, baseSequence: 1 }))
  bench.clock.advance(EXPIRATION_MS)
  const added = a.append(valuesBatch(['x'], { producerId: 3 }))
  expect(bench.producers.size).toBe(3)
  await Promise.all([held.committed, added.committed])
  expect(await write(b, 2, 1)).toBe(true)
  await a.appendMarker({ producerId: 1, producerEpoch: 0, outcome: 'commit' })
})

test('refusing looks at the partitions once, not each time', async () => {
  const bench = new LogBench(memoryDisk(), LIMITS)
  const [a] = await fill(bench)
  const looks = vi.spyOn(ProducerState.prototype, 'forgetIdle')
  for (let number = 0; number < 100; number++) await expect(async () => write(a, 10 + number)).rejects.toEqual(FULL)
  expect(looks.mock.calls.length).toBeLessThanOrEqual(2)
})

test('partitions that are closed, and appends that fail, give their room back; those that are opened take it', async () => {
  const disk = new CrashDisk(seededRandom(1))
  const bench = new LogBench(disk, LIMITS)
  const [a, b] = await fill(bench)
  await b.close()
  expect(bench.producers.size).toBe(2)
  disk.failNext({ operation: 'write', path: '/a', code: 'ENOSPC' })
  await expect(write(a, 3)).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(bench.producers.size).toBe(2)
  await write(a, 3)
  await open(bench, '/b', true)
  expect(bench.producers.size).toBe(5)
  await expect(async () => write(a, 4)).rejects.toEqual(FULL)
  // Since the start, everybody counts as used.
  bench.clock.advance(EXPIRATION_MS)
  await write(a, 4)
  expect(bench.producers.size).toBe(1)
})

test('a snapshot without those that were forgotten is no error of the log', async () => {
  const disk = memoryDisk()
  const bench = new LogBench(disk, LIMITS)
  const [a, b] = await fill(bench)
  bench.clock.advance(EXPIRATION_MS)
  await write(a, 3)
  for (const log of [a, b]) await log.close()
  const found = [...(await findingsIn(disk, { directory: '/a' })), ...(await findingsIn(disk, { directory: '/b' }))]
  const notes = found.filter(({ kind }) => kind === 'producers-forgotten')
  expect(notes.map(({ severity }) => severity)).toEqual(['note', 'note'])
  expect(found.filter(({ severity }) => severity === 'error')).toEqual([])
})
