import { DEFAULT_MAX_MESSAGE_BYTES, MAX_BATCH_BYTES, MillraceError } from '@millrace/record'

export const FLUSH_POLICIES = ['commit', 'interval', 'os'] as const
/**
 * What "committed" means for a topic: `commit`: on disk, by a sync; `interval`: written, synced every `flush.ms`;
 * `os`: written, synced when a segment is closed and otherwise when the operating system does it.
 */
export type FlushPolicy = (typeof FLUSH_POLICIES)[number]

/** The configuration of a topic, with every default filled in. */
export interface TopicConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly maxMessageBytes: number
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly flushPolicy: FlushPolicy
  readonly flushMs: number
}

/** Settings by their Kafka names, as users give and see them. Values are strings, as in Kafka. */
export type TopicSettings = Readonly<Record<string, string>>

interface IntegerSetting {
  readonly kind: 'integer'
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
export const TOPIC_SETTINGS: Readonly<Record<string, IntegerSetting | ChoiceSetting>> = {
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
  'segment.bytes': integer(
    'segmentBytes',
    1_024,
    2 ** 31 - 1,
    GiB,
    'Size at which a segment file is closed and the next begun',
  ),
  'segment.ms': integer('segmentMs', 1, MAX, 7 * DAY_MS, 'Age at which a segment file is closed and the next begun'),
}

function integer(field: keyof TopicConfig, min: number, max: number, value: number, help: string): IntegerSetting {
  return { kind: 'integer', field, min, max, default: value, help }
}

/**
 * Checks settings and fills in the defaults.
 * @throws MillraceError INVALID_CONFIG for a key that is not known or a value that is not allowed; the message names
 *   the key, the value and what is allowed
 */
export function parseTopicConfig(settings: TopicSettings): TopicConfig {
  for (const key of Object.keys(settings)) {
    if (!Object.hasOwn(TOPIC_SETTINGS, key)) {
      throw new MillraceError(
        'INVALID_CONFIG',
        `${JSON.stringify(key)} is not a topic setting; there are ${Object.keys(TOPIC_SETTINGS).join(', ')}`,
      )
    }
  }
  const config: Record<string, string | number> = {}
  for (const [key, setting] of Object.entries(TOPIC_SETTINGS)) {
    const value = settings[key]
    config[setting.field] = value === undefined ? setting.default : parseValue(key, value, setting)
  }
  return config as unknown as TopicConfig
}

function parseValue(key: string, value: string, setting: IntegerSetting | ChoiceSetting): string | number {
  if (setting.kind === 'choice') {
    if (setting.choices.includes(value)) return value
    throw new MillraceError('INVALID_CONFIG', `${key}=${value}: allowed are ${setting.choices.join(', ')}`)
  }
  const number = Number(value)
  if (/^\d+$/.test(value) && number >= setting.min && number <= setting.max) return number
  throw new MillraceError(
    'INVALID_CONFIG',
    `${key}=${value}: a whole number from ${setting.min} to ${setting.max} is allowed`,
  )
}

/** All settings of a topic, defaults included, by their Kafka names. */
export function describeTopicConfig(config: TopicConfig): TopicSettings {
  return Object.fromEntries(Object.entries(TOPIC_SETTINGS).map(([key, { field }]) => [key, String(config[field])]))
}
