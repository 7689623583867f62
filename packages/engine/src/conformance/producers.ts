import { REMEMBERED_BATCHES } from '@millrace/record'
import { expect, test } from 'vitest'
import type { AppendResult, EnginePartition } from '../engine.ts'
import { type BenchTest, batchOf, failure, hollow, readValues, sequenced, turns } from './subject.ts'

const COMMITTED = { acks: 'committed' } as const

export function producerTests(bench: BenchTest): void {
  test(
    'no id is given twice, and each begins at epoch 0',
    bench(async (b) => {
      const given = await Promise.all(Array.from({ length: 100 }, () => b.engine.producers.allocate()))
      expect(new Set(given.map(({ producerId }) => producerId)).size).toBe(100)
      for (const { producerId, producerEpoch } of given) {
        expect(Number.isSafeInteger(producerId) && producerId >= 0).toBe(true)
        expect(producerEpoch).toBe(0)
      }
    }),
  )

  test(
    'no id is given twice across restarts',
    bench(async (b) => {
      const given = new Set<number>()
      for (let life = 0; life < 3; life++) {
        for (let index = 0; index < 5; index++) given.add((await b.engine.producers.allocate()).producerId)
        await b.reopen()
      }
      expect(given.size).toBe(15)
    }),
  )

  test(
    'a repeat is answered as the first was, and stores nothing',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['before']), COMMITTED)
      const first = await partition.append(sequenced(1, 0, 2), COMMITTED)
      await partition.append(batchOf(['between']), COMMITTED)
      for (const acks of ['committed', 'none'] as const) {
        const again = await partition.append(sequenced(1, 0, 2), { acks })
        expect(again).toEqual({ ...first, duplicate: true })
      }
      expect(await readValues(partition)).toEqual(['before', '1/0/0', '1/0/1', 'between'])
    }),
  )

  test(
    'repeats of a batch that is still under way are stored once',
    bench(async (b) => {
      const partition = await b.createPartition()
      const results = await Promise.all(
        Array.from({ length: 10 }, () => partition.append(sequenced(1, 0, 3), COMMITTED)),
      )
      expect(results.map(({ baseOffset }) => baseOffset)).toEqual(new Array(10).fill(0))
      expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
      expect(await readValues(partition)).toHaveLength(3)
    }),
  )

  test(
    'a repeat is acknowledged only when the first is committed',
    bench(async (b) => {
      const partition = await b.createPartition()
      const release = b.holdCommits()
      const answers: string[] = []
      const note = (name: string) => (result: AppendResult) => {
        answers.push(name)
        return result
      }
      const first = partition.append(sequenced(1, 0), COMMITTED).then(note('first'))
      const repeat = partition.append(sequenced(1, 0), COMMITTED).then(note('repeat'))
      expect(await partition.append(sequenced(1, 0), { acks: 'none' })).toMatchObject({
        baseOffset: 0,
        duplicate: true,
      })
      await turns()
      expect(answers).toEqual([])
      release()
      expect(await first).toMatchObject({ baseOffset: 0, duplicate: false })
      expect(await repeat).toMatchObject({ baseOffset: 0, duplicate: true })
    }),
  )

  test(
    'the last batches of each producer are remembered with their places, older ones as duplicates',
    bench(async (b) => {
      const partition = await b.createPartition()
      const total = REMEMBERED_BATCHES + 8
      for (let batch = 0; batch < total; batch++) {
        for (const producer of [1, 2]) await partition.append(sequenced(producer, batch * 2, 2), COMMITTED)
      }
      for (let batch = total - 1; batch >= 0; batch--) {
        for (const [place, producer] of [1, 2].entries()) {
          const { baseOffset, duplicate } = await partition.append(sequenced(producer, batch * 2, 2), COMMITTED)
          expect(duplicate).toBe(true)
          const first = batch * 4 + place * 2
          if (batch >= total - REMEMBERED_BATCHES) expect(baseOffset).toBe(first)
          else expect([-1, first]).toContain(baseOffset)
        }
      }
      expect((await partition.status()).highWatermark).toBe(total * 4)
    }),
  )

  test(
    'as many batches under way as are remembered can all be repeated',
    bench(async (b) => {
      const partition = await b.createPartition()
      const send = () =>
        Promise.all(
          Array.from({ length: REMEMBERED_BATCHES }, (_, batch) => partition.append(sequenced(1, batch), COMMITTED)),
        )
      const [first, second] = await Promise.all([send(), send()])
      expect(first.map(({ baseOffset }) => baseOffset)).toEqual(first.map((_, index) => index))
      expect(second).toEqual(first.map((result) => ({ ...result, duplicate: true })))
    }),
  )

  test(
    'a repeat with other bounds is a duplicate when all of it is there, and refused when some is not',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(sequenced(1, 0, 2), COMMITTED)
      await partition.append(sequenced(1, 2, 2), COMMITTED)
      const regrouped = await partition.append(sequenced(1, 0, 4), COMMITTED)
      expect(regrouped).toMatchObject({ baseOffset: -1, duplicate: true })
      await failure(partition.append(sequenced(1, 2, 4), COMMITTED), 'OUT_OF_ORDER_SEQUENCE')
      expect((await partition.status()).highWatermark).toBe(4)
    }),
  )

  test(
    'a gap is refused, names what is due, and leaves no trace',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(sequenced(1, 0, 3), COMMITTED)
      for (const sequence of [4, 100, 2 ** 30]) {
        const error = await failure(partition.append(sequenced(1, sequence), COMMITTED), 'OUT_OF_ORDER_SEQUENCE')
        expect(error.details).toMatchObject({ expectedSequence: 3 })
      }
      expect(await partition.append(sequenced(1, 3), COMMITTED)).toMatchObject({ baseOffset: 3, duplicate: false })
      expect(await readValues(partition)).toHaveLength(4)
    }),
  )

  test(
    'batches behind a gap that are under way are all refused, and can be sent again in order',
    bench(async (b) => {
      const partition = await b.createPartition()
      const early = [1, 2, 3].map((sequence) =>
        failure(partition.append(sequenced(1, sequence), COMMITTED), 'OUT_OF_ORDER_SEQUENCE'),
      )
      await Promise.all(early)
      await Promise.all([0, 1, 2, 3].map((sequence) => partition.append(sequenced(1, sequence), COMMITTED)))
      expect(await readValues(partition)).toEqual(['1/0/0', '1/0/1', '1/0/2', '1/0/3'])
    }),
  )

  test(
    'a producer that is not known begins at sequence 0',
    bench(async (b) => {
      const partition = await b.createPartition()
      const error = await failure(partition.append(sequenced(1, 5), COMMITTED), 'OUT_OF_ORDER_SEQUENCE')
      expect(error.details).toMatchObject({ expectedSequence: 0 })
      await partition.append(sequenced(1, 0), COMMITTED)
    }),
  )

  test(
    'a newer epoch begins at sequence 0, forgets the older one and shuts it out',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(sequenced(1, 0, 2, 0), COMMITTED)
      await failure(partition.append(sequenced(1, 2, 1, 1), COMMITTED), 'OUT_OF_ORDER_SEQUENCE')
      expect(await partition.append(sequenced(1, 2, 1, 0), COMMITTED)).toMatchObject({ baseOffset: 2 })
      expect(await partition.append(sequenced(1, 0, 2, 4), COMMITTED)).toMatchObject({
        baseOffset: 3,
        duplicate: false,
      })
      for (const sequence of [0, 2, 3]) {
        await failure(partition.append(sequenced(1, sequence, 2, 0), COMMITTED), 'PRODUCER_FENCED')
        await failure(partition.append(sequenced(1, sequence, 2, 3), COMMITTED), 'PRODUCER_FENCED')
      }
      expect(await partition.append(sequenced(1, 0, 2, 4), COMMITTED)).toMatchObject({ baseOffset: 3, duplicate: true })
      expect(await partition.append(sequenced(1, 2, 1, 4), COMMITTED)).toMatchObject({ baseOffset: 5 })
    }),
  )

  test(
    'producers, and partitions, do not see each other’s sequences',
    bench(async (b) => {
      const { id } = await b.createTopic('orders', 2)
      const [zero, one] = [b.engine.partition(id, 0), b.engine.partition(id, 1)]
      for (const [index, partition] of [zero, one, zero].entries()) {
        const { duplicate } = await partition.append(sequenced(index === 2 ? 2 : 1, 0), COMMITTED)
        expect(duplicate).toBe(false)
      }
      await failure(one.append(sequenced(2, 1), COMMITTED), 'OUT_OF_ORDER_SEQUENCE')
    }),
  )

  test(
    'sequences wrap around from 2^31-1 to 0',
    bench(async (b) => {
      const partition = await b.createPartition()
      const append = (baseSequence: number, count: number, producerId = 1) =>
        partition.append(hollow({ producerId, producerEpoch: 0, baseSequence }, count), COMMITTED)
      const last = 2 ** 31 - 1
      await append(0, last - 1)
      expect(await append(last - 1, 4)).toMatchObject({ baseOffset: last - 1, duplicate: false })
      expect(await append(2, 1)).toMatchObject({ baseOffset: last + 3, duplicate: false })
      expect(await append(last - 1, 4)).toMatchObject({ baseOffset: last - 1, duplicate: true })
      expect(await append(2, 1)).toMatchObject({ baseOffset: last + 3, duplicate: true })
      await failure(append(4, 1), 'OUT_OF_ORDER_SEQUENCE')
      expect(await append(3, 1)).toMatchObject({ baseOffset: last + 4, duplicate: false })

      const end = last + 5
      await append(0, last, 2)
      expect(await append(last, 1, 2)).toMatchObject({ baseOffset: end + last, duplicate: false })
      expect(await append(0, 2, 2)).toMatchObject({ baseOffset: end + last + 1, duplicate: false })
      expect(await append(last, 1, 2)).toMatchObject({ baseOffset: end + last, duplicate: true })
    }),
  )

  test(
    'of too many producers those are forgotten that were silent for long, and before that new ones are refused',
    bench(
      async (b) => {
        const partition = await b.createPartition()
        for (const producer of [1, 2, 3]) await partition.append(sequenced(producer, 0), COMMITTED)
        b.clock.advance(9_999)
        for (const producer of [1, 3]) await partition.append(sequenced(producer, 1), COMMITTED)
        await failure(partition.append(sequenced(4, 0), COMMITTED), 'LIMIT_REACHED')
        expect((await partition.append(sequenced(2, 0), COMMITTED)).duplicate).toBe(true)
        b.clock.advance(1)
        await partition.append(sequenced(4, 0), COMMITTED)
        await failure(partition.append(sequenced(2, 1), COMMITTED), 'OUT_OF_ORDER_SEQUENCE')
        for (const [producer, sequence] of [
          [1, 2],
          [3, 2],
          [4, 1],
        ] as const) {
          expect((await partition.append(sequenced(producer, sequence), COMMITTED)).duplicate).toBe(false)
        }
      },
      { producersPerPartition: 3, producerIdExpirationMs: 10_000 },
    ),
  )

  test(
    'what is known of producers outlives a restart',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const write = async (partition: EnginePartition) => {
        const results: AppendResult[] = []
        for (let batch = 0; batch < REMEMBERED_BATCHES; batch++) {
          results.push(await partition.append(sequenced(1, batch * 3, 3), COMMITTED))
        }
        return results
      }
      await b.engine.partition(id, 0).append(sequenced(2, 0, 1, 5), COMMITTED)
      const first = await write(b.engine.partition(id, 0))
      const engine = await b.reopen()
      const partition = engine.partition(id, 0)
      expect(await write(partition)).toEqual(first.map((result) => ({ ...result, duplicate: true })))
      await failure(partition.append(sequenced(2, 1, 1, 4), COMMITTED), 'PRODUCER_FENCED')
      await failure(partition.append(sequenced(1, 1_000), COMMITTED), 'OUT_OF_ORDER_SEQUENCE')
      const next = await partition.append(sequenced(1, REMEMBERED_BATCHES * 3), COMMITTED)
      expect(next).toMatchObject({ baseOffset: REMEMBERED_BATCHES * 3 + 1, duplicate: false })
    }),
  )
}
