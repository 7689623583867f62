import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyPartitioner } from './partitioner.ts'

const partitionOf = (key: Buffer | null, partitions: number): number | undefined =>
  keyPartitioner({ topic: 't', key, value: null }, partitions)

describe('keyPartitioner', () => {
  // murmur2 of these keys is in apache/kafka, UtilsTest.java; the partition is (hash & 0x7fffffff) % partitions.
  test.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ])('puts %s where Kafka does', (key, hash) => {
    for (const partitions of [1, 2, 3, 7, 12, 100]) {
      expect(partitionOf(Buffer.from(key), partitions)).toBe((hash & 0x7fff_ffff) % partitions)
    }
  })

  test('gives equal keys one partition that there is, and leaves out what has no key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), fc.integer({ min: 1, max: 1_000 }), (bytes, partitions) => {
        const partition = partitionOf(Buffer.from(bytes), partitions) as number
        expect(partition).toBe(partitionOf(Buffer.from(bytes), partitions))
        expect(partition >= 0 && partition < partitions).toBe(true)
      }),
    )
    expect(partitionOf(null, 5)).toBeUndefined()
  })
})
