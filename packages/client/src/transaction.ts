import { asMillraceError, MillraceError } from '@millrace/record'
import { toInt64, UNARY } from '@millrace/wire'
import { abortable } from './abort.ts'
import type { ProducerRecord, SendResult } from './call.ts'
import type { ProducerIdentity } from './partition-queue.ts'
import { checkPartition } from './position.ts'
import type { Transport } from './transport.ts'

/** How far a partition is handled: the offset of the next record that is wanted. */
export interface TransactionalOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Kept beside it, up to 4,096 bytes. Default: nothing. */
  readonly metadata?: string | undefined
}

/** Offsets of a consumer group, and who commits them. */
export interface GroupOffsets {
  readonly group: string
  /** The member whose partitions they are. Undefined: from outside, into a group without members. */
  readonly member?: { readonly memberId: string; readonly memberEpoch: number } | undefined
  readonly offsets: readonly TransactionalOffset[]
}

/** What can say how far it has come, such as a consumer. */
export interface TransactionalOffsets {
  /** What was handled and not committed yet. */
  offsetsForTransaction(): {
    readonly group: string
    readonly memberId: string
    readonly memberEpoch: number
    readonly offsets: readonly TransactionalOffset[]
  }
}

/** What belongs together: it is stored and shown as a whole or not at all. */
export interface Transaction {
  /**
   * Sends one record. It need not be awaited: the end of the transaction waits for it, and its failure aborts the
   * transaction, also where the caller caught it.
   * @throws MillraceError as `Producer.send`; TRANSACTION_ABORTED when another send has failed;
   *   INVALID_TRANSACTION_STATE when the transaction has ended
   */
  send(record: ProducerRecord): Promise<SendResult>
  /** Sends records together. @throws SendBatchError where some failed; MillraceError as `send` */
  sendBatch(records: readonly ProducerRecord[]): Promise<SendResult[]>
  /**
   * Commits offsets of a group as a part of the transaction.
   * @throws MillraceError UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, PARTITION_NOT_OWNED, GROUP_NOT_EMPTY,
   *   OFFSET_OUT_OF_RANGE, METADATA_TOO_LARGE; as `send`
   */
  commitOffsets(source: TransactionalOffsets | GroupOffsets): Promise<void>
}

export interface TransactionHost {
  readonly transport: Transport
  readonly transactionalId: string
  readonly timeoutMs: number
  send(record: ProducerRecord): Promise<SendResult>
  sendBatch(records: readonly ProducerRecord[]): Promise<SendResult[]>
  /** Resolves when all that was sent is settled. */
  flush(): Promise<void>
  /** Something of the transaction has failed for the first time; nothing more of it need be sent. */
  failed(error: MillraceError): void
}

/** A transaction while its function runs. */
export class OpenTransaction implements Transaction {
  private readonly host: TransactionHost
  private readonly identity: ProducerIdentity
  private readonly commits: Promise<void>[] = []
  /** `ending`: it takes nothing more; `over`: nobody cares any more what becomes of its parts. */
  private state: 'open' | 'ending' | 'over' = 'open'
  private used = false
  private firstFailure: MillraceError | undefined

  constructor(host: TransactionHost, identity: ProducerIdentity) {
    this.host = host
    this.identity = identity
  }

  /** Whether anything was sent, so that there is something to end. */
  get isUsed(): boolean {
    return this.used
  }

  /** What failed first. */
  get failure(): MillraceError | undefined {
    return this.firstFailure
  }

  send(record: ProducerRecord): Promise<SendResult> {
    return this.refusal() ?? this.watch(this.host.send(record))
  }

  sendBatch(records: readonly ProducerRecord[]): Promise<SendResult[]> {
    return this.refusal() ?? this.watch(this.host.sendBatch(records))
  }

  commitOffsets(source: TransactionalOffsets | GroupOffsets): Promise<void> {
    const refusal = this.refusal()
    if (refusal !== undefined) return refusal
    const commit = this.watch(this.sendOffsets(source))
    this.commits.push(commit)
    return commit
  }

  /** Takes nothing more, and resolves when all is stored. @throws what failed first; the signal's reason */
  async finish(signal: AbortSignal): Promise<void> {
    this.state = 'ending'
    await abortable(Promise.all([this.host.flush(), Promise.allSettled(this.commits)]), signal)
    if (this.firstFailure !== undefined) throw this.firstFailure
  }

  /** It is given up. */
  abandon(): void {
    this.state = 'over'
  }

  private refusal(): Promise<never> | undefined {
    if (this.state !== 'open') {
      return Promise.reject(new MillraceError('INVALID_TRANSACTION_STATE', 'the transaction has ended'))
    }
    const cause = this.firstFailure
    if (cause === undefined) return undefined
    const message = `something of the transaction has failed: ${cause.message}`
    const refused = Promise.reject(new MillraceError('TRANSACTION_ABORTED', message, { cause }))
    // The transaction tells of its failure, so that nobody need hear of it here.
    refused.catch(() => {})
    return refused
  }

  private watch<T>(sent: Promise<T>): Promise<T> {
    this.used = true
    sent.catch((reason) => this.fail(asMillraceError(reason)))
    return sent
  }

  private fail(error: MillraceError): void {
    if (this.firstFailure !== undefined || this.state === 'over') return
    this.firstFailure = error
    this.host.failed(error)
  }

  private async sendOffsets(source: TransactionalOffsets | GroupOffsets): Promise<void> {
    const { group, memberId, memberEpoch, offsets } = offsetsOf(source)
    if (offsets.length === 0) return
    const { transport, transactionalId, timeoutMs } = this.host
    const { producerId, producerEpoch } = this.identity
    const request = {
      group,
      memberId,
      memberEpoch,
      offsets: offsets.map(({ topic, partition, offset, metadata = '' }) => {
        if (!Number.isSafeInteger(offset) || offset < 0) {
          throw new MillraceError('INVALID_REQUEST', `offset ${offset} is not a whole number from 0 on`)
        }
        return { topic, partition: checkPartition(partition), offset: toInt64(offset), metadata }
      }),
      transaction: { transactionalId, producerId: toInt64(producerId), producerEpoch },
    }
    // To commit the same offsets twice in one transaction changes nothing.
    await transport.call(UNARY.commitOffsets, request, { timeoutMs, connectTimeoutMs: timeoutMs })
  }
}

function offsetsOf(
  source: TransactionalOffsets | GroupOffsets,
): ReturnType<TransactionalOffsets['offsetsForTransaction']> {
  if ('offsetsForTransaction' in source) return source.offsetsForTransaction()
  const { group, member, offsets } = source
  return { group, memberId: member?.memberId ?? '', memberEpoch: member?.memberEpoch ?? 0, offsets }
}
