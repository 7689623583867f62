import { describe, expect, it } from 'vitest'
import { FORMATS, type PrintedRecord } from './record-format.ts'

const RAW = Buffer.from([0xff, 0x00, 0x0a])
const record = (parts: Partial<PrintedRecord>): PrintedRecord => ({
  topic: 'orders',
  partition: 1,
  offset: 5,
  timestamp: 1_790_000_000_000,
  key: null,
  value: null,
  headers: [],
  ...parts,
})

describe('formats', () => {
  it('value and key-value print the bytes as they are', () => {
    expect(FORMATS.value(record({ key: Buffer.from('k'), value: RAW }))).toEqual(RAW)
    expect(FORMATS['key-value'](record({ key: Buffer.from('k'), value: RAW }))).toEqual(
      Buffer.concat([Buffer.from('k\t'), RAW]),
    )
    expect(FORMATS['key-value'](record({})).toString()).toBe('\t')
  })

  it('json keeps apart null, empty, text and raw bytes', () => {
    const headers = [
      { key: 'h', value: Buffer.from('é') },
      { key: 'h', value: RAW },
      { key: 'n', value: null },
    ]
    expect(JSON.parse(FORMATS.json(record({ key: Buffer.alloc(0), value: RAW, headers })))).toEqual({
      topic: 'orders',
      partition: 1,
      offset: 5,
      timestamp: 1_790_000_000_000,
      key: '',
      valueBase64: RAW.toString('base64'),
      headers: [
        { key: 'h', value: 'é' },
        { key: 'h', valueBase64: RAW.toString('base64') },
        { key: 'n', value: null },
      ],
    })
    expect(JSON.parse(FORMATS.json(record({})))).toMatchObject({ key: null, value: null })
  })
})
