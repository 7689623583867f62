import type { AssignedPartition, Given } from './assigned-partition.ts'
import { Lanes } from './lanes.ts'
import { keyOf } from './topic-partition.ts'

/** Records that may wait behind those of their lane, for each handler that may run, so that others find work. */
const LOOKAHEAD = 16

export interface RunnerParts {
  readonly concurrency: number
  /** What comes next; undefined: nothing has come. */
  readonly take: () => Given | undefined
  /** What must be handled one after the other; undefined: free. */
  readonly laneOf: (given: Given) => string | undefined
  /** Whether it counts as handled. */
  readonly handle: (given: Given) => Promise<boolean>
  readonly failed: (reason: unknown) => void
}

/** Runs handlers as records come, several at once where that is allowed. */
export class HandlerRunner {
  private readonly parts: RunnerParts
  private readonly lanes: Lanes<Given>
  private readonly maxHeld: number
  private readonly running = new Set<Given>()
  private isStopped = false
  private pumping = false
  private stopped: (() => void) | undefined

  constructor(parts: RunnerParts) {
    this.parts = parts
    this.lanes = new Lanes(parts.concurrency)
    this.maxHeld = parts.concurrency === 1 ? 1 : parts.concurrency * LOOKAHEAD
  }

  /** What is being handled is another's meanwhile. */
  get hasLost(): boolean {
    for (const { from } of this.running) if (from.lostSignal.aborted) return true
    return false
  }

  /** Begins what can begin. To be called when something has come or is no longer wanted. */
  pump(): void {
    if (this.pumping || this.isStopped) return
    this.pumping = true
    try {
      while (this.fill() && this.begin());
    } catch (reason) {
      this.parts.failed(reason)
    } finally {
      this.pumping = false
    }
  }

  /** Begins nothing more. Resolves when what runs has ended. */
  stop(): Promise<void> {
    this.isStopped = true
    if (this.running.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.stopped = resolve
    })
  }

  /** Takes over what has come, as much as there is room for. */
  private fill(): boolean {
    const { take, laneOf } = this.parts
    while (this.lanes.size < this.maxHeld) {
      const given = take()
      if (given === undefined) break
      this.lanes.add(laneOf(given), given)
    }
    return true
  }

  /** Begins what may run. Returns whether there may be more. */
  private begin(): boolean {
    let hasRoom = false
    for (let given = this.lanes.take(); given !== undefined; given = this.lanes.take()) {
      if (given.from.isCurrent(given)) {
        this.run(given)
      } else {
        this.lanes.done(this.parts.laneOf(given))
        hasRoom = true
      }
    }
    return hasRoom
  }

  private async run(given: Given): Promise<void> {
    const { from } = given
    this.running.add(given)
    from.begin()
    from.deliver(given)
    let isHandled = false
    try {
      isHandled = await this.parts.handle(given)
    } catch (reason) {
      this.parts.failed(reason)
    }
    this.running.delete(given)
    from.settle(given, isHandled)
    this.lanes.done(this.parts.laneOf(given))
    if (this.isStopped && this.running.size === 0) this.stopped?.()
    this.pump()
  }
}

/** Everything of a partition one after the other. */
export function partitionLane({ from }: Given): string {
  return keyOf(from)
}

const prefixes = new WeakMap<AssignedPartition, string>()

/** Records of one key one after the other, those without a key as they come. */
export function keyLane({ from, records }: Given): string | undefined {
  const key = records[0]?.key ?? null
  if (key === null) return undefined
  let prefix = prefixes.get(from)
  if (prefix === undefined) {
    prefix = `${keyOf(from)}/`
    prefixes.set(from, prefix)
  }
  return prefix + key.toString('latin1')
}
