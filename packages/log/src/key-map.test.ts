import { seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { KeyMap } from './key-map.ts'

const set = (map: KeyMap, key: Buffer, offset: number): boolean => map.set(key, 0, key.length, offset)
const get = (map: KeyMap, key: Buffer): number => map.get(key, 0, key.length)

describe('the map of keys', () => {
  test('knows the last offset of each key, as a plain map does', () => {
    const random = seededRandom(1)
    const lengths = [0, 1, 2, 3, 4, 5, 8, 16, 36, 255, 256, 257, 1_000]
    const keys = Array.from({ length: 3_000 }, (_, index) => {
      const key = random.bytes(random.pick(lengths))
      // Many that differ only in their last byte, or only in their length.
      return index % 3 === 0 ? Buffer.alloc(key.length, 'a') : key
    })
    const map = new KeyMap(4 << 20, keys.length)
    const model = new Map<string, number>()
    for (let offset = 0; offset < 2 ** 40; offset += 2 ** 27 + 1) {
      const key = random.pick(keys)
      const padded = Buffer.concat([Buffer.from('before'), key, Buffer.from('after')])
      expect(map.set(padded, 6, key.length, offset)).toBe(true)
      model.set(key.toString('hex'), offset)
    }
    for (const key of keys) expect(get(map, key)).toBe(model.get(key.toString('hex')) ?? -1)
    expect(map.size).toBe(model.size)
  })

  test('does not take a key for the digest of another, nor a digest for a key', () => {
    const map = new KeyMap(1 << 20, 100)
    const long = Buffer.alloc(300, 'x')
    set(map, long, 1)
    expect(get(map, Buffer.alloc(301, 'x'))).toBe(-1)
    for (let length = 0; length <= 256; length++) expect(get(map, long.subarray(0, length))).toBe(-1)
  })

  test.each([
    ['the keys', 1_000_000, 2_000, 200],
    ['the slots', 10, 1 << 20, 8],
  ])('is full when there is no room for %s, and forgets nothing then', (_, expectedKeys, maxBytes, keyBytes) => {
    const map = new KeyMap(maxBytes, expectedKeys)
    const keyOf = (index: number): Buffer => Buffer.from(String(index).padStart(keyBytes, '0'))
    let taken = 0
    while (set(map, keyOf(taken), taken)) taken++
    expect(taken).toBeGreaterThanOrEqual(Math.min(expectedKeys, 4))
    expect(taken * keyBytes).toBeLessThan(maxBytes)
    for (let index = 0; index < taken; index++) expect(get(map, keyOf(index))).toBe(index)
    expect(get(map, keyOf(taken))).toBe(-1)
    expect(set(map, keyOf(0), 7)).toBe(true)
    expect(get(map, keyOf(0))).toBe(7)
  })

  test('grows with keys that take more than was expected, up to its bound', () => {
    const keyOf = (index: number): Buffer => Buffer.from(String(index).padStart(100, '0'))
    const maxBytes = 1 << 20
    const map = new KeyMap(maxBytes, 100_000, 10)
    let taken = 0
    while (set(map, keyOf(taken), taken)) taken++
    const allAtOnce = new KeyMap(maxBytes, 100_000)
    for (let index = 0; index < taken; index++) expect(set(allAtOnce, keyOf(index), index)).toBe(true)
    expect(set(allAtOnce, keyOf(taken), taken)).toBe(false)
    for (let index = 0; index < taken; index++) expect(get(map, keyOf(index))).toBe(index)
  })

  test('takes as many keys as it was told to expect', () => {
    for (const count of [1, 10, 11, 12, 100, 1_000, 50_000]) {
      const map = new KeyMap(64 << 20, count)
      for (let index = 0; index < count; index++) expect(set(map, Buffer.from(`key ${index}`), index)).toBe(true)
      expect(map.size).toBe(count)
    }
  })
})
