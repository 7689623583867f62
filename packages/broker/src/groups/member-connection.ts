import type { MillraceError } from '@millrace/record'
import type { MemberListener } from './group-types.ts'
import { namedPartitions, type PartitionId } from './partition-id.ts'
import type { TopicIndex } from './topic-index.ts'

/** The way to the one who speaks for a member. It ends once. */
export class MemberConnection {
  readonly memberId: string
  private readonly listener: MemberListener
  private readonly topics: TopicIndex
  private ended_: MillraceError | undefined

  constructor(memberId: string, listener: MemberListener, topics: TopicIndex) {
    this.memberId = memberId
    this.listener = listener
    this.topics = topics
  }

  /** Why it ended. */
  get ended(): MillraceError | undefined {
    return this.ended_
  }

  tell(epoch: number, partitions: readonly PartitionId[]): void {
    if (this.ended_ === undefined) this.listener.assigned(epoch, namedPartitions(partitions, this.topics.nameOf))
  }

  end(error: MillraceError): void {
    if (this.ended_ !== undefined) return
    this.ended_ = error
    this.listener.ended(error)
  }

  /** Ends it without a word: its own side has. */
  close(error: MillraceError): void {
    this.ended_ ??= error
  }
}
