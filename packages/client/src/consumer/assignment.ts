import { keyOf, type TopicPartition } from './topic-partition.ts'

/** What has to be begun now. */
export interface Step {
  readonly takeUp: readonly TopicPartition[]
  readonly giveBack: readonly TopicPartition[]
}

interface Entry {
  readonly partition: TopicPartition
  state: 'taking' | 'owned' | 'giving'
  /** The group counts it as the member's, until the member says otherwise. */
  isTold: boolean
}

/**
 * What a member has, what it should have, and what is on the way. Each partition goes its own way: one that is being
 * taken up or given back holds up no other. A partition is told as given back only when it was, and is not wanted again
 * meanwhile: from then on it may be another's.
 */
export class Assignment {
  private readonly entries = new Map<string, Entry>()
  private target = new Set<string>()

  /** All that the member should own. */
  assign(partitions: readonly TopicPartition[]): Step {
    this.target = new Set(partitions.map(keyOf))
    const takeUp: TopicPartition[] = []
    for (const partition of partitions) {
      const key = keyOf(partition)
      if (this.entries.has(key)) continue
      this.entries.set(key, { partition, state: 'taking', isTold: false })
      takeUp.push(partition)
    }
    const excess = [...this.entries.values()].filter(({ partition, state }) => {
      return state === 'owned' && !this.target.has(keyOf(partition))
    })
    return { takeUp, giveBack: this.giving(excess) }
  }

  /** Whether it should still be taken up. */
  wants(partition: TopicPartition): boolean {
    return this.target.has(keyOf(partition))
  }

  /** From now on somebody may work with these: they are no one else's before they were given back. */
  admitted(partitions: readonly TopicPartition[]): void {
    for (const entry of this.entriesOf(partitions)) entry.isTold = true
  }

  /** The taking up of these has ended well. */
  takenUp(partitions: readonly TopicPartition[]): Step {
    const excess: Entry[] = []
    for (const entry of this.entriesOf(partitions)) {
      entry.state = 'owned'
      entry.isTold = true
      if (!this.wants(entry.partition)) excess.push(entry)
    }
    return { takeUp: [], giveBack: this.giving(excess) }
  }

  /** These were given back, or their taking up was broken off because they are no longer wanted. */
  givenBack(partitions: readonly TopicPartition[]): Step {
    const takeUp: TopicPartition[] = []
    for (const entry of this.entriesOf(partitions)) {
      if (this.wants(entry.partition)) {
        entry.state = 'taking'
        takeUp.push(entry.partition)
      } else {
        this.entries.delete(keyOf(entry.partition))
      }
    }
    return { takeUp, giveBack: [] }
  }

  /** What the group is to count as the member's. */
  owned(): TopicPartition[] {
    return [...this.entries.values()].filter(({ isTold }) => isTold).map(({ partition }) => partition)
  }

  /** The membership is over. */
  clear(): void {
    this.entries.clear()
    this.target.clear()
  }

  private giving(entries: readonly Entry[]): TopicPartition[] {
    for (const entry of entries) entry.state = 'giving'
    return entries.map(({ partition }) => partition)
  }

  private entriesOf(partitions: readonly TopicPartition[]): Entry[] {
    return partitions.flatMap((partition) => this.entries.get(keyOf(partition)) ?? [])
  }
}
