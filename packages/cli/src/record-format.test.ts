import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Output } from './output.ts'
import type { PrintedRecord } from './printed-record.ts'
import { FORMATS, parseFormat } from './record-format.ts'

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

describe('parseFormat', () => {
  const printed = async (format: string): Promise<string> => {
    const chunks: Buffer[] = []
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk)
        done()
      },
    })
    const out = new Output(stream)
    await parseFormat(format)(out, record({ value: Buffer.from('v') }))
    await out.flush()
    return Buffer.concat(chunks).toString()
  }

  it('ends the line of a named format, and a template where it ends', async () => {
    expect(await printed('value')).toBe('v\n')
    expect(await printed('%o:%v')).toBe('5:v')
    expect(await printed('%o:%v\\n')).toBe('5:v\n')
  })

  it.each(['', 'values', 'toString', 'JSON'])('refuses %j with what there is', (text) => {
    expect(() => parseFormat(text)).toThrow(/value, key-value, json, or a template/)
  })
})
