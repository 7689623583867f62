import { describe, expect, it } from 'vitest'
import { type KeyOf, keyFromField, keyFromPattern } from './keys.ts'

const find = (keyOf: KeyOf, line: string) => keyOf(Buffer.from(line))?.toString() ?? null

describe('--key-field', () => {
  it.each([
    ['{"id":"c42","n":1}', 'c42'],
    ['{"id":42}', '42'],
    ['{"id":{"a":[1, 2]}}', '{"a":[1,2]}'],
    ['{"id":null}', null],
    ['{"other":1}', null],
    ['{"id":""}', ''],
  ])('of %s', (line, key) => expect(find(keyFromField('id'), line)).toBe(key))

  it('does not take what every object inherits', () => expect(find(keyFromField('constructor'), '{}')).toBeNull())

  it.each(['', '{', '[1]', 'null', '3'])('refuses what has no fields: %j', (line) => {
    expect(() => find(keyFromField('id'), line)).toThrow(
      expect.objectContaining({
        code: 'INVALID_REQUEST',
        message: expect.stringMatching(/^not (JSON|a JSON object), which --key-field needs/),
      }),
    )
  })
})

describe('--key-regex', () => {
  it('takes the first group, or all that was found', () => {
    expect(find(keyFromPattern('user=(\\w+)'), 'at=1 user=ann b')).toBe('ann')
    expect(find(keyFromPattern('^\\S+'), 'ann said so')).toBe('ann')
  })

  it('gives no key where nothing is found', () => {
    expect(find(keyFromPattern('x'), 'abc')).toBeNull()
    expect(find(keyFromPattern('a(x)?'), 'abc')).toBeNull()
  })

  it('refuses what is no expression', () => expect(() => keyFromPattern('(')).toThrow('--key-regex (: '))
})
