import { CrashDisk, seededRandom } from '@millrace/testkit'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { CONFIG, LogBench, valuesBatch, valuesFrom } from '../test/log-harness.ts'
import { Journal } from './journal.ts'
import { encodeIdentity, identityKey } from './journal-entry.ts'
import { fillFromJournal } from './journal-fill.ts'
import { memoryDisk } from './memory-disk.ts'
import { PartitionRecovery } from './recovery.ts'

const identityOf = (partition: number) => ({ topicId: '11111111-2222-3333-4444-555555555555', partition })

/** A journal with batches of one record, by rounds: each has one for some of the partitions. */
async function journalOf(bench: LogBench, rounds: readonly (readonly number[])[], maxFileBytes: number) {
  const { disk } = bench
  const { journal } = await Journal.open(disk, '/journal', { maxFileBytes })
  const values = new Map<number, string[]>()
  for (const [round, partitions] of rounds.entries()) {
    const entries = [...new Set(partitions)].map((partition) => {
      const known = values.get(partition) ?? []
      values.set(partition, known)
      const value = `${partition}/${known.length}${'.'.repeat((round * 37 + partition * 11) % 90)}`
      const batch = valuesBatch([value])
      batch.stamp(known.length, 0)
      known.push(value)
      return { identity: encodeIdentity(identityOf(partition)), batches: [batch] }
    })
    if (entries.length > 0) await journal.append(entries)
    if (round % 4 === 3) await journal.rotate()
  }
  const { batches } = await Journal.open(disk, '/journal', { maxFileBytes })
  return { values, batches }
}

async function begin(bench: LogBench, partition: number, batches: Awaited<ReturnType<typeof journalOf>>['batches']) {
  const directory = `/t-${partition}`
  await bench.disk.makeDirectory(directory)
  const identity = identityOf(partition)
  const journaled = batches.get(identityKey(identity))
  return PartitionRecovery.begin(bench, { directory, identity, config: CONFIG, clean: false, journaled })
}

describe('filling from the journal', () => {
  test('gives each partition all it lacks, whatever the windows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 1_500 }),
        fc.integer({ min: 300, max: 3_000 }),
        async (rounds, windowBytes, maxFileBytes) => {
          const bench = new LogBench(memoryDisk())
          const { values, batches } = await journalOf(bench, rounds, maxFileBytes)
          const recoveries = await Promise.all([...values.keys()].map((partition) => begin(bench, partition, batches)))
          await fillFromJournal(bench.files, recoveries, windowBytes)
          for (const [index, expected] of [...values.values()].entries()) {
            const log = await (recoveries[index] as PartitionRecovery).finish()
            expect([...(await valuesFrom(log)).values()]).toEqual(expected)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test('reads what lies close together at once, and writes what a partition gets of it at once', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const bench = new LogBench(disk)
    const rounds = Array.from({ length: 50 }, () => [0, 1, 2])
    const { batches } = await journalOf(bench, rounds, 1 << 20)
    const recoveries = await Promise.all([0, 1, 2].map((partition) => begin(bench, partition, batches)))
    const reads = vi.spyOn(bench.files, 'use')
    const takes = recoveries.map((recovery) => vi.spyOn(recovery, 'take'))
    await fillFromJournal(bench.files, recoveries)
    expect(reads.mock.calls.filter(([path]) => path.endsWith('.journal'))).toHaveLength(1)
    expect(takes.map(({ mock }) => mock.calls.map(([taken]) => taken.length))).toEqual([[50], [50], [50]])
  })

  test('that cannot write one partition serves the others', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const bench = new LogBench(disk)
    const { batches, values } = await journalOf(
      bench,
      [
        [0, 1],
        [0, 1],
      ],
      1 << 20,
    )
    const [first, second] = await Promise.all([0, 1].map((partition) => begin(bench, partition, batches)))
    disk.failNext({ operation: 'write', path: 't-0', code: 'EIO' })
    await fillFromJournal(bench.files, [first as PartitionRecovery, second as PartitionRecovery])
    await expect(first?.finish()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    const log = await second?.finish()
    expect([...(await valuesFrom(log as never)).values()]).toEqual(values.get(1))
  })
})
