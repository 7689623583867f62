import { MillraceError } from '@millrace/record'
import type { TopicChange, TopicDescription } from './engine.ts'
import { checkSettingName, parseTopicConfig, type TopicSettings } from './topic-config.ts'

/**
 * What a topic is after a change, which is checked as a whole: settings that do not go together are refused however they
 * came about.
 * @throws MillraceError INVALID_CONFIG, INVALID_PARTITIONS
 */
export function alteredTopic(
  topic: TopicDescription,
  { set = {}, unset = [], partitions = topic.partitions }: TopicChange,
  partitionsPerTopic: number,
): TopicDescription {
  const settings = alteredSettings(topic.settings, set, unset)
  parseTopicConfig(settings)
  checkPartitionCount(partitions, partitionsPerTopic)
  if (partitions < topic.partitions) {
    throw new MillraceError(
      'INVALID_PARTITIONS',
      `topic ${topic.name} has ${topic.partitions} partitions, and cannot have fewer: ${partitions}`,
      { details: { min: topic.partitions, max: partitionsPerTopic } },
    )
  }
  return { ...topic, settings, partitions }
}

/** @throws MillraceError INVALID_PARTITIONS */
export function checkPartitionCount(partitions: number, partitionsPerTopic: number): void {
  if (Number.isInteger(partitions) && partitions >= 1 && partitions <= partitionsPerTopic) return
  throw new MillraceError(
    'INVALID_PARTITIONS',
    `a topic has 1 to ${partitionsPerTopic} partitions, not ${partitions}`,
    { details: { min: 1, max: partitionsPerTopic } },
  )
}

function alteredSettings(settings: TopicSettings, set: TopicSettings, unset: readonly string[]): TopicSettings {
  for (const key of unset) {
    checkSettingName(key)
    if (Object.hasOwn(set, key)) {
      throw new MillraceError('INVALID_CONFIG', `${key} cannot both get a value and go back to its default`)
    }
  }
  const kept = Object.entries(settings).filter(([key]) => !unset.includes(key))
  return { ...Object.fromEntries(kept), ...set }
}
