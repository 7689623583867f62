import { MillraceError } from '@millrace/record'

/** Changes that are written together or not at all. */
export type Unit<T> = readonly T[]

interface Waiting<T> {
  readonly unit: Unit<T>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Units that go into one batch at most: about a third of what a batch may have, when they are commits. */
const UNITS_PER_BATCH = 2_000

/**
 * Gathers changes of many callers: while one batch is on its way to the disk, those that come wait and make up the next,
 * in the order in which they came.
 */
export class BatchWriter<T> {
  private readonly batch: (changes: readonly T[]) => Promise<void>
  private waiting: Waiting<T>[] = []
  private running: Promise<void> | undefined

  /** @param batch writes changes, all or none; MillraceError BATCH_TOO_LARGE, LIMIT_REACHED when they are too many */
  constructor(batch: (changes: readonly T[]) => Promise<void>) {
    this.batch = batch
  }

  /**
   * Writes each unit, all or nothing of it. What is called later is written later, or together with it.
   * @throws what writing a unit failed with; others may be written
   */
  async write(units: readonly Unit<T>[]): Promise<void> {
    const written = units
      .filter((unit) => unit.length > 0)
      .map((unit) => new Promise<void>((resolve, reject) => this.waiting.push({ unit, resolve, reject })))
    this.running ??= this.run()
    const results = await Promise.allSettled(written)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Waits for what was called before. */
  async drain(): Promise<void> {
    while (this.running !== undefined) await this.running
  }

  private async run(): Promise<void> {
    // What else this turn of the event loop brings shares the batch.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.waiting.length > 0) await this.writeAll(this.waiting.splice(0, UNITS_PER_BATCH))
    this.running = undefined
  }

  private async writeAll(waiting: readonly Waiting<T>[]): Promise<void> {
    try {
      await this.batch(waiting.flatMap(({ unit }) => unit))
      for (const { resolve } of waiting) resolve()
    } catch (error) {
      // One that is too large, or makes the table so, must not be in the way of the others.
      if (waiting.length > 1 && isTooMuch(error)) {
        const half = waiting.length >> 1
        await this.writeAll(waiting.slice(0, half))
        await this.writeAll(waiting.slice(half))
      } else {
        for (const { reject } of waiting) reject(error)
      }
    }
  }
}

function isTooMuch(error: unknown): boolean {
  return error instanceof MillraceError && (error.code === 'BATCH_TOO_LARGE' || error.code === 'LIMIT_REACHED')
}
