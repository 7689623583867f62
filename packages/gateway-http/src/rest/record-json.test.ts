import type { PlainRecord } from '@millrace/broker'
import { MillraceError, type StoredRecord } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeRecord, fetchedJson, recordText } from './record-json.ts'
import type { RecordJson } from './schemas.ts'

const decode = (json: RecordJson) => decodeRecord(json, 'records/0')

/** What the log would give back. */
function stored({ key, value, headers = [] }: PlainRecord): StoredRecord {
  return { offset: 7, timestamp: 1_000, key, value, headers }
}

const encode = (record: PlainRecord, form: 'bytes' | 'json' = 'bytes') => JSON.parse(recordText(stored(record), form))

function refusal(json: RecordJson): string {
  try {
    decode(json)
  } catch (error) {
    if (error instanceof MillraceError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'taken'
}

describe('in', () => {
  test.each([
    ['a string', 'grün', 'grün'],
    ['an empty string', '', ''],
    ['a number', 42, '42'],
    ['a boolean', false, 'false'],
    ['an object', { b: [1, 'x', null], a: { c: 1.5 } }, '{"b":[1,"x",null],"a":{"c":1.5}}'],
    ['an array', [], '[]'],
  ])('%s', (_, json, text) => {
    const { key, value } = decode({ key: json, value: json })
    expect(key?.toString()).toBe(text)
    expect(value?.toString()).toBe(text)
  })

  test('null is null, and nothing is no key', () => {
    expect(decode({ key: null, value: null })).toMatchObject({ key: null, value: null })
    const record = { key: null, value: null, headers: [], partition: undefined, timestamp: undefined }
    expect(decode({ value: null })).toEqual(record)
  })

  test('a value that is not there is refused: it would be a tombstone that nobody asked for', () => {
    const refused = 'INVALID_REQUEST: records/0 must have value or valueBase64; null stands for none'
    expect(refusal({})).toBe(refused)
    expect(refusal({ key: 'a', headers: { h: 'x' }, partition: 0, timestamp: 5 })).toBe(refused)
    expect(refusal({ value: 'x', headers: [{ key: 'h' }] })).toBe(refused.replace('records/0', 'records/0/headers/0'))
  })

  test('base64 is bytes', () => {
    expect(decode({ keyBase64: '/w==', valueBase64: '' })).toMatchObject({
      key: Buffer.from([0xff]),
      value: Buffer.alloc(0),
    })
  })

  test.each(['/w', '/w=', '_w==', '/x==', ' /w==', '/w==\n', '/w==/w==', '=', 'a', '/w==x'])(
    'base64 that is not strict is refused: %j',
    (valueBase64) => {
      expect(refusal({ valueBase64 })).toBe('INVALID_REQUEST: records/0/valueBase64 is not base64')
    },
  )

  test('both forms of one thing are refused, also when one is null', () => {
    expect(refusal({ key: 'a', keyBase64: 'YQ==' })).toContain('both key and keyBase64')
    expect(refusal({ value: null, valueBase64: 'YQ==' })).toContain('both value and valueBase64')
    const headers = [{ key: 'h', value: 'a', valueBase64: 'YQ==' }]
    expect(refusal({ value: 'a', headers })).toContain('records/0/headers/0 has both')
  })

  test('half of a surrogate pair is refused in strings, and kept as an escape within JSON', () => {
    expect(refusal({ key: 'a\ud800' })).toMatch(/^INVALID_REQUEST: records\/0\/key /)
    expect(refusal({ value: '\udc00' })).toMatch(/^INVALID_REQUEST: records\/0\/value /)
    expect(refusal({ value: 'a', headers: { '\ud800': 'x' } })).toMatch(/^INVALID_REQUEST/)
    expect(refusal({ value: 'a', headers: { h: '\ud800' } })).toMatch(/^INVALID_REQUEST/)
    expect(decode({ value: ['\ud800'] }).value?.toString()).toBe('["\\ud800"]')
  })

  test('headers come as an object or as an array with names that repeat', () => {
    const bytes = (text: string) => Buffer.from(text)
    expect(decode({ value: 'a', headers: { a: 'x', b: null, c: { d: 1 } } }).headers).toEqual([
      { key: 'a', value: bytes('x') },
      { key: 'b', value: null },
      { key: 'c', value: bytes('{"d":1}') },
    ])
    const repeated = [
      { key: 'a', value: 'x' },
      { key: 'a', valueBase64: '/w==' },
      { key: 'a', value: null },
      { key: '', value: '' },
    ]
    expect(decode({ value: 'a', headers: repeated }).headers).toEqual([
      { key: 'a', value: bytes('x') },
      { key: 'a', value: Buffer.from([0xff]) },
      { key: 'a', value: null },
      { key: '', value: Buffer.alloc(0) },
    ])
  })

  test('a header named __proto__ is a header like any other', () => {
    const { headers } = decode(JSON.parse('{"value":1,"headers":{"__proto__":"x"}}') as RecordJson)
    expect(headers).toEqual([{ key: '__proto__', value: Buffer.from('x') }])
  })
})

describe('out', () => {
  const bytes = (...values: number[]) => Buffer.from(values)

  test('UTF-8 is a string, other bytes are base64, null is null', () => {
    const record = {
      key: Buffer.from('k'),
      value: bytes(0xc3),
      headers: [
        { key: 'a', value: null },
        { key: 'a', value: bytes(0xff) },
        { key: 'b', value: Buffer.from('"') },
      ],
    }
    expect(encode(record)).toEqual({
      offset: 7,
      timestamp: 1_000,
      key: 'k',
      valueBase64: 'ww==',
      headers: [
        { key: 'a', value: null },
        { key: 'a', valueBase64: '/w==' },
        { key: 'b', value: '"' },
      ],
    })
    expect(encode({ key: null, value: null })).toEqual({
      offset: 7,
      timestamp: 1_000,
      key: null,
      value: null,
      headers: [],
    })
  })

  test.each([
    ['{"a": [1,\n2]}', { a: [1, 2] }],
    ['42', 42],
    ['"x"', 'x'],
    ['plain', 'plain'],
    ['{', '{'],
    ['', ''],
    ['01', '01'],
    ['{"a":1}}', '{"a":1}}'],
    ['1,"key":"forged"', '1,"key":"forged"'],
  ])('as JSON, %j is %j', (text, value) => {
    expect(encode({ key: Buffer.from('1'), value: Buffer.from(text) }, 'json')).toMatchObject({ key: '1', value })
  })

  test('as JSON, a number stays as it was written and no line is broken', () => {
    const text = recordText(stored({ key: null, value: Buffer.from('[9007199254740993,\r\n1.0]') }), 'json')
    expect(text).toContain('"value":[9007199254740993, 1.0]')
    expect(text).not.toMatch(/[\r\n]/)
  })

  test('as JSON, what is nested without end does no harm', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    expect(recordText(stored({ key: null, value: Buffer.from(deep) }), 'json')).toContain(deep)
  })
})

test('what was read is one JSON text, however many pieces it is made of', () => {
  const value = fc.integer({ min: 0, max: 40_000 }).map((length) => Buffer.alloc(length, 'v'))
  fc.assert(
    fc.property(fc.array(value, { maxLength: 12 }), (values) => {
      const records = values.map((value, offset) => ({ offset, timestamp: 1, key: null, value, headers: [] }))
      const read = { records, nextOffset: 12, highWatermark: 13, logStartOffset: 0, sizeBytes: 0 }
      expect(JSON.parse(fetchedJson(read).toString())).toEqual({
        records: records.map((record) => ({ ...record, value: record.value.toString() })),
        nextOffset: 12,
        highWatermark: 13,
        logStartOffset: 0,
      })
    }),
  )
})

describe('there and back', () => {
  const anyBytes = fc.oneof(
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  )
  const anyRecord = fc.record({
    key: anyBytes,
    value: anyBytes,
    headers: fc.array(fc.record({ key: fc.string({ unit: 'binary' }), value: anyBytes }), { maxLength: 4 }),
  })

  test('what a fetch gives can be produced again and is the same bytes', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const { offset, timestamp, ...json } = encode(record)
        expect(offset).toBe(7)
        expect(timestamp).toBe(1_000)
        expect(decode(json)).toMatchObject(record)
      }),
    )
  })

  test('strings come back as they were sent, all other JSON by as=json', () => {
    const members = fc.record({
      value: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })),
    })
    fc.assert(
      fc.property(members, ({ value }) => {
        const json = JSON.parse(JSON.stringify(value)) as unknown
        const record = decode({ value: json })
        if (typeof json === 'string') expect(encode(record).value).toBe(json)
        else expect(encode(record, 'json').value).toEqual(json)
      }),
    )
  })
})
