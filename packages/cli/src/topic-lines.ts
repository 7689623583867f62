import type { TopicDetails } from '@millrace/client'
import { formatTable } from './table.ts'

/** A topic for people: its partitions and its settings. */
export function topicLines({ name, id, createdAtMs, partitions, config }: TopicDetails): string[] {
  const rows = partitions.map((status) => [
    String(status.partition),
    String(status.logStartOffset),
    String(status.highWatermark),
    String(status.sizeBytes),
  ])
  return [
    `${name}  ${id}  created ${new Date(createdAtMs).toISOString()}`,
    ...formatTable(['PARTITION', 'FIRST OFFSET', 'END OFFSET', 'BYTES'], rows),
    ...formatTable(['SETTING', 'VALUE'], Object.entries(config)),
  ]
}
