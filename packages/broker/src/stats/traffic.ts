import { DURATION_BOUNDS_MS, Histogram } from '@millrace/record'

/** What was written to and read from a topic since its counting began; numbers only grow. */
export class TopicTraffic {
  producedBatches = 0
  producedRecords = 0
  /** Of batches as they are stored. */
  producedBytes = 0
  /** Batches of idempotent producers that were there already. */
  duplicates = 0
  /** What readers were given: batches as they are stored, whole, with all records in them. */
  fetchedBatches = 0
  fetchedRecords = 0
  fetchedBytes = 0

  add(other: TopicTraffic): void {
    this.producedBatches += other.producedBatches
    this.producedRecords += other.producedRecords
    this.producedBytes += other.producedBytes
    this.duplicates += other.duplicates
    this.fetchedBatches += other.fetchedBatches
    this.fetchedRecords += other.fetchedRecords
    this.fetchedBytes += other.fetchedBytes
  }
}

/**
 * Counts what goes in and out, for each of a bounded number of topics, and for all others together. A topic gets its own
 * count when it is seen and a place is free; what was counted for it with others before stays there, since no count may
 * get smaller.
 */
export class Traffic {
  /** From a batch's arrival at the broker to its commit; batches that nobody waits for are not in it. */
  readonly produceMs = new Histogram(DURATION_BOUNDS_MS)
  /** Of the topics without a count of their own, also when they are gone. */
  readonly others = new TopicTraffic()
  private readonly gone = new TopicTraffic()
  private readonly maxTopics: number
  private readonly byTopic = new Map<string, TopicTraffic>()

  constructor(maxTopics: number) {
    this.maxTopics = maxTopics
  }

  /** Where the traffic of a topic is counted: for itself, if there is a place, or else with others. */
  of(topicId: string): TopicTraffic {
    return this.own(topicId) ?? this.others
  }

  /** Its own count, which it gets if there is a place. */
  own(topicId: string): TopicTraffic | undefined {
    const known = this.byTopic.get(topicId)
    if (known !== undefined || this.byTopic.size >= this.maxTopics) return known
    const made = new TopicTraffic()
    this.byTopic.set(topicId, made)
    return made
  }

  /** Gives up the counts of topics that are gone; what they had stays in the total. */
  keep(isThere: (topicId: string) => boolean): void {
    for (const [topicId, traffic] of this.byTopic) {
      if (isThere(topicId)) continue
      this.byTopic.delete(topicId)
      this.gone.add(traffic)
    }
  }

  /** Of all topics since the start, also of those that are gone. */
  total(): TopicTraffic {
    const total = new TopicTraffic()
    for (const traffic of [...this.byTopic.values(), this.others, this.gone]) total.add(traffic)
    return total
  }
}
