import { DEFAULT_MAX_MESSAGE_BYTES, MAX_BATCH_BYTES, MillraceError } from '@millrace/record'

export const FLUSH_POLICIES = ['commit', 'interval', 'os'] as const
/**
 * What "committed" means for a topic: `commit`: on disk, by a sync; `interval`: written, synced every `flush.ms`;
 * `os`: written, synced when a segment is closed and otherwise when the operating system does it.
 */
export type FlushPolicy = (typeof FLUSH_POLICIES)[number]

export const CLEANUP_POLICIES = ['delete', 'compact', 'compact,delete', 'delete,compact'] as const
/**
 * How a topic is kept from growing for ever: `delete`: old segments go by `retention.ms` and `retention.bytes`;
 * `compact`: of the records of one key, the last one stays; or both.
 */
export type CleanupPolicy = (typeof CLEANUP_POLICIES)[number]

export const TIMESTAMP_TYPES = ['CreateTime', 'LogAppendTime'] as const
/** What a record's timestamp is: when its producer says it was made, or when it was appended. */
export type TimestampType = (typeof TIMESTAMP_TYPES)[number]

/** The configuration of a topic, with every default filled in. */
export interface TopicConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly maxMessageBytes: number
  readonly timestampType: TimestampType
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly flushPolicy: FlushPolicy
  readonly flushMs: number
  readonly cleanupPolicy: CleanupPolicy
  /** -1: for ever. */
  readonly retentionMs: number
  /** -1: without end. */
  readonly retentionBytes: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly deleteRetentionMs: number
  readonly minCleanableDirtyRatio: number
}

/** Settings by their Kafka names, as users give and see them. Values are strings, as in Kafka. */
export type TopicSettings = Readonly<Record<string, string>>

interface NumberSetting {
  /** `decimal` may have a fraction. */
  readonly kind: 'integer' | 'decimal'
  readonly field: keyof TopicConfig
  readonly min: number
  readonly max: number
  readonly default: number
  readonly help: string
}
interface ChoiceSetting {
  readonly kind: 'choice'
  readonly field: keyof TopicConfig
  readonly choices: readonly string[]
  readonly default: string
  readonly help: string
}

const MAX = Number.MAX_SAFE_INTEGER
const DAY_MS = 86_400_000
const GiB = 2 ** 30

/** Every setting of a topic. Names and defaults are Kafka's; `flush.policy` is Millrace's own. */
export const TOPIC_SETTINGS: Readonly<Record<string, NumberSetting | ChoiceSetting>> = {
  'cleanup.policy': {
    kind: 'choice',
    field: 'cleanupPolicy',
    choices: CLEANUP_POLICIES,
    default: 'delete',
    help: 'What keeps the topic from growing: old segments go (delete), the last record of each key stays (compact)',
  },
  'delete.retention.ms': integer(
    'deleteRetentionMs',
    0,
    MAX,
    DAY_MS,
    'With compaction: how long a tombstone stays after it was first compacted, in ms',
  ),
  'flush.ms': integer(
    'flushMs',
    1,
    MAX,
    1_000,
    'With flush.policy=interval: the longest time between two syncs, in ms',
  ),
  'flush.policy': {
    kind: 'choice',
    field: 'flushPolicy',
    choices: FLUSH_POLICIES,
    default: 'commit',
    help: 'When a record is committed: on disk (commit), or written and synced later (interval, os)',
  },
  'index.interval.bytes': integer('indexIntervalBytes', 256, 2 ** 20, 4_096, 'Bytes of log between two index entries'),
  'max.compaction.lag.ms': integer(
    'maxCompactionLagMs',
    1,
    MAX,
    MAX,
    'With compaction: the longest time that a record may wait for it, in ms',
  ),
  'max.message.bytes': integer(
    'maxMessageBytes',
    256,
    MAX_BATCH_BYTES,
    DEFAULT_MAX_MESSAGE_BYTES,
    'Largest record batch, in bytes',
  ),
  'message.timestamp.after.max.ms': integer(
    'timestampAfterMaxMs',
    0,
    MAX,
    3_600_000,
    'How far ahead of the server a timestamp may be',
  ),
  'message.timestamp.before.max.ms': integer(
    'timestampBeforeMaxMs',
    0,
    MAX,
    MAX,
    'How far behind the server a timestamp may be',
  ),
  'message.timestamp.type': {
    kind: 'choice',
    field: 'timestampType',
    choices: TIMESTAMP_TYPES,
    default: 'CreateTime',
    help: "What a record's timestamp is: the producer's (CreateTime), or that of its append (LogAppendTime)",
  },
  'min.cleanable.dirty.ratio': {
    kind: 'decimal',
    field: 'minCleanableDirtyRatio',
    min: 0,
    max: 1,
    default: 0.5,
    help: 'With compaction: the share of the closed segments that must be new for it to begin',
  },
  'min.compaction.lag.ms': integer(
    'minCompactionLagMs',
    0,
    MAX,
    0,
    'With compaction: the shortest time that a record stays as it was written, in ms',
  ),
  'retention.bytes': integer(
    'retentionBytes',
    -1,
    MAX,
    -1,
    'With deletion: segments go as long as at least this much stays in the partition; -1: without end',
  ),
  'retention.ms': integer(
    'retentionMs',
    -1,
    MAX,
    7 * DAY_MS,
    'With deletion: segments go when their latest record is older than this, in ms; -1: for ever',
  ),
  'segment.bytes': integer(
    'segmentBytes',
    1_024,
    2 ** 31 - 1,
    GiB,
    'Size at which a segment file is closed and the next begun',
  ),
  'segment.ms': integer('segmentMs', 1, MAX, 7 * DAY_MS, 'Age at which a segment file is closed and the next begun'),
}

