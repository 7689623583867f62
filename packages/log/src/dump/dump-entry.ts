import type { AbortedTransaction } from '../transaction-index.ts'

/** A record batch as its header says. */
export interface DumpedBatch {
  readonly kind: 'batch'
  /** The byte of the file where it starts. */
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly recordCount: number
  readonly codec: string
  /** Milliseconds since 1970. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly leaderEpoch: number
  /** -1: not an idempotent producer's. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  /** How the transaction that it ends ended; undefined: it holds users' records. */
  readonly marker: 'commit' | 'abort' | 'unknown' | undefined
  /** From when on compaction may drop its tombstones; undefined: it was not compacted. */
  readonly deleteHorizonMs: number | undefined
  readonly crc: number
  readonly isCrcValid: boolean
}

/** A record of the batch before it. Its bytes are only good until the call that got it is done. */
export interface DumpedRecord {
  readonly kind: 'record'
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
}

/** An entry of an offset index: the batch that ends with `offset` starts at byte `logPosition` of the `.log`. */
export interface DumpedIndexEntry {
  readonly kind: 'index'
  readonly position: number
  readonly offset: number
  readonly logPosition: number
}

/** An entry of a time index: up to the batch that ends with `offset` no timestamp is later. */
export interface DumpedTimeEntry {
  readonly kind: 'timeindex'
  readonly position: number
  readonly timestamp: number
  readonly offset: number
}

/** An entry of a transaction index: a transaction that was aborted. */
export interface DumpedTransactionEntry extends AbortedTransaction {
  readonly kind: 'txnindex'
  readonly position: number
}

/** What is wrong at a place. */
export interface DumpedDamage {
  readonly kind: 'damage'
  readonly position: number
  readonly message: string
}

export type DumpEntry =
  | DumpedBatch
  | DumpedRecord
  | DumpedIndexEntry
  | DumpedTimeEntry
  | DumpedTransactionEntry
  | DumpedDamage

/** Takes an entry; the reading goes on when it is done with it. */
export type DumpVisitor = (entry: DumpEntry) => Promise<void> | void
