/** How the workloads talk to a contender; each contender's client program has one of these. */
export type Connect = (url: string) => Promise<Client>

/** One connection to a contender's server, or as many as its own client makes for one user. */
export interface Client {
  createTopic(topic: string, partitions: number): Promise<void>
  producer(topic: string, settings: ProducerSettings): Promise<Producer>
  /** Reads partition 0 from its beginning, and goes on with what arrives, until `reading` has enough. */
  read(topic: string, reading: Reading): Promise<void>
  /** Joins a consumer group of the topic, where there are such; resolves when it has joined. */
  member?(group: string, topic: string): Promise<Member>
  /** The same with the client's own consumer, which reads what it is assigned. */
  consumer?(group: string, topic: string): Promise<Owner>
  /** What the server says of a group: `stable` when each member has what it should. */
  groupState?(group: string): Promise<string>
  /** A program that is a consumer in a process of its own, for `workloads/rebalance.ts`. */
  readonly worker?: URL
  /** Copies a topic as PipeTask says; after each batch `copied` tells whether it was enough. */
  pipe?(from: string, to: string, settings: PipeSettings, copied: (records: number) => boolean): Promise<void>
  close(): Promise<void>
}

/** Whoever has partitions of a topic. */
export interface Owner {
  /** How many it has now. */
  readonly owned: number
}

export interface PipeSettings {
  readonly batchRecords: number
  /** The copies and the offset in one transaction; otherwise the offset when the copies are stored. */
  readonly transactions: boolean
}

/** A member of a consumer group that takes up whatever it is assigned. */
export interface Member extends Owner {
  /** Resolves when so many partitions are assigned to it. */
  settled(partitions: number): Promise<void>
  /** Commits this offset of its first partition; resolves when it is acknowledged. */
  commit(offset: number): Promise<void>
  /** Says that it is there; nothing answers. */
  heartbeat(): void
}

export interface ProducerSettings {
  readonly valueBytes: number
  /** Records in the batches that will be sent; 1 where they are sent one by one. */
  readonly batchRecords: number
  /** Batches, or single records, that will be in flight. */
  readonly inFlight: number
  /** Leave the client's own batching as it is. */
  readonly clientDefaults: boolean
  /** As in ProduceTask. */
  readonly idempotent?: boolean | undefined
  /** Only records sent one by one, each in a transaction of its own. */
  readonly transactions?: boolean | undefined
}

export interface Producer {
  /**
   * Makes of `values` what the client takes for a batch; each goes to the partition in its place.
   * @returns a function that sends it once and resolves when it is acknowledged, to be called again only then
   */
  batch(values: readonly Buffer[], partitions: readonly number[]): () => Promise<unknown>
  /** Sends one record; resolves when it is acknowledged. */
  send(value: Buffer, partition: number): Promise<unknown>
}

/** Where a reader puts what it gets. Only one of the two is called. */
export interface Reading {
  readonly by: 'record' | 'batch'
  /** @returns whether it was enough */
  takeRecord(value: Buffer): boolean
  /** @returns whether it was enough; the next batch is not to be asked for before it resolves */
  takeBatch(records: number): boolean | Promise<boolean>
}
