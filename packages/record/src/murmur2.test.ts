import { describe, expect, test } from 'vitest'
import { murmur2, partitionOfKey } from './murmur2.ts'

describe('murmur2', () => {
  // The vectors of Kafka's own test (apache/kafka, UtilsTest.java).
  test.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('%s', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
  })

  test('reads a view where it lies in its memory', () => {
    expect(murmur2(Buffer.from('--foobar--').subarray(2, 8))).toBe(-790_332_482)
  })

  test('a key always has one of the partitions', () => {
    for (const partitions of [1, 2, 3, 12, 1_000]) {
      for (let number = 0; number < 1_000; number++) {
        const partition = partitionOfKey(Buffer.from(`key-${number}`), partitions)
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
      }
    }
    expect(partitionOfKey(Buffer.alloc(0), 7)).toBe(partitionOfKey(Buffer.alloc(0), 7))
    expect(partitionOfKey(Buffer.from('21'), 100)).toBe((-973_932_308 & 0x7fff_ffff) % 100)
  })
})
