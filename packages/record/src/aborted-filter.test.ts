import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AbortedFilter, type AbortedTransaction } from './aborted-filter.ts'
import { BatchBuilder } from './batch-builder.ts'
import { controlBatch } from './control-batch.ts'
import type { RecordBatch } from './record-batch.ts'

type Step =
  | { readonly does: 'write' | 'commit' | 'abort'; readonly producer: number; readonly records: number }
  | { readonly does: 'plain'; readonly producer: number; readonly records: number }

/** A partition's log as steps wrote it, and who of its batches ought to be seen. */
class Written {
  readonly batches: RecordBatch[] = []
  readonly aborted: (AbortedTransaction & { readonly markerOffset: number })[] = []
  private readonly hidden = new Set<RecordBatch>()
  private readonly open = new Map<number, RecordBatch[]>()
  private end = 0

  constructor(steps: readonly Step[]) {
    for (const step of steps) this.take(step)
    for (const producer of [...this.open.keys()]) this.finish(producer, 'commit')
  }

  /** What a reader gets that reads the batches from index `from` up to `to`, and the list that it gets with them. */
  read(from: number, to: number): { batches: RecordBatch[]; aborted: AbortedTransaction[]; seen: RecordBatch[] } {
    const batches = this.batches.slice(from, to)
    const begin = batches[0]?.baseOffset ?? 0
    const end = batches.at(-1)?.nextOffset ?? 0
    return {
      batches,
      aborted: this.aborted.filter((it) => it.firstOffset < end && it.markerOffset >= begin),
      seen: batches.filter((batch) => !batch.isControl && !this.hidden.has(batch)),
    }
  }

  private take({ does, producer, records }: Step): void {
    if (does === 'commit' || does === 'abort') this.finish(producer, does)
    else this.write(does, producer, records)
  }

  private write(does: 'write' | 'plain', producer: number, records: number): void {
    const builder = new BatchBuilder()
    for (let n = 0; n < records; n++) builder.append({ key: null, value: Buffer.from('x'), timestamp: 1 })
    // Producer 3 writes without an id.
    const stamp = producer === 3 ? {} : { producer: { producerId: producer, producerEpoch: 0, baseSequence: 0 } }
    const transactional = does === 'write' && producer !== 3
    const batch = this.put(builder.build({ ...stamp, transactional }))
    if (transactional) this.open.set(producer, [...(this.open.get(producer) ?? []), batch])
  }

  private finish(producerId: number, outcome: 'commit' | 'abort'): void {
    const written = this.open.get(producerId)
    if (written === undefined) return
    this.open.delete(producerId)
    const marker = this.put(controlBatch({ producerId, producerEpoch: 0, outcome }, 1))
    if (outcome === 'commit') return
    for (const batch of written) this.hidden.add(batch)
    const [first] = written as [RecordBatch]
    this.aborted.push({ producerId, firstOffset: first.baseOffset, markerOffset: marker.baseOffset })
  }

  private put(batch: RecordBatch): RecordBatch {
    batch.stamp(this.end, 0)
    this.end = batch.nextOffset
    this.batches.push(batch)
    return batch
  }
}

function shown(batches: readonly RecordBatch[], aborted: readonly AbortedTransaction[]): RecordBatch[] {
  const filter = new AbortedFilter(aborted)
  return batches.filter((batch) => !filter.leavesOut(batch))
}

const steps = fc.array(
  fc.record({
    does: fc.constantFrom('write', 'write', 'write', 'plain', 'commit', 'abort'),
    producer: fc.integer({ min: 0, max: 3 }),
    records: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 40 },
) as fc.Arbitrary<Step[]>

describe('the filter of aborted transactions', () => {
  test('shows of any stretch of any log the batches of committed transactions and of none', () => {
    fc.assert(
      fc.property(steps, fc.nat(40), fc.nat(40), (taken, a, b) => {
        const { batches, aborted, seen } = new Written(taken).read(Math.min(a, b), Math.max(a, b))
        expect(shown(batches, aborted)).toEqual(seen)
        expect(shown(batches, aborted.toReversed())).toEqual(seen)
      }),
      { numRuns: 500 },
    )
  })

  test('read after read, each from where the one before ended, shows what one read shows', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (taken, step) => {
        const log = new Written(taken)
        const all = log.read(0, log.batches.length)
        const parts: RecordBatch[] = []
        for (let at = 0; at < log.batches.length; at += step) {
          const { batches, aborted } = log.read(at, at + step)
          parts.push(...shown(batches, aborted))
        }
        expect(parts).toEqual(all.seen)
      }),
    )
  })

  test('a read from the middle of an aborted transaction leaves out the rest of it, up to its marker', () => {
    const write = (producer: number): Step => ({ does: 'write', producer, records: 2 })
    const log = new Written([
      write(1),
      write(1),
      write(2),
      { does: 'abort', producer: 1, records: 0 },
      write(1),
      write(2),
    ])
    const { batches, aborted } = log.read(1, log.batches.length)
    expect(aborted).toMatchObject([{ producerId: 1, firstOffset: 0 }])
    expect(shown(batches, aborted).map(({ baseOffset }) => baseOffset)).toEqual([4, 7, 9])
  })

  test('control batches are left out where nothing was aborted, too', () => {
    const commit = controlBatch({ producerId: 1, producerEpoch: 0, outcome: 'commit' }, 1)
    expect(new AbortedFilter([]).leavesOut(commit)).toBe(true)
  })
})
