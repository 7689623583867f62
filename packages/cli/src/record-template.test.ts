import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PrintedRecord } from './printed-record.ts'
import { ESCAPES_HELP, FIELDS, parseTemplate } from './record-template.ts'

const bytes = fc.option(fc.uint8Array({ maxLength: 30 }).map((content) => Buffer.from(content)))
const records: fc.Arbitrary<PrintedRecord> = fc.record({
  topic: fc.string(),
  partition: fc.nat(),
  offset: fc.maxSafeNat(),
  timestamp: fc.maxSafeInteger(),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.record({ key: fc.string(), value: bytes }), { maxLength: 4 }),
})
const RECORD: PrintedRecord = {
  topic: 'orders',
  partition: 1,
  offset: 5,
  timestamp: 1_790_000_000_000,
  key: Buffer.from('k'),
  value: null,
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'a', value: null },
  ],
}
/** What a field prints, told apart from how the template does it. */
const EXPECTED: Readonly<Record<string, (record: PrintedRecord) => Buffer>> = {
  t: ({ topic }) => Buffer.from(topic),
  p: ({ partition }) => Buffer.from(`${partition}`),
  o: ({ offset }) => Buffer.from(`${offset}`),
  T: ({ timestamp }) => Buffer.from(`${timestamp}`),
  k: ({ key }) => key ?? Buffer.alloc(0),
  v: ({ value }) => value ?? Buffer.alloc(0),
  s: ({ value }) => value ?? Buffer.alloc(0),
  K: ({ key }) => Buffer.from(key === null ? '-1' : `${key.length}`),
  S: ({ value }) => Buffer.from(value === null ? '-1' : `${value.length}`),
}

describe('a template', () => {
  it('prints every field, escape and text of a record', () => {
    expect(parseTemplate('%t[%p]@%o %T %k(%K)=%v%s(%S) %h 100%%\\t\\r\\n\\0\\\\ é🙂')(RECORD).toString()).toBe(
      'orders[1]@5 1790000000000 k(1)=(-1) a=1,a= 100%\t\r\n\0\\ é🙂',
    )
  })

  it('takes any record, and lets raw bytes through', () => {
    const letters = fc.constantFrom(...Object.keys(EXPECTED))
    const literal = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[%\\]/g, ''))
    fc.assert(
      fc.property(records, fc.array(fc.tuple(literal, letters)), (record, parts) => {
        const template = parts.map(([text, letter]) => `${text}%${letter}`).join('')
        const expected = parts.flatMap(([text, letter]) => [Buffer.from(text), EXPECTED[letter]!(record)])
        expect(parseTemplate(template)(record)).toEqual(Buffer.concat(expected))
      }),
    )
  })

  it('has the bytes of all headers in it', () => {
    fc.assert(
      fc.property(records, (record) => {
        const expected = record.headers.flatMap(({ key, value }, index) => [
          Buffer.from(index === 0 ? `${key}=` : `,${key}=`),
          value ?? Buffer.alloc(0),
        ])
        expect(parseTemplate('%h')(record)).toEqual(Buffer.concat(expected))
      }),
    )
  })

  it('is refused, or prints, whatever its text is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('%', '\\', 'v', 'n', 'q', '🙂', 'é') }),
        records,
        (text, record) => {
          let print: ReturnType<typeof parseTemplate>
          try {
            print = parseTemplate(text)
          } catch (error) {
            expect(error).toMatchObject({
              name: 'UsageError',
              message: expect.stringMatching(/^--format: .*there are /),
            })
            return
          }
          expect(print(record)).toBeInstanceOf(Buffer)
        },
      ),
    )
  })

  it.each([
    ['%q', '%q is unknown'],
    ['%🙂', '%🙂 is unknown'],
    ['a%', 'it ends with %'],
    ['\\x', '\\x is unknown'],
    ['\\', 'it ends with \\'],
  ])('%j is refused with what there is', (text, message) => {
    expect(() => parseTemplate(text)).toThrow(message)
    const known = text.startsWith('\\') ? ESCAPES_HELP : Object.entries(FIELDS).map(([letter]) => `%${letter} `)[0]!
    expect(() => parseTemplate(text)).toThrow(known)
  })
})
