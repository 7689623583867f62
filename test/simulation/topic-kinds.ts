import type { TopicSettings } from '@millrace/engine'

/** Between two rounds of retention and compaction. */
export const HOUSEKEEPING_MS = 10_000
/** How long a topic with `flush.policy=interval` leaves its writes unsynced. */
export const FLUSH_MS = 1_000

/** A topic that histories may have, with segments so small that all of them turn over. */
export interface TopicKind {
  readonly name: string
  readonly partitions: number
  readonly settings: TopicSettings
}

const FOR_EVER = { 'retention.ms': '-1' }
const COMPACT = {
  ...FOR_EVER,
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.1',
  'delete.retention.ms': String(2 * HOUSEKEEPING_MS),
}

function kind(name: string, partitions: number, settings: TopicSettings): TopicKind {
  const all = { 'segment.bytes': '1500', 'index.interval.bytes': '256', ...settings }
  return { name, partitions, settings: all }
}

/** Enough partitions of it for rounds that go by way of the journal. */
export const MANY = kind('events', 6, { ...FOR_EVER, 'segment.bytes': '2048' })

export const OTHERS: readonly TopicKind[] = [
  kind('stream', 2, { ...FOR_EVER, 'retention.bytes': '4000' }),
  kind('aging', 2, { 'retention.ms': String(3 * HOUSEKEEPING_MS), 'segment.ms': String(2 * HOUSEKEEPING_MS) }),
  // Here tombstones stay for longer than most histories take.
  kind('table', 2, { ...COMPACT, 'delete.retention.ms': String(12 * HOUSEKEEPING_MS) }),
  kind('lagging', 1, {
    ...COMPACT,
    'min.compaction.lag.ms': String(2 * HOUSEKEEPING_MS),
    'max.compaction.lag.ms': String(4 * HOUSEKEEPING_MS),
  }),
  kind('both', 2, { ...COMPACT, 'cleanup.policy': 'compact,delete', 'retention.bytes': '4000' }),
  kind('interval', 2, { ...FOR_EVER, 'flush.policy': 'interval', 'flush.ms': String(FLUSH_MS) }),
  kind('unsynced', 1, { ...COMPACT, 'flush.policy': 'os' }),
]
