import type { Engine } from '@millrace/engine'
import { type Clock, DEFAULT_LIMITS, type Limits, type Logger, silentLogger } from '@millrace/record'
import { Backups } from './backups/backups.ts'
import { Fetch } from './fetch/fetch.ts'
import { Groups } from './groups/groups.ts'
import { Produce } from './produce/produce.ts'
import { type BrokerStats, collectBrokerStats } from './stats/broker-stats.ts'
import { Traffic } from './stats/traffic.ts'
import { Topics } from './topics/topics.ts'
import { Transactions } from './transactions/transactions.ts'
import { LongWork } from './work/long-work.ts'

export interface BrokerOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits?: Limits
  readonly logger?: Logger
}

/** Between two attempts at reading what could not be read, while somebody asks how things are. */
const OPEN_AGAIN_MS = 1_000

/** The use cases over one engine. Gateways call it; every rule about topics and records lives below this line. */
export class Broker {
  readonly topics: Topics
  readonly produce: Produce
  readonly fetch: Fetch
  readonly groups: Groups
  readonly transactions: Transactions
  readonly backups: Backups
  readonly limits: Limits
  /** What would hold others up for long, from whichever door it came. */
  readonly longWork: LongWork
  private readonly engine: Engine
  private readonly logger: Logger
  private readonly clock: Clock
  private openAgainAtMs = Number.NEGATIVE_INFINITY
  private readonly traffic: Traffic

  constructor({ engine, clock, limits = DEFAULT_LIMITS, logger = silentLogger }: BrokerOptions) {
    this.engine = engine
    this.limits = limits
    this.longWork = new LongWork(clock)
    const { longWork } = this
    this.traffic = new Traffic(limits.metricsTopics)
    this.topics = new Topics({ engine, limits, logger, traffic: this.traffic })
    this.produce = new Produce({ engine, clock, limits, logger, topics: this.topics, longWork })
    this.fetch = new Fetch({ limits, topics: this.topics, longWork })
    this.groups = new Groups({ engine, clock, limits, logger, topics: this.topics, fetch: this.fetch, longWork })
    this.transactions = new Transactions({ engine, limits })
    this.backups = new Backups({ engine, clock })
    this.logger = logger
    this.clock = clock
  }

  /** Takes up what was going on when the last broker over this engine ended. What fails is logged and tried again later. */
  async open(): Promise<void> {
    try {
      await this.groups.open()
    } catch (error) {
      this.logger.error({ err: error }, 'consumer groups cannot be read')
    }
    try {
      await this.produce.open()
    } catch (error) {
      this.logger.error({ err: error }, 'idempotency keys cannot be read')
    }
  }

  /** Ends what is kept up with clients and would never end by itself, so that they go elsewhere. */
  endMemberships(): void {
    this.groups.endMemberships()
  }

  /** Waits until what was called before is on disk; before the engine is closed. */
  async close(): Promise<void> {
    await Promise.all([this.groups.close(), this.produce.close()])
  }

  /** What keeps the broker from doing its work, in words; empty when it is ready. */
  async problems(): Promise<readonly string[]> {
    const own = [...this.groups.problems(), ...this.produce.problems()]
    if (own.length > 0) this.openAgain()
    return [...(await this.engine.problems()), ...own]
  }

  /** Nobody is sent to a server that is not ready, and so nobody else would have it tried again. */
  private openAgain(): void {
    const nowMs = this.clock.monotonicMs()
    if (nowMs < this.openAgainAtMs) return
    this.openAgainAtMs = nowMs + OPEN_AGAIN_MS
    void this.open()
  }

  /**
   * What it holds, and has done since the start. Takes a while where there is much, and lets others have their turn.
   * @throws MillraceError SHUTTING_DOWN
   */
  async stats(): Promise<BrokerStats> {
    const { traffic, fetch, groups, limits } = this
    return collectBrokerStats({ engine: await this.engine.stats(), traffic, fetch, groups, limits })
  }
}
