import { RecordBatch } from '@millrace/record'
import { expect, test } from 'vitest'
import { type BenchTest, batchesIn, batchOf, failure, readValues, sequenced, turns } from './subject.ts'

export function appendTests(bench: BenchTest): void {
  test(
    'offsets follow the order of the calls, however many are under way',
    bench(async (b) => {
      const partition = await b.createPartition()
      const values: string[][] = Array.from({ length: 300 }, (_, batch) =>
        Array.from({ length: 1 + (batch % 4) }, (_, record) => `${batch}.${record}`),
      )
      const results = await Promise.all(
        values.map((batch, index) =>
          partition.append(batchOf(batch), { acks: index % 3 === 0 ? 'none' : 'committed' }),
        ),
      )
      let offset = 0
      for (const [index, { baseOffset, duplicate }] of results.entries()) {
        expect({ baseOffset, duplicate }).toEqual({ baseOffset: offset, duplicate: false })
        offset += values[index]!.length
      }
      await partition.append(batchOf(['last']), { acks: 'committed' })
      expect(await readValues(partition)).toEqual([...values.flat(), 'last'])
    }),
  )

  test(
    'partitions count their offsets each for itself',
    bench(async (b) => {
      const { id } = await b.createTopic('orders', 3)
      for (let round = 0; round < 3; round++) {
        for (const number of [0, 1, 2]) {
          const { baseOffset } = await b.engine.partition(id, number).append(batchOf(['a', 'b']), { acks: 'committed' })
          expect(baseOffset).toBe(round * 2)
        }
      }
    }),
  )

  test(
    'what was acknowledged as committed can be read at once, by every handle',
    bench(async (b) => {
      const { id } = await b.createTopic()
      for (let offset = 0; offset < 20; offset++) {
        await b.engine.partition(id, 0).append(batchOf([`v${offset}`]), { acks: 'committed' })
        const read = await b.engine.partition(id, 0).read(offset, { maxBytes: 1_000 })
        expect(read).toMatchObject({ nextOffset: offset + 1, highWatermark: offset + 1 })
      }
    }),
  )

  test(
    'with acks none the answer is the place, and the batch is committed by and by',
    bench(async (b) => {
      const partition = await b.createPartition()
      const waiting = partition.read(0, { maxBytes: 1_000, waitMs: 60_000 })
      expect(await partition.append(batchOf(['a', 'b']), { acks: 'none' })).toMatchObject({ baseOffset: 0 })
      expect((await waiting).nextOffset).toBe(2)
    }),
  )

  test(
    'with acks none the answer does not wait for the commit, with committed it does',
    bench(async (b) => {
      const partition = await b.createPartition()
      const release = b.holdCommits()
      let answered = false
      const committed = partition.append(batchOf(['a']), { acks: 'committed' }).then((result) => {
        answered = true
        return result
      })
      expect(await partition.append(batchOf(['b']), { acks: 'none' })).toMatchObject({ baseOffset: 1 })
      await turns()
      expect(answered).toBe(false)
      expect(await partition.status()).toMatchObject({ highWatermark: 0, lastStableOffset: 0 })
      release()
      expect(await committed).toMatchObject({ baseOffset: 0 })
      expect((await partition.status()).highWatermark).toBeGreaterThanOrEqual(1)
    }),
  )

  test(
    'the answer holds the largest timestamp of the batch',
    bench(async (b) => {
      const partition = await b.createPartition()
      const batch = batchOf(['a', 'b', 'c'], { timestamps: [5_000, 9_000, 7_000] })
      expect((await partition.append(batch, { acks: 'committed' })).timestamp).toBe(9_000)
    }),
  )

  test(
    'a batch comes back byte for byte, but for its base offset and leader epoch',
    bench(async (b) => {
      const partition = await b.createPartition()
      const sent: Buffer[] = []
      for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
        const batch = batchOf(['first', 'second', 'x'.repeat(500)], { compression })
        sent.push(Buffer.from(batch))
        await partition.append(batch, { acks: 'committed' })
      }
      const stored = batchesIn(await partition.read(0, { maxBytes: 1 << 20 }))
      const { leaderEpoch } = await partition.status()
      expect(stored).toHaveLength(sent.length)
      for (const [index, batch] of stored.entries()) {
        const original = RecordBatch.at(sent[index]!)
        expect(batch.baseOffset).toBe(index * 3)
        expect(batch.leaderEpoch).toBe(leaderEpoch)
        expect(batch.hasValidChecksum()).toBe(true)
        original.stamp(index * 3, leaderEpoch)
        expect(batch.buffer.equals(original.buffer)).toBe(true)
      }
    }),
  )

  test(
    'too many bytes that wait to be committed are refused, and leave nothing behind',
    bench(
      async (b) => {
        const partition = await b.createPartition()
        const release = b.holdCommits()
        const value = 'x'.repeat(700)
        const first = partition.append(batchOf([value]), { acks: 'committed' })
        await failure(partition.append(sequenced(1, 0, 60), { acks: 'committed' }), 'LIMIT_REACHED')
        await failure(partition.append(sequenced(1, 0, 60), { acks: 'none' }), 'LIMIT_REACHED')
        release()
        await first
        expect(await partition.append(sequenced(1, 0, 60), { acks: 'committed' })).toMatchObject({
          baseOffset: 1,
          duplicate: false,
        })
        expect((await readValues(partition)).length).toBe(61)
      },
      { pendingBytesPerPartition: 1_000 },
    ),
  )

  test(
    'the size grows by what is appended',
    bench(async (b) => {
      const partition = await b.createPartition()
      expect((await partition.status()).sizeBytes).toBe(0)
      const batches = [batchOf(['a']), batchOf(['b', 'c'])]
      const sizeBytes = batches.reduce((sum, batch) => sum + batch.length, 0)
      for (const batch of batches) await partition.append(batch, { acks: 'committed' })
      expect((await partition.status()).sizeBytes).toBe(sizeBytes)
    }),
  )

  test(
    'records, offsets and sizes outlive a restart, and appends go on where they ended',
    bench(async (b) => {
      const { id } = await b.createTopic('orders', 2, { 'segment.bytes': '1024' })
      const values = Array.from({ length: 60 }, (_, index) => `value ${index}`)
      for (const value of values) await b.engine.partition(id, 1).append(batchOf([value]), { acks: 'committed' })
      const before = await b.engine.partition(id, 1).status()
      const engine = await b.reopen()
      const partition = engine.partition(id, 1)
      const after = await partition.status()
      expect(after).toEqual({ ...before, leaderEpoch: after.leaderEpoch })
      expect(after.leaderEpoch).toBeGreaterThanOrEqual(before.leaderEpoch)
      expect(await readValues(partition)).toEqual(values)
      expect(await partition.append(batchOf(['next']), { acks: 'committed' })).toMatchObject({ baseOffset: 60 })
      expect(await engine.partition(id, 0).status()).toMatchObject({ highWatermark: 0 })
    }),
  )
}
