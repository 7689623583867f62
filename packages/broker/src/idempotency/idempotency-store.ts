import type { Engine, TopicSettings } from '@millrace/engine'
import {
  type Clock,
  INTERNAL_TOPIC_PREFIX,
  type Limits,
  type Logger,
  MillraceError,
  nextTurn,
  type Timer,
} from '@millrace/record'
import { jsonCodec, Table, type TableChange } from '@millrace/table'
import { isRemembered, type RememberedRequest, sizeOf } from './remembered-request.ts'

export const IDEMPOTENCY_TOPIC = `${INTERNAL_TOPIC_PREFIX}idempotency`

const SETTINGS: TopicSettings = {
  'cleanup.policy': 'compact',
  'segment.bytes': String(16 * 2 ** 20),
  'retention.ms': '-1',
  // Much longer than reading the topic takes, which is what tombstones are kept for.
  'delete.retention.ms': '600000',
}

/** How often what is over is dropped. */
const SWEEP_MS = 10_000
/** How many of these go in one batch, so that requests need not wait for all of them. */
const SWEPT_AT_ONCE = 2_000
/** Estimated bytes of one batch, of the 1 MiB that it may have. */
const BATCH_BYTES = 512 * 1024

export interface IdempotencyStoreOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
}

type Change = TableChange<string, RememberedRequest>

/** Waits until it, and all that was noted before, is on disk. */
interface Waiting {
  /** Undefined: for the latter alone. */
  readonly change: Change | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Requests with an idempotency key, in a table over Millrace's own topic. Requests are kept before anything of them is
 * stored; what became of them is noted, counts at once, and goes to the disk with the next request that is kept: no
 * later than it, which is what `Lanes` needs, and without a write of its own.
 */
export class IdempotencyStore {
  private readonly options: IdempotencyStoreOptions
  private readonly table: Table<string, RememberedRequest>
  /** What became of requests and is not known to be on disk; undefined: they are to be forgotten. */
  private readonly noted = new Map<string, RememberedRequest | undefined>()
  /** Requests that are on their way to the disk. */
  private readonly keeping = new Set<string>()
  private waiting: Waiting[] = []
  private running: Promise<void> | undefined
  private sweeping: Timer | undefined
  private isClosed = false

  private constructor(options: IdempotencyStoreOptions, table: Table<string, RememberedRequest>) {
    this.options = options
    this.table = table
    this.sweepLater()
  }

  /**
   * Opens what there is.
   * @param create makes the topic where there is none
   * @returns undefined when there is no topic
   * @throws MillraceError as `Table.open` and `TopicCatalog.create` do
   */
  static async open(options: IdempotencyStoreOptions, create: boolean): Promise<IdempotencyStore | undefined> {
    const { engine, clock, limits, logger } = options
    const topic =
      (await engine.topics.find(IDEMPOTENCY_TOPIC)) ??
      (create ? await engine.topics.create({ name: IDEMPOTENCY_TOPIC, partitions: 1, settings: SETTINGS }) : undefined)
    if (topic === undefined) return undefined
    const table = await Table.open<string, RememberedRequest>({
      partition: engine.partition(topic.id, 0),
      codec: jsonCodec(),
      clock,
      limits,
      logger,
    })
    return new IdempotencyStore(options, table)
  }

  /** The request with this id, unless its time is over. */
  get(id: string): RememberedRequest | undefined {
    const request = this.noted.has(id) ? this.noted.get(id) : this.table.get(id)
    return request !== undefined && this.isRemembered(request) ? request : undefined
  }

  /**
   * Keeps a request that nothing was stored of. When it returns, the request is on disk, and so is all that was noted
   * before.
   * @throws MillraceError LIMIT_REACHED; as `Table.batch` does. After COMMIT_UNKNOWN the request may be there or come up
   *   later.
   */
  async keep(id: string, request: RememberedRequest): Promise<void> {
    const { idempotencyKeys, tableBytes } = this.options.limits
    // The other half of the bytes is for what becomes of the requests under way.
    if (this.table.size + this.keeping.size >= idempotencyKeys || this.table.sizeBytes > tableBytes / 2) {
      throw new MillraceError(
        'LIMIT_REACHED',
        `${this.table.size} idempotency keys are remembered, which is all there is room for; each goes when its time is over`,
        { details: { retryAfterSeconds: this.secondsUntilRoom() } },
      )
    }
    this.keeping.add(id)
    try {
      await this.write({ key: id, value: request })
    } finally {
      this.keeping.delete(id)
    }
  }

