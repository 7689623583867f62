import { MillraceError } from '@millrace/record'
import { Cursor } from '../cursor.ts'
import { FetchLink } from '../fetch-link.ts'
import { MIN_CREDIT_BYTES } from '../fetch-session.ts'
import type { Serializer } from '../serializer.ts'
import type { Transport } from '../transport.ts'
import { AssignedPartition, type Given } from './assigned-partition.ts'
import type { CheckedConsumerOptions } from './consumer-options.ts'
import { keyOf, type TopicPartition } from './topic-partition.ts'

export interface IntakeEvents {
  /** There may be something to take. */
  changed(): void
  /** Reading has failed for good. */
  failed(error: MillraceError): void
}

/** Reads the partitions that the member owns, and gives their records out in turn. */
export class Intake {
  private readonly transport: Transport
  private readonly options: CheckedConsumerOptions
  private readonly serializer: Serializer
  private readonly events: IntakeEvents
  private readonly link: FetchLink
  private readonly partitions = new Map<string, AssignedPartition>()
  private readonly byCursor = new Map<Cursor, AssignedPartition>()
  /** Those that are read, in the order of their turns. */
  private turns: AssignedPartition[] = []
  private turn = 0
  private hasLostUnclaimed = false

  constructor(
    transport: Transport,
    serializer: Serializer,
    options: CheckedConsumerOptions,
    signal: AbortSignal,
    events: IntakeEvents,
  ) {
    this.transport = transport
    this.serializer = serializer
    this.options = options
    this.events = events
    this.link = new FetchLink(
      transport,
      // Whether the server is there is for the membership to say.
      { connectTimeoutMs: Number.POSITIVE_INFINITY, reconnectTimeoutMs: Number.POSITIVE_INFINITY, signal },
      {
        moved: (cursor, chunk) => {
          this.byCursor.get(cursor)?.moved(chunk)
          if (chunk !== undefined) this.events.changed()
        },
        failed: (cursor, error) => this.fetchFailed(cursor, error),
        ended: (error) => this.events.failed(error),
      },
    )
  }

  /** Records were delivered whose partitions went to others before a transaction took their offsets along. */
  get isBehind(): boolean {
    return this.hasLostUnclaimed
  }

  /** All that are the member's, also those that are being given back. */
  all(): AssignedPartition[] {
    return [...this.partitions.values()]
  }

  find(partition: TopicPartition): AssignedPartition | undefined {
    return this.partitions.get(keyOf(partition))
  }

  /** Takes a partition in; it is read once it is opened. */
  admit({ topic, partition }: TopicPartition, committedOffset: number | undefined): AssignedPartition {
    const { offsetReset, isolation } = this.options
    const from = committedOffset === undefined ? offsetReset : { offset: committedOffset }
    const cursor = new Cursor({ topic, partition, from, to: 'follow', isolation }, MIN_CREDIT_BYTES)
    const admitted = new AssignedPartition(cursor, {
      start: committedOffset,
      committedOffset,
      serializer: this.serializer,
      release: (chunk) => this.link.release(chunk),
    })
    this.partitions.set(keyOf(admitted), admitted)
    return admitted
  }

  /** Begins to read. */
  open(opened: readonly AssignedPartition[]): void {
    this.turns.push(...opened)
    this.shareCredit()
    for (const partition of opened) {
      this.byCursor.set(partition.cursor, partition)
      this.link.add(partition.cursor)
    }
  }

  /** Ends the reading; nothing more is given out. The partitions stay the member's until they are dropped. */
  close(closed: readonly AssignedPartition[]): void {
    for (const partition of closed) {
      partition.close()
      if (this.byCursor.delete(partition.cursor)) this.link.remove(partition.cursor)
    }
    this.turns = this.turns.filter((partition) => !partition.isClosed)
    this.shareCredit()
    this.events.changed()
  }

  /** They are the member's no more. */
  drop(dropped: readonly AssignedPartition[]): void {
    for (const partition of dropped) {
      if (this.find(partition) === partition) this.partitions.delete(keyOf(partition))
      this.hasLostUnclaimed ||= partition.isUnclaimed
    }
  }

  /** Reads on elsewhere; what was given out before counts no more. */
  seek(partition: AssignedPartition, to: number | 'earliest' | 'latest'): void {
    const { cursor } = partition
    const position = typeof to === 'number' ? { offset: to } : to
    partition.restart(typeof to === 'number' ? to : undefined)
    if (this.byCursor.has(cursor)) this.link.seek(cursor, position)
    else cursor.seek(position)
    this.events.changed()
  }

  /** The next record, by turns. @throws MillraceError what is wrong with a batch */
  takeRecord(): Given | undefined {
    return this.inTurn((partition) => partition.takeRecord())
  }

  /** The records of the next batch, by turns. @throws as `takeRecord` */
  takeBatch(): Given | undefined {
    return this.inTurn((partition) => partition.takeBatch())
  }

  /** Ends all reading. */
  end(): void {
    this.close(this.all())
    this.link.close()
  }

  private inTurn(take: (partition: AssignedPartition) => Given | undefined): Given | undefined {
    const { turns } = this
    for (let tried = 0; tried < turns.length; tried++) {
      if (this.turn >= turns.length) this.turn = 0
      const partition = turns[this.turn++] as AssignedPartition
      const given = partition.isPaused ? undefined : take(partition)
      if (given !== undefined) return given
    }
    return undefined
  }

  private shareCredit(): void {
    if (this.turns.length === 0) return
    const bytes = Math.max(MIN_CREDIT_BYTES, Math.floor(this.options.prefetchBytes / this.turns.length))
    for (const { cursor } of this.turns) this.link.setCredit(cursor, bytes)
  }

  private fetchFailed(cursor: Cursor, error: MillraceError): void {
    const partition = this.byCursor.get(cursor)
    if (partition === undefined) return
    const { offsetReset, onWarning } = this.options
    const where = keyOf(partition)
    if (error.code === 'OFFSET_OUT_OF_RANGE') {
      const message = `${where} is read on from its ${offsetReset} offset: ${error.message}`
      onWarning(new MillraceError(error.code, message, { cause: error, details: detailsOf(partition, error) }))
      this.seek(partition, offsetReset)
    } else if (error.retriable || error.kind === 'not-found') {
      // A topic that is deleted goes from the assignment too; its other partitions need not wait.
      this.again(partition).catch(() => {})
    } else {
      this.events.failed(
        new MillraceError(error.code, `${where}: ${error.message}`, {
          cause: error,
          details: detailsOf(partition, error),
        }),
      )
    }
  }

  private async again(partition: AssignedPartition): Promise<void> {
    const { cursor } = partition
    await this.transport.sleep(this.transport.backoff(++partition.failures), partition.leavingSignal)
    if (this.byCursor.has(cursor)) this.link.add(cursor)
  }
}

function detailsOf({ topic, partition }: TopicPartition, { details }: MillraceError) {
  return { ...details, topic, partition }
}
