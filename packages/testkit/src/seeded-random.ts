/** Random numbers that a seed repeats exactly, for tests that print the seed when they fail. Not for secrets. */
export interface SeededRandom {
  readonly seed: number
  /** A number from 0 up to but not including 1. */
  next(): number
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number
  /** True with the given probability; default one half. */
  bool(probability?: number): boolean
  /** One of `items`. @throws RangeError when there is none */
  pick<T>(items: readonly T[]): T
  bytes(length: number): Buffer
  /** The same items in another order; `items` stays as it is. */
  shuffle<T>(items: readonly T[]): T[]
}

/** A generator in which equal seeds give equal sequences (xorshift128 over a state spread from the 32-bit seed). */
export function seededRandom(seed: number): SeededRandom {
  let x = spread(seed)
  let y = spread(x)
  let z = spread(y)
  let w = spread(z) | 1 // never all zero

  function nextInt32(): number {
    const t = x ^ (x << 11)
    x = y
    y = z
    z = w
    w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0
    return w
  }

  function next(): number {
    return nextInt32() / 0x1_0000_0000
  }

  function int(min: number, max: number): number {
    return min + Math.floor(next() * (max - min + 1))
  }

  return {
    seed,
    next,
    int,
    bool: (probability = 0.5) => next() < probability,
    pick(items) {
      if (items.length === 0) throw new RangeError('nothing to pick from')
      return items[int(0, items.length - 1)] as (typeof items)[number]
    },
    bytes(length) {
      const bytes = Buffer.alloc(length)
      for (let at = 0; at < length; at++) bytes[at] = nextInt32() >>> 24
      return bytes
    },
    shuffle(items) {
      const shuffled = [...items]
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = int(0, last)
        const item = shuffled[last] as (typeof items)[number]
        shuffled[last] = shuffled[other] as (typeof items)[number]
        shuffled[other] = item
      }
      return shuffled
    },
  }
}

/** Mixes 32 bits so that neighbouring seeds begin far apart. */
function spread(value: number): number {
  let mixed = (value + 0x9e37_79b9) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
