import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MillraceError } from './errors.ts'
import { checkTopicName, INTERNAL_TOPIC_PREFIX, isInternalTopic } from './topic-name.ts'

describe('checkTopicName', () => {
  it.each(['a', 'orders', 'Orders_2026.eu-west', '...', '-', '_', '__consumer', '9', 'x'.repeat(249)])(
    'allows %s',
    (name) => {
      expect(() => checkTopicName(name)).not.toThrow()
    },
  )

  it.each([
    '',
    '.',
    '..',
    '../etc',
    'a/b',
    'a\\b',
    'a b',
    'a\n',
    'a\0',
    'ümlaut',
    'a:b',
    '%2e',
    'x'.repeat(250),
    `${INTERNAL_TOPIC_PREFIX}x`,
    INTERNAL_TOPIC_PREFIX,
  ])('refuses %j', (name) => {
    expect(() => checkTopicName(name)).toThrow(expect.objectContaining({ code: 'INVALID_TOPIC_NAME' }))
  })

  it('lets nothing through that could leave a directory, and shows at most a part of a long name', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (name) => {
        try {
          checkTopicName(name)
        } catch (error) {
          expect(error).toBeInstanceOf(MillraceError)
          expect((error as MillraceError).message.length).toBeLessThan(600)
          return
        }
        expect(name).toMatch(/^[a-zA-Z0-9._-]{1,249}$/)
        expect(['.', '..']).not.toContain(name)
      }),
    )
  })
})

describe('isInternalTopic', () => {
  it('goes by the prefix', () => {
    expect(isInternalTopic('__millrace_offsets')).toBe(true)
    expect(isInternalTopic('__millrac')).toBe(false)
    expect(isInternalTopic('orders')).toBe(false)
  })
})
