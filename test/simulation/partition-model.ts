import assert from 'node:assert/strict'
import type { AppendResult, TopicConfig, TopicDescription } from '@millrace/engine'
import type { ConfigHistory } from './config-history.ts'
import { type Counts, noCounts } from './counts.ts'
import type { ModelRecord } from './model-record.ts'
import { ProducerStream } from './producer-stream.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { TransactionModel } from './transaction-model.ts'

/** Who sent a value; plain producers have no id. */
interface Sender {
  readonly producerId: number
  readonly sequence: number
}

/**
 * What is known of one partition from the outside, and what that makes its log owe. With `flush.policy=commit` all that
 * was acknowledged or seen stays; with the others, a power cut may take the end of it that no start has found yet. Where
 * settings were altered, each rule is that of any that may have held.
 */
export class PartitionModel {
  readonly topic: TopicDescription
  readonly index: number
  readonly configs: ConfigHistory
  readonly title: string
  /** Idempotent producers of this partition; none, when a power cut may have taken what they were told. */
  streams: readonly ProducerStream[] = []
  private readonly counts: Counts
  /** By offset: what an acknowledgement promised, or a reader saw. */
  private known = new Map<number, ModelRecord>()
  /** Offsets that compaction was found to have taken. */
  private gone = new Set<number>()
  /** By value: all that was ever sent. */
  private sent = new Map<string, Sender>()
  /** By value: the transaction that it was sent in. */
  private transactions = new Map<string, TransactionModel>()
  /** Values of appends that failed with a code that says that nothing was stored. */
  private refused = new Set<string>()
  /** The highest log start, and the furthest end, that were seen. */
  private start = 0
  private end = 0
  /** The furthest log start that was ever asked for. */
  private cut = { offset: 0 }
  private durableEnd = 0
  private mayHaveLostEnd = false
  /** What a power cut may have taken, at most, of the bytes that `retention.bytes` was held against before it. */
  private mayLackBytes = 0
  private isCopy = false

  constructor(
    topic: TopicDescription,
    index: number,
    options: { configs: ConfigHistory; producers: readonly number[]; counts: Counts },
  ) {
    this.topic = topic
    this.index = index
    this.configs = options.configs
    this.counts = options.counts
    this.title = `${topic.name}-${index}`
    this.giveProducers(options.producers)
  }

  /**
   * What a backup owes that is made from now on. Of transactions it says nothing: those that are open in it end otherwise
   * than those here.
   */
  copy(): PartitionModel {
    const { topic, index, configs } = this
    const copy = new PartitionModel(topic, index, { configs, producers: [], counts: noCounts() })
    copy.known = new Map(this.known)
    copy.gone = new Set(this.gone)
    copy.sent = this.sent
    copy.transactions = this.transactions
    copy.refused = this.refused
    copy.start = this.start
    copy.end = this.end
    copy.cut = this.cut
    copy.mayLackBytes = this.mayLackBytes
    copy.isCopy = true
    return copy
  }

  /** Gives it idempotent producers, if it has none. */
  giveProducers(ids: readonly number[]): void {
    if (this.streams.length === 0) this.streams = ids.map((id) => new ProducerStream(id))
  }

  get compacts(): boolean {
    return this.configs.mayCompact
  }

  get seenStart(): number {
    return this.start
  }

  get seenEnd(): number {
    return this.end
  }

  /** @param sequence of the first record, with an idempotent producer */
  noteSent(records: readonly ModelRecord[], producerId: number, sequence: number): void {
    for (const [index, { value }] of records.entries()) {
      if (value !== null) this.sent.set(value, { producerId, sequence: sequence + index })
    }
  }

  noteTransaction(records: readonly ModelRecord[], transaction: TransactionModel): void {
    for (const { value } of records) if (value !== null) this.transactions.set(value, transaction)
  }

  /** What a reader of what is committed was shown, among what is there. */
  seeCommitted(there: Iterable<[number, ModelRecord]>, visible: ReadonlySet<string>): void {
    for (const [offset, { value }] of there) {
      if (value === null) continue
      const transaction = this.transactions.get(value)
      const isVisible = visible.has(value)
      if (transaction === undefined) assert(isVisible, this.at(offset, 'is not shown'))
      else if (isVisible) transaction.see(this.at(offset, 'is shown'))
      else transaction.miss(this.at(offset, 'is not shown'))
    }
  }

  /** Whether compaction may take a record because its transaction was not committed. */
  private isAborted({ value }: ModelRecord): boolean {
    const transaction = value === null ? undefined : this.transactions.get(value)
    return transaction !== undefined && !transaction.isCommitted
  }

