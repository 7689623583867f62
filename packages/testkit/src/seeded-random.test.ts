import { describe, expect, test } from 'vitest'
import { seededRandom } from './seeded-random.ts'

describe('seededRandom', () => {
  test('equal seeds give equal sequences, other seeds others', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed)
      return [
        random.next(),
        random.int(0, 1e9),
        random.bytes(8).toString('hex'),
        random.shuffle([1, 2, 3, 4, 5]).join(),
      ]
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    expect(draw(0)).not.toEqual(draw(1))
  })

  test('int reaches both ends and nothing beyond', () => {
    const random = seededRandom(1)
    const seen = new Set(Array.from({ length: 1_000 }, () => random.int(-1, 2)))
    expect([...seen].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2])
  })

  test('is spread evenly enough', () => {
    const random = seededRandom(42)
    const counts = new Array<number>(10).fill(0)
    for (let draw = 0; draw < 100_000; draw++) counts[random.int(0, 9)]!++
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
    const trues = Array.from({ length: 10_000 }, () => random.bool(0.1)).filter(Boolean).length
    expect(Math.abs(trues - 1_000)).toBeLessThan(150)
  })

  test('shuffle keeps the items and leaves its argument alone', () => {
    const items = Object.freeze([1, 2, 3, 4, 5, 6])
    const shuffled = seededRandom(3).shuffle(items)
    expect([...shuffled].sort()).toEqual([...items])
    expect(shuffled).not.toEqual(items)
  })

  test('pick draws each item and refuses an empty list', () => {
    const random = seededRandom(5)
    expect(new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c'])))).toEqual(new Set(['a', 'b', 'c']))
    expect(() => random.pick([])).toThrow(RangeError)
  })
})
