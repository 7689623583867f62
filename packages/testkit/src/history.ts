import { createHash } from 'node:crypto'

/** What the outcome of a send was, as its sender learnt it. */
export type SendOutcome =
  /** It was acknowledged, at this offset; undefined when the acknowledgement did not say where. */
  | { readonly acknowledgedAt: number | undefined }
  /** Nobody knows: it may be stored, once, or not. */
  | 'unknown'
  /** It was refused: it must not be stored. */
  | 'refused'

/** A record as histories compare it. Key and value together must differ from every other record of the partition. */
export interface HistoryRecord {
  readonly key: string | null
  /** The value, or what stands for it (`fingerprint`). */
  readonly value: string
}

export interface SentRecord extends HistoryRecord {
  readonly outcome: SendOutcome
  /** Who sent it: order is promised to each by itself. Default: one for all. */
  readonly producer?: string | undefined
}

export interface ReadRecord extends HistoryRecord {
  readonly offset: number
}

/** What happened to one partition. */
export interface PartitionHistory {
  /** For the report. */
  readonly name: string
  /** Every record that was sent, those of each producer in the order in which it sent them. */
  readonly sent: readonly SentRecord[]
  /** Every record that was read back, in the order in which it came. */
  readonly read: readonly ReadRecord[]
  /** Where reading began: the log start. Default 0. */
  readonly readFrom?: number | undefined
  /** False allows that a record is stored more than once, and late. Default true. */
  readonly idempotent?: boolean | undefined
}

export const HISTORY_PROBLEMS = [
  /** An acknowledged record was not read back. */
  'lost',
  /** At the offset of an acknowledged record lies one that nobody sent, and the record is nowhere else. */
  'changed',
  /** An acknowledged record lies at another offset than the acknowledgement said. */
  'moved',
  /** A record lies before one that its producer sent earlier. */
  'out-of-order',
  /** A record was stored more than once. */
  'duplicated',
  /** A record was read that nobody sent. */
  'invented',
  /** A record was stored although its sender was told that it was not. */
  'refused-but-stored',
  /** The offsets that were read skip some, repeat or go back. */
  'offsets',
] as const
export type HistoryProblemKind = (typeof HISTORY_PROBLEMS)[number]

export interface HistoryProblem {
  readonly kind: HistoryProblemKind
  readonly partition: string
  readonly message: string
}

export interface HistoryReport {
  readonly acknowledged: number
  readonly unknown: number
  /** How many of the unknown turned out to be stored. */
  readonly unknownStored: number
  readonly refused: number
  readonly read: number
  /** The first problems; `counts` has all. */
  readonly problems: readonly HistoryProblem[]
  readonly counts: Readonly<Record<HistoryProblemKind, number>>
}

const SHOWN_PROBLEMS = 50

/** What stands for a value in a history. */
export function fingerprint(value: Buffer | null): string {
  return value === null ? 'null' : `${value.length}:${createHash('sha256').update(value).digest('base64url')}`
}

/**
 * Compares what was sent with what was read back: every acknowledged record must be there, unchanged, at its offset,
 * once and in its producer's order; records of unknown outcome may be there, once and in order; nothing else may.
 * @throws Error when two sent records of a partition cannot be told apart
 */
export function checkHistory(partitions: readonly PartitionHistory[]): HistoryReport {
  const tally = new Tally()
  for (const partition of partitions) new PartitionCheck(partition, tally).run()
  return tally
}

class Tally implements HistoryReport {
  acknowledged = 0
  unknown = 0
  unknownStored = 0
  refused = 0
  read = 0
  readonly problems: HistoryProblem[] = []
  readonly counts = Object.fromEntries(HISTORY_PROBLEMS.map((kind) => [kind, 0])) as Record<HistoryProblemKind, number>

  add(problem: HistoryProblem): void {
    this.counts[problem.kind]++
    if (this.problems.length < SHOWN_PROBLEMS) this.problems.push(problem)
  }
}

class PartitionCheck {
  private readonly history: PartitionHistory
  private readonly tally: Tally
  private readonly idempotent: boolean
  private readonly sent = new Map<string, SentRecord>()
  /** Where each identity was read first. */
  private readonly firstRead = new Map<string, number>()
  private readonly readAt = new Map<number, ReadRecord>()
  /** Offsets whose acknowledged record has been replaced, so that the stranger there is told of once. */
  private readonly changedAt = new Set<number>()

