import { MillraceError, nextTurn } from '@millrace/record'

/** Changes that are written together or not at all. */
export type Unit<T> = readonly T[]

interface Waiting<T> {
  readonly unit: Unit<T>
  /** Shared by the units of one call. */
  readonly call: { failure?: { readonly error: unknown } }
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Units that go into one batch at most: about a third of what a batch may have, when they are commits. */
const UNITS_PER_BATCH = 2_000
/** Of those whose batch is on disk, how many go on in a turn of the event loop: what each does next takes a while. */
const UNITS_PER_TURN = 16

/**
 * Gathers changes of many callers: while one batch is on its way to the disk, those that come wait and make up the next,
 * in the order in which they came.
 */
export class BatchWriter<T> {
  private readonly batch: (changes: readonly T[]) => Promise<void>
  private waiting: Waiting<T>[] = []
  private running: Promise<void> | undefined
  /** Settles when all whose batch is on disk go on. */
  private released: Promise<void> = Promise.resolve()

  /** @param batch writes changes, all or none; MillraceError BATCH_TOO_LARGE, LIMIT_REACHED when they are too many */
  constructor(batch: (changes: readonly T[]) => Promise<void>) {
    this.batch = batch
  }

  /**
   * Writes units one after another, or several together; all or nothing of each. Those behind one that fails are not
   * written. What is called later is written later, or together with it.
   * @throws what writing a unit failed with
   */
  async write(units: readonly Unit<T>[]): Promise<void> {
    const call = {}
    const written = units
      .filter((unit) => unit.length > 0)
      .map((unit) => new Promise<void>((resolve, reject) => this.waiting.push({ unit, call, resolve, reject })))
    this.running ??= this.run()
    await Promise.all(written)
  }

  /** Waits for what was called before. */
  async drain(): Promise<void> {
    while (this.running !== undefined) await this.running
    await this.released
  }

  private async run(): Promise<void> {
    // What else this turn of the event loop brings shares the batch.
    await nextTurn()
    while (this.waiting.length > 0) await this.writeAll(this.waiting.splice(0, UNITS_PER_BATCH))
    this.running = undefined
  }

  private async writeAll(all: readonly Waiting<T>[]): Promise<void> {
    const waiting = all.filter(({ call }) => call.failure === undefined)
    for (const { call, reject } of all) if (call.failure !== undefined) reject(call.failure.error)
    try {
      await this.batch(waiting.flatMap(({ unit }) => unit))
    } catch (error) {
      // One that is too large, or makes the table so, must not be in the way of the others.
      if (waiting.length > 1 && isTooMuch(error)) {
        const half = waiting.length >> 1
        await this.writeAll(waiting.slice(0, half))
        await this.writeAll(waiting.slice(half))
      } else {
        for (const { call, reject } of waiting) {
          call.failure = { error }
          reject(error)
        }
      }
      return
    }
    // The next batch does not wait for them.
    this.released = this.released.then(() => release(waiting))
  }
}

async function release<T>(waiting: readonly Waiting<T>[]): Promise<void> {
  for (const [index, { resolve }] of waiting.entries()) {
    resolve()
    if (index % UNITS_PER_TURN === UNITS_PER_TURN - 1) await nextTurn()
  }
}

function isTooMuch(error: unknown): boolean {
  return error instanceof MillraceError && (error.code === 'BATCH_TOO_LARGE' || error.code === 'LIMIT_REACHED')
}
