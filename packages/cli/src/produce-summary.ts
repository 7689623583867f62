import { count } from './table.ts'

/** The places that the records of one command got, gathered by partition. */
export class ProduceSummary {
  private readonly topic: string
  private readonly byPartition = new Map<number, { records: number; firstOffset: number; lastOffset: number }>()
  records = 0

  constructor(topic: string) {
    this.topic = topic
  }

  add(results: readonly { readonly partition: number; readonly offset: number }[]): void {
    this.records += results.length
    for (const { partition, offset } of results) {
      const place = this.byPartition.get(partition)
      if (place === undefined) this.byPartition.set(partition, { records: 1, firstOffset: offset, lastOffset: offset })
      else {
        place.records += 1
        place.firstOffset = Math.min(place.firstOffset, offset)
        place.lastOffset = Math.max(place.lastOffset, offset)
      }
    }
  }

  toJSON(): object {
    return { topic: this.topic, records: this.records, partitions: this.partitions() }
  }

  /** For people: a line for each partition. Other producers' records may lie between the first and the last offset. */
  toLines(): string[] {
    const places = this.partitions().map(
      ({ partition, records, firstOffset, lastOffset }) =>
        `  partition ${partition}: ${count(records, 'record')}, offset ${firstOffset === lastOffset ? '' : `${firstOffset} to `}${lastOffset}`,
    )
    return [`produced ${count(this.records, 'record')} to ${this.topic}`, ...places]
  }

  private partitions(): { partition: number; records: number; firstOffset: number; lastOffset: number }[] {
    return [...this.byPartition]
      .map(([partition, place]) => ({ partition, ...place }))
      .sort((a, b) => a.partition - b.partition)
  }
}
