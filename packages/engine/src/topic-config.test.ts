import { describe, expect, test } from 'vitest'
import { describeTopicConfig, parseTopicConfig, TOPIC_SETTINGS } from './topic-config.ts'

describe('the settings of a topic', () => {
  test('have the defaults of Kafka', () => {
    expect(describeTopicConfig(parseTopicConfig({}))).toEqual({
      'cleanup.policy': 'delete',
      'delete.retention.ms': '86400000',
      'flush.ms': '1000',
      'flush.policy': 'commit',
      'index.interval.bytes': '4096',
      'max.compaction.lag.ms': String(Number.MAX_SAFE_INTEGER),
      'max.message.bytes': '1048588',
      'message.timestamp.after.max.ms': '3600000',
      'message.timestamp.type': 'CreateTime',
      'message.timestamp.before.max.ms': String(Number.MAX_SAFE_INTEGER),
      'min.cleanable.dirty.ratio': '0.5',
      'min.compaction.lag.ms': '0',
      'retention.bytes': '-1',
      'retention.ms': '604800000',
      'segment.bytes': String(2 ** 30),
      'segment.ms': '604800000',
    })
  })

  test('are listed in the order of their names', () => {
    expect(Object.keys(TOPIC_SETTINGS)).toEqual(Object.keys(TOPIC_SETTINGS).sort())
  })

  test.each([
    ['cleanup.policy', ['delete', 'compact', 'compact,delete', 'delete,compact'], ['', 'none', 'compact, delete']],
    ['retention.ms', ['-1', '0', '5000'], ['-2', '1.5', '', ' 1', '1e3', '--1']],
    ['retention.bytes', ['-1', '0', '1073741824'], ['-2', 'all']],
    ['min.cleanable.dirty.ratio', ['0', '1', '0.01', '0.5'], ['-0.1', '1.1', '.5', '5e-1', '-1', 'NaN']],
    ['min.compaction.lag.ms', ['0', '60000'], ['-1']],
    ['max.compaction.lag.ms', ['1', '60000'], ['0', '-1']],
    ['segment.ms', ['1'], ['0', '-1']],
  ])('%s takes what it allows and nothing else', (key, allowed, refused) => {
    for (const value of allowed) expect(describeTopicConfig(parseTopicConfig({ [key]: value }))[key]).toBe(value)
    for (const value of refused) {
      const parse = () => parseTopicConfig({ [key]: value })
      expect(parse, JSON.stringify(value)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    }
  })

  test('a record cannot have to wait longer for compaction than it may', () => {
    const lags = { 'min.compaction.lag.ms': '6', 'max.compaction.lag.ms': '5' }
    expect(() => parseTopicConfig(lags)).toThrow(/min\.compaction\.lag\.ms=6: at most max\.compaction\.lag\.ms=5/)
  })
})