  constructor(history: PartitionHistory, tally: Tally) {
    this.history = history
    this.tally = tally
    this.idempotent = history.idempotent ?? true
  }

  run(): void {
    for (const record of this.history.sent) {
      const identity = identityOf(record)
      if (this.sent.has(identity)) throw new Error(`${this.history.name}: ${show(record)} was sent twice as itself`)
      this.sent.set(identity, record)
    }
    this.checkOffsets()
    for (const record of this.history.read) {
      const identity = identityOf(record)
      this.readAt.set(record.offset, record)
      if (!this.firstRead.has(identity)) this.firstRead.set(identity, record.offset)
    }
    this.checkOutcomes()
    this.checkReads()
    this.checkOrder()
  }

  private checkOffsets(): void {
    let expected = this.history.readFrom ?? 0
    for (const { offset } of this.history.read) {
      if (offset !== expected) this.report('offsets', `offset ${offset} was read where ${expected} was due`)
      expected = offset + 1
    }
  }

  private checkOutcomes(): void {
    const { tally } = this
    for (const [identity, record] of this.sent) {
      const { outcome } = record
      const stored = this.firstRead.get(identity)
      if (outcome === 'unknown') {
        tally.unknown++
        if (stored !== undefined) tally.unknownStored++
      } else if (outcome === 'refused') {
        tally.refused++
        if (stored !== undefined) this.report('refused-but-stored', `${show(record)} is at ${stored}`)
      } else {
        tally.acknowledged++
        this.checkAcknowledged(identity, record, outcome.acknowledgedAt)
      }
    }
  }

  private checkAcknowledged(identity: string, record: SentRecord, offset: number | undefined): void {
    if (offset !== undefined && offset < (this.history.readFrom ?? 0)) return
    const found = offset === undefined ? undefined : this.readAt.get(offset)
    if (found !== undefined && identityOf(found) === identity) return
    const elsewhere = this.firstRead.get(identity)
    if (elsewhere !== undefined) {
      if (offset !== undefined)
        this.report('moved', `${show(record)} was acknowledged at ${offset}, is at ${elsewhere}`)
    } else if (found !== undefined && offset !== undefined && !this.sent.has(identityOf(found))) {
      this.changedAt.add(offset)
      this.report('changed', `${show(record)} was acknowledged at ${offset}, where ${show(found)} is`)
    } else {
      this.report('lost', `${show(record)} was acknowledged${offset === undefined ? '' : ` at ${offset}`}`)
    }
  }

  private checkReads(): void {
    const seen = new Set<string>()
    for (const record of this.history.read) {
      this.tally.read++
      const identity = identityOf(record)
      if (!this.sent.has(identity)) {
        if (!this.changedAt.has(record.offset)) this.report('invented', `${show(record)} at ${record.offset}`)
      } else if (seen.has(identity) && this.idempotent) {
        this.report('duplicated', `${show(record)} at ${record.offset}, first at ${this.firstRead.get(identity)}`)
      }
      seen.add(identity)
    }
  }

  private checkOrder(): void {
    if (!this.idempotent) return
    const last = new Map<string | undefined, { record: SentRecord; offset: number }>()
    for (const [identity, record] of this.sent) {
      const offset = this.firstRead.get(identity)
      if (offset === undefined) continue
      const before = last.get(record.producer)
      if (before !== undefined && offset < before.offset) {
        this.report(
          'out-of-order',
          `${show(record)} at ${offset} was sent after ${show(before.record)} at ${before.offset}`,
        )
      } else {
        last.set(record.producer, { record, offset })
      }
    }
  }

  private report(kind: HistoryProblemKind, message: string): void {
    this.tally.add({ kind, partition: this.history.name, message: `${this.history.name}: ${kind}: ${message}` })
  }
}

function identityOf({ key, value }: HistoryRecord): string {
  return key === null ? `:${value}` : `${key.length}:${key}${value}`
}

function show({ key, value }: HistoryRecord): string {
  const text = key === null ? value : `${key}=${value}`
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