function integer(field: keyof TopicConfig, min: number, max: number, value: number, help: string): NumberSetting {
  return { kind: 'integer', field, min, max, default: value, help }
}

/**
 * Checks settings and fills in the defaults.
 * @throws MillraceError INVALID_CONFIG for a key that is not known or a value that is not allowed; the message names
 *   the key, the value and what is allowed
 */
export function parseTopicConfig(settings: TopicSettings): TopicConfig {
  for (const key of Object.keys(settings)) checkSettingName(key)
  const config: Record<string, string | number> = {}
  for (const [key, setting] of Object.entries(TOPIC_SETTINGS)) {
    const value = settings[key]
    config[setting.field] = value === undefined ? setting.default : parseValue(key, value, setting)
  }
  const parsed = config as unknown as TopicConfig
  const { minCompactionLagMs, maxCompactionLagMs } = parsed
  if (minCompactionLagMs > maxCompactionLagMs) {
    throw new MillraceError(
      'INVALID_CONFIG',
      `min.compaction.lag.ms=${minCompactionLagMs}: at most max.compaction.lag.ms=${maxCompactionLagMs} is allowed`,
    )
  }
  return parsed
}

/** @throws MillraceError INVALID_CONFIG for a key that is not known */
export function checkSettingName(key: string): void {
  if (Object.hasOwn(TOPIC_SETTINGS, key)) return
  throw new MillraceError(
    'INVALID_CONFIG',
    `${JSON.stringify(key)} is not a topic setting; there are ${Object.keys(TOPIC_SETTINGS).join(', ')}`,
  )
}

function parseValue(key: string, value: string, setting: NumberSetting | ChoiceSetting): string | number {
  if (setting.kind === 'choice') {
    if (setting.choices.includes(value)) return value
    throw new MillraceError('INVALID_CONFIG', `${key}=${value}: allowed are ${setting.choices.join(', ')}`)
  }
  const { kind, min, max } = setting
  const number = Number(value)
  const wellFormed = kind === 'integer' ? /^-?\d+$/ : /^\d+(\.\d+)?$/
  if (wellFormed.test(value) && number >= min && number <= max) return number
  const what = kind === 'integer' ? 'a whole number' : 'a number'
  throw new MillraceError('INVALID_CONFIG', `${key}=${value}: ${what} from ${min} to ${max} is allowed`)
}

/** All settings of a topic, defaults included, by their Kafka names. */
export function describeTopicConfig(config: TopicConfig): TopicSettings {
  return Object.fromEntries(Object.entries(TOPIC_SETTINGS).map(([key, { field }]) => [key, String(config[field])]))
}
