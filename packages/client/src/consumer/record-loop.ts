import type { Clock } from '@millrace/record'
import type { Given } from './assigned-partition.ts'

/** What a loop takes its records from. */
export interface LoopSource {
  readonly clock: Clock
  /** @throws what the consumer failed with */
  take(): Given | undefined | 'done'
  /** Resolves when `take` may have more, or something taken is no longer current; or `wake` is called. */
  change(): Promise<void>
  wake(): void
  /** The loop has ended. Resolves when the group is left. */
  leave(): Promise<void>
}

export interface LoopOptions<T> {
  /** Records that are given at once, at most. */
  readonly size: number
  /** How long the first of them waits for others, in ms. */
  readonly timeMs: number
  readonly make: (given: readonly Given[]) => T
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** Gives records to a `for await`. Those of one turn count as handled when the next turn is asked for. */
export class RecordLoop<T> implements AsyncIterableIterator<T, undefined> {
  private readonly source: LoopSource
  private readonly options: LoopOptions<T>
  private inHands: Given[] = []
  private line: Promise<unknown> = Promise.resolve()

  constructor(source: LoopSource, options: LoopOptions<T>) {
    this.source = source
    this.options = options
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Calls are answered in their order. */
  next(): Promise<IteratorResult<T, undefined>> {
    const turn = this.line.then(() => this.gather())
    this.line = turn.catch(() => {})
    return turn
  }

  /** Leaves the group; what was given last does not count as handled. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.settle(false)
    await this.source.leave()
    return DONE
  }

  private settle(isHandled: boolean): void {
    for (const given of this.inHands) given.from.settle(given, isHandled)
    this.inHands = []
  }

  private async gather(): Promise<IteratorResult<T, undefined>> {
    const { source, options } = this
    this.settle(true)
    let isDue = false
    let cancel: (() => void) | undefined
    try {
      while (this.inHands.length < options.size) {
        const given = source.take()
        if (given === 'done') {
          this.settle(false)
          await source.leave()
          return DONE
        }
        if (given !== undefined) {
          given.from.begin()
          this.inHands.push(given)
          if (cancel === undefined && this.inHands.length < options.size) {
            const timer = source.clock.setTimer(options.timeMs, () => {
              isDue = true
              source.wake()
            })
            cancel = () => timer.cancel()
          }
          continue
        }
        if (isDue && this.inHands.length > 0) break
        await source.change()
        this.letGo()
      }
      for (const given of this.inHands) given.from.deliver(given)
      return { done: false, value: options.make(this.inHands) }
    } catch (error) {
      this.settle(false)
      // What failed first is what its user hears.
      await source.leave().catch(() => {})
      throw error
    } finally {
      cancel?.()
    }
  }

  /** What is no longer wanted is not given out. */
  private letGo(): void {
    const stale = this.inHands.filter((given) => !given.from.isCurrent(given))
    if (stale.length === 0) return
    this.inHands = this.inHands.filter((given) => given.from.isCurrent(given))
    for (const given of stale) given.from.settle(given, false)
  }
}
