/** Upper bounds for what takes from a fraction of a millisecond to seconds, in ms. */
export const DURATION_BOUNDS_MS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
]

/** What a histogram has counted. */
export interface HistogramView {
  /** Inclusive upper bounds, ascending. */
  readonly bounds: readonly number[]
  /** How many values fell below each bound and above the one before; the last entry is for those above all bounds. */
  readonly counts: readonly number[]
  readonly sum: number
}

/** Counts values by size, cheaply enough for every batch: it keeps no value and makes no object. */
export class Histogram implements HistogramView {
  readonly bounds: readonly number[]
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    const { bounds, counts } = this
    let index = 0
    while (index < bounds.length && value > (bounds[index] as number)) index++
    counts[index] = (counts[index] as number) + 1
    this.sum += value
  }
}
