import { type Event, EventLog, sumOfAll } from './event.ts'

/** Where a record got its place. */
interface Place {
  readonly partition: number
  readonly offset: number
}

/** How many events there are from some places on, and one checksum for all of them. */
export interface Summary {
  readonly count: number
  readonly sum: string
}

/** What went in and was acknowledged, by partition, in order. */
export class SentLog {
  readonly partitions: readonly EventLog[]

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => new EventLog())
  }

  get count(): number {
    return this.partitions.reduce((count, log) => count + log.count, 0)
  }

  /**
   * Notes acknowledged events. The topic is new and only ours, so that each offset follows the one before.
   * @throws Error when an acknowledgement has another offset
   */
  add(events: readonly Event[], places: readonly Place[]): void {
    for (const [index, event] of events.entries()) {
      const place = places[index]
      const log = this.partitions[place?.partition ?? -1]
      if (place === undefined || log === undefined) throw new Error('an event was not acknowledged')
      if (place.offset !== log.count) {
        throw new Error(`partition ${place.partition} acknowledged offset ${place.offset} instead of ${log.count}`)
      }
      log.add(event)
    }
  }

  /** The time of the event in the middle of the largest partition. */
  middleTime(): number {
    const [largest] = [...this.partitions].sort((a, b) => b.count - a.count)
    return largest?.timestampAt(Math.floor(largest.count / 2)) ?? 0
  }

  /** What lies at and after these offsets, one for each partition. */
  summary(starts: readonly number[]): Summary {
    const sums = this.partitions.map((log, partition) => log.sumsFrom(starts[partition] ?? 0))
    const count = this.partitions.reduce((all, log, partition) => all + log.count - (starts[partition] ?? 0), 0)
    return { count, sum: sumOfAll(sums) }
  }
}

/** What came back in one replay, by partition, in order. */
export class ReplayedLog {
  private readonly partitions: readonly { log: EventLog; nextOffset: number }[]
  /** The first record that did not have the offset it should. */
  problem: string | undefined

  /** @param starts the first offset of each partition */
  constructor(starts: readonly number[]) {
    this.partitions = starts.map((nextOffset) => ({ log: new EventLog(), nextOffset }))
  }

  add(record: Event & Place): void {
    const partition = this.partitions[record.partition]
    if (partition === undefined) throw new Error(`a record came from partition ${record.partition}`)
    if (record.offset !== partition.nextOffset) {
      this.problem ??= `partition ${record.partition}: offset ${record.offset} came instead of ${partition.nextOffset}`
    }
    partition.nextOffset = record.offset + 1
    partition.log.add(record)
  }

  summary(): Summary {
    const count = this.partitions.reduce((all, { log }) => all + log.count, 0)
    return { count, sum: sumOfAll(this.partitions.map(({ log }) => log.sumsFrom(0))) }
  }
}