  /** Notes what became of a request that was kept; undefined: nothing of it was stored, and it is to be forgotten. */
  note(id: string, outcome: RememberedRequest | undefined): void {
    this.noted.set(id, outcome)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.sweeping?.cancel()
    if (this.noted.size > 0) {
      await this.write(undefined).catch((error: unknown) => {
        // It is found out again when a repeat comes.
        this.options.logger.warn({ err: error }, 'what became of some requests with idempotency keys was not kept')
      })
    }
    await this.running
    await this.table.close()
  }

  private write(change: Change | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ change, resolve, reject })
      this.running ??= this.run()
    })
  }

  private async run(): Promise<void> {
    // What else this turn of the event loop brings shares the batch.
    await nextTurn()
    while (this.waiting.length > 0) await this.writeOne()
    this.running = undefined
  }

  /** Writes one batch: what was noted comes first, and only a batch with the last of that has requests. */
  private async writeOne(): Promise<void> {
    let bytes = 0
    const noted: (readonly [string, RememberedRequest | undefined])[] = []
    for (const [id, outcome] of this.noted) {
      if (bytes >= BATCH_BYTES) break
      noted.push([id, outcome])
      bytes += outcome === undefined ? 100 : sizeOf(outcome)
    }
    let requests = 0
    if (noted.length === this.noted.size) {
      while (requests < this.waiting.length && bytes < BATCH_BYTES) {
        const { change } = this.waiting[requests++] as Waiting
        if (change?.value !== undefined) bytes += sizeOf(change.value)
      }
    }
    const served = this.waiting.splice(0, requests)
    const changes: Change[] = noted.map(([key, value]) => ({ key, value }))
    for (const { change } of served) {
      if (change === undefined) continue
      // One whose time was over has its place among the first: it must leave that, or it would keep `sweep` from the rest.
      if (this.table.has(change.key)) changes.push({ key: change.key, value: undefined })
      changes.push(change)
    }
    try {
      await this.table.batch(changes)
      for (const [id, outcome] of noted) {
        if (this.noted.has(id) && this.noted.get(id) === outcome) this.noted.delete(id)
      }
      for (const { resolve } of served) resolve()
    } catch (error) {
      // Whoever waits would wait for the same failure: what was noted stays in front.
      for (const { reject } of [...served, ...this.waiting.splice(0)]) reject(error)
    }
  }

  /** Until the oldest is over and swept away. */
  private secondsUntilRoom(): number {
    const [[, oldest] = []] = this.table.entries()
    const { clock, limits } = this.options
    const overMs = oldest === undefined ? 0 : oldest.atMs + limits.idempotencyWindowMs - clock.nowMs()
    return Math.ceil((Math.max(overMs, 0) + SWEEP_MS) / 1_000)
  }

  private isRemembered(request: RememberedRequest): boolean {
    return isRemembered(request, this.options.clock.nowMs(), this.options.limits)
  }

  private sweepLater(): void {
    this.sweeping = this.options.clock.setTimer(SWEEP_MS, () => {
      this.sweep()
        .catch((error: unknown) => {
          this.options.logger.warn({ err: error }, 'idempotency keys whose time is over could not be dropped')
        })
        .finally(() => {
          if (!this.isClosed) this.sweepLater()
        })
    })
  }

  /** Forgets what is over, oldest first, and writes down what was noted. */
  private async sweep(): Promise<void> {
    let dropped: number
    do {
      dropped = 0
      for (const [id, request] of this.table.entries()) {
        if (dropped === SWEPT_AT_ONCE || this.isRemembered(request)) break
        dropped++
        // One that comes anew with the same key replaces it.
        if (!this.keeping.has(id)) this.noted.set(id, undefined)
      }
      if (this.noted.size > 0) await this.write(undefined)
    } while (dropped === SWEPT_AT_ONCE && !this.isClosed)
  }
}
