import type { Engine } from '@millrace/engine'
import { type Clock, DEFAULT_LIMITS, type Limits, type Logger, silentLogger } from '@millrace/record'
import { Fetch } from './fetch/fetch.ts'
import { Produce } from './produce/produce.ts'
import { Topics } from './topics/topics.ts'
import { Transactions } from './transactions/transactions.ts'

export interface BrokerOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits?: Limits
  readonly logger?: Logger
}

/** The use cases over one engine. Gateways call it; every rule about topics and records lives below this line. */
export class Broker {
  readonly topics: Topics
  readonly produce: Produce
  readonly fetch: Fetch
  readonly transactions: Transactions
  readonly limits: Limits
  private readonly engine: Engine

  constructor({ engine, clock, limits = DEFAULT_LIMITS, logger = silentLogger }: BrokerOptions) {
    this.engine = engine
    this.limits = limits
    this.topics = new Topics({ engine, limits, logger })
    this.produce = new Produce({ engine, clock, limits, topics: this.topics })
    this.fetch = new Fetch({ limits, topics: this.topics })
    this.transactions = new Transactions({ engine, limits })
  }

  /** What keeps the broker from doing its work, in words; empty when it is ready. */
  problems(): readonly string[] {
    return this.engine.problems()
  }
}