  noteRefused(records: readonly ModelRecord[]): void {
    for (const { value } of records) if (value !== null) this.refused.add(value)
  }

  /** @param version of the settings when the batch was sent */
  acknowledge(result: AppendResult, records: readonly ModelRecord[], version: number): void {
    const { baseOffset, duplicate } = result
    const stored = this.asStored(records, result, version)
    for (const [index, record] of stored.entries()) {
      const offset = baseOffset + index
      // A repeat may be of a batch that compaction has been over since.
      if (this.gone.has(offset)) this.compare(offset, record, 'was another record')
      else this.see(offset, record)
    }
    const end = baseOffset + records.length
    if (!duplicate && this.configs.isSynced(version)) this.durableEnd = Math.max(this.durableEnd, end)
    this.noteEnd(end)
  }

  /** From now on this record stands at this offset, until it goes for good. */
  see(offset: number, record: ModelRecord): void {
    const before = this.compare(offset, record, 'is another record')
    assert(!this.gone.has(offset), this.at(offset, 'came back'))
    const { value } = record
    if (value !== null) {
      assert(this.sent.has(value), this.at(offset, `holds what nobody sent: ${value}`))
      assert(!this.refused.has(value), this.at(offset, `holds what was refused: ${value}`))
    }
    if (before === undefined || Number.isNaN(before.timestamp)) this.known.set(offset, record)
  }

  noteStart(start: number): void {
    this.start = Math.max(this.start, start)
  }

  noteEnd(end: number): void {
    this.end = Math.max(this.end, end)
  }

  /** Somebody asks for records to be deleted; whether it is done, the log start will say. */
  noteCut(offset: number): void {
    this.cut.offset = Math.max(this.cut.offset, offset)
  }

  /** The first offset from the log start on whose record is as late as `timestampMs`, as far as it is known. */
  firstAt(timestampMs: number): number | undefined {
    let first: number | undefined
    for (const [offset, { timestamp }] of this.known) {
      if (offset >= this.start && timestamp >= timestampMs && offset < (first ?? Number.POSITIVE_INFINITY))
        first = offset
    }
    return first
  }

  cutPower(): void {
    if (this.configs.wasAlwaysSynced) return
    this.mayHaveLostEnd = true
    this.streams = []
  }

  /** Holds what a start found against what is owed. From here on, that is owed too. */
  check(stored: StoredPartition, nowMs: number): void {
    if (this.mayHaveLostEnd) {
      this.forgetEnd(Math.max(stored.recordsEnd, this.durableEnd))
      // All but the last segment is synced, whatever the policy; and no batch here is larger than a segment.
      this.mayLackBytes = this.configs.largestSegmentBytes
    }
    assert(stored.end >= this.end, `${this.title} ends at ${stored.end}, before ${this.end}`)
    this.checkStart(stored, nowMs)
    this.noteStart(stored.start)
    this.noteEnd(stored.end)
    for (const [offset, record] of stored.records) this.see(offset, record)
    if (!this.isCopy) this.checkTransactions(stored)
    this.checkMissing(stored, nowMs)
    this.checkOrder(stored)
    this.durableEnd = stored.end
    this.mayHaveLostEnd = false
  }

  private checkTransactions({ records, stable, visible }: StoredPartition): void {
    const { counts } = this
    const there = [...records].filter(([offset]) => offset < stable)
    const undecided = new Set<TransactionModel>()
    for (const [, { value }] of there) {
      const transaction = this.transactions.get(value ?? '')
      if (transaction?.isUndecided) undecided.add(transaction)
    }
    this.seeCommitted(there, visible)
    for (const { isCommitted } of undecided) {
      counts[isCommitted ? 'transactions found committed' : 'transactions found aborted']++
    }
    for (const [, record] of there) if (this.isAborted(record)) counts['records found aborted']++
  }

  /** Nobody promised that what lies from `end` on outlives a power cut. */
  private forgetEnd(end: number): void {
    for (const offset of this.known.keys()) {
      if (offset < end) continue
      this.known.delete(offset)
      this.counts['unsynced records lost']++
    }
    for (const offset of this.gone) if (offset >= end) this.gone.delete(offset)
    this.end = Math.min(this.end, end)
  }

  /** The log start never goes back, and rises only as far as somebody asked, or retention is due. */
  private checkStart({ start, bytes }: StoredPartition, nowMs: number): void {
    assert(start >= this.start, `the log start of ${this.title} went back from ${this.start} to ${start}`)
    if (start > this.start) this.counts['log starts raised']++
    if (start <= this.cut.offset) return
    const isAllowed = this.configs.ever((config) => this.mayBegin(start, bytes, config, nowMs))
    assert(isAllowed, `nothing may raise the log start of ${this.title} to ${start}`)
  }

