import { MillraceError } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compactJson, parseJson } from './json-text.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof MillraceError) return error.code
    throw error
  }
}

describe('numbers', () => {
  test.each([
    '9007199254740991',
    '-9007199254740991',
    '1234567890123456',
    '0.1234567890123456789',
    '1234567890123456.75',
    '1e20',
    '1E+20',
    '1.5e300',
    '1.7976931348623157e308',
    '5e-324',
    '0e999',
    '-0.0e-400',
    '100000000000000000000.0',
  ])('takes %s', (text) => {
    for (const around of [text, ` ${text} `, `[${text}]`, `{"a":${text}}`, `[0,${text}]`]) {
      expect(
        codeOf(() => parse(around)),
        around,
      ).toBeUndefined()
    }
  })

  test.each([
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890',
    '9007199254740993.0',
    '9.007199254740993e15',
    '900719925474099.3e1',
    '1e400',
    '-1e400',
    '1E+400',
    '1e-400',
    '123456789012345678901234567890e-5',
    `1${'0'.repeat(400)}`,
  ])('refuses %s, wherever it stands', (text) => {
    for (const around of [
      text,
      ` ${text} `,
      `[${text}]`,
      `{"a":${text}}`,
      `[0,${text}]`,
      `{"a" :\n${text}}`,
      `[[-1,{"b":[${text}]}]]`,
    ]) {
      expect(
        codeOf(() => parse(around)),
        around,
      ).toBe('NUMBER_NOT_EXACT')
    }
  })

  test('keeps every integer that it takes, and takes every safe one', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const safe = Number.isSafeInteger(Number(integer)) && BigInt(Number(integer)) === integer
        if (safe) expect(parse(`{"n":${integer}}`)).toEqual({ n: Number(integer) })
        else expect(codeOf(() => parse(`{"n":${integer}}`))).toBe('NUMBER_NOT_EXACT')
      }),
    )
  })

  test('takes every number that JavaScript writes, but for integers beyond 2^53', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const text = JSON.stringify(number)
        fc.pre(!/^-?\d{16,}$/.test(text))
        expect(parse(`[${text}]`)).toEqual([number === 0 ? 0 : number])
      }),
    )
  })

  test('does not mistake text for numbers', () => {
    const value = { a: '9007199254740993', b: ' 1e400', c: ',12345678901234567890', d: '[1e999]' }
    expect(parse(JSON.stringify(value))).toEqual(value)
  })
})

describe('text', () => {
  test.each(['', ' ', '{', '{"a":1,}', "{'a':1}", '[1 2]', 'undefined', 'NaN', '01', '"\n"', '\ufeff{}', '{}{}'])(
    'refuses %j',
    (text) => expect(codeOf(() => parse(text))).toBe('INVALID_REQUEST'),
  )

  test('refuses bytes that are not UTF-8', () => {
    expect(codeOf(() => parseJson(Buffer.from([0x22, 0xff, 0x22])))).toBe('INVALID_REQUEST')
    expect(codeOf(() => parseJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])))).toBe('INVALID_REQUEST')
  })

  test('gives back what any JSON said', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
        const plain: unknown = JSON.parse(text)
        fc.pre(codeOf(() => parse(text)) !== 'NUMBER_NOT_EXACT')
        expect(compactJson(parse(text))).toBe(JSON.stringify(plain))
      }),
    )
  })

  test('keeps a member named __proto__ as a member', () => {
    for (const text of ['{"__proto__":{"polluted":true}}', '{"__proto__":{"polluted":1e1}}']) {
      const value = parse(text) as object
      expect(Object.keys(value)).toEqual(['__proto__'])
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect('polluted' in value).toBe(false)
      expect(compactJson(value)).toBe(text.replace('1e1', '10'))
    }
  })
})

describe('nesting', () => {
  const deep = (levels: number, core: string) => `${'['.repeat(levels)}${core}${']'.repeat(levels)}`

  test('that is reasonable is taken, with and without the look at every number', () => {
    expect(compactJson(parse(deep(500, '1')))).toBe(deep(500, '1'))
    expect(compactJson(parse(deep(500, '1e1')))).toBe(deep(500, '10'))
  })

  test('that is not is an error of the caller', () => {
    for (const levels of [10_000, 1_000_000]) {
      expect(codeOf(() => parse(deep(levels, '1e1')))).toBe('INVALID_REQUEST')
      expect(codeOf(() => compactJson(parse(deep(levels, '1'))))).toBe('INVALID_REQUEST')
    }
  })
})