  private mayBegin(
    start: number,
    bytes: number,
    { retentionMs, retentionBytes, cleanupPolicy }: TopicConfig,
    nowMs: number,
  ): boolean {
    if (cleanupPolicy === 'compact') return false
    // What compaction took meanwhile may have been most of it.
    if (retentionBytes >= 0 && (this.compacts || bytes + this.mayLackBytes >= retentionBytes)) return true
    if (retentionMs < 0) return false
    for (const [offset, { timestamp }] of this.known) {
      if (offset >= this.cut.offset && offset < start && nowMs - timestamp <= retentionMs) return false
    }
    return true
  }

  /** All that is known is there, but for what lies below the log start, or has a later value. */
  private checkMissing({ records }: StoredPartition, nowMs: number): void {
    const last = new Map<string, number>()
    for (const [offset, record] of this.known) {
      const { key } = record
      if (offset >= this.start && !this.isAborted(record)) last.set(key, Math.max(last.get(key) ?? -1, offset))
    }
    const keys = new Set([...records.values()].filter((each) => !this.isAborted(each)).map(({ key }) => key))
    for (const [offset, record] of this.known) {
      if (offset < this.start || records.has(offset)) continue
      if (this.isAborted(record) && !this.gone.has(offset)) this.counts['aborted records compacted']++
      this.checkCompacted(offset, record, { isLast: last.get(record.key) === offset, keys, nowMs })
      if (!this.gone.has(offset)) this.counts['records compacted']++
      this.gone.add(offset)
    }
  }

  private checkCompacted(
    offset: number,
    { key, value, timestamp }: ModelRecord,
    { isLast, keys, nowMs }: { isLast: boolean; keys: ReadonlySet<string>; nowMs: number },
  ): void {
    assert(this.compacts, this.at(offset, 'is lost'))
    const ageMs = nowMs - timestamp
    const compacting = (allows: (config: TopicConfig) => boolean): boolean =>
      this.configs.ever((config) => config.cleanupPolicy !== 'delete' && allows(config))
    const isOldEnough = compacting(({ minCompactionLagMs }) => !(ageMs < minCompactionLagMs))
    assert(isOldEnough, this.at(offset, 'was too young to be compacted'))
    if (!isLast) return
    assert(value === null, this.at(offset, `is lost, the last of ${key}`))
    const mayGo = compacting(({ deleteRetentionMs }) => !(ageMs < deleteRetentionMs))
    assert(mayGo, this.at(offset, 'was a tombstone too young to go'))
    if (!this.gone.has(offset)) this.counts['tombstones compacted']++
    assert(!keys.has(key), this.at(offset, `is gone, a tombstone, and ${key} came back`))
  }

  /** No value is there twice; each idempotent producer's stand in the order in which it sent them. */
  private checkOrder({ records }: StoredPartition): void {
    const seen = new Set<string>()
    const last = new Map<number, number>()
    for (const [offset, { value }] of records) {
      if (value === null) continue
      assert(!seen.has(value), this.at(offset, `holds ${value} again`))
      seen.add(value)
      const { producerId, sequence } = this.sent.get(value) as Sender
      if (producerId < 0) continue
      const before = last.get(producerId)
      last.set(producerId, sequence)
      if (before === undefined) continue
      const follows = this.compacts ? sequence > before : sequence === before + 1
      assert(follows, this.at(offset, `holds sequence ${sequence} of producer ${producerId}, behind ${before}`))
    }
  }

  /** Records as they are stored; a timestamp that is not known is NaN, until somebody reads it. */
  private asStored(
    records: readonly ModelRecord[],
    { timestamp, duplicate }: AppendResult,
    version: number,
  ): readonly ModelRecord[] {
    const stamped = this.configs.stamped(duplicate ? -1 : version)
    if (stamped === 'no') return records
    return records.map((record) => ({ ...record, timestamp: stamped === 'yes' ? timestamp : Number.NaN }))
  }

  /** @returns what is known to be there */
  private compare(offset: number, record: ModelRecord, what: string): ModelRecord | undefined {
    const before = this.known.get(offset)
    if (before === undefined) return undefined
    const timestamp = Number.isNaN(record.timestamp) ? record.timestamp : before.timestamp
    const due = Number.isNaN(before.timestamp) ? { ...before, timestamp: record.timestamp } : { ...before, timestamp }
    assert.deepEqual(record, due, this.at(offset, what))
    return before
  }

  private at(offset: number, what: string): string {
    return `${this.title}, offset ${offset} ${what}`
  }
}
