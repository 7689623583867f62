import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from './batch-builder.ts'
import { validateClientBatch } from './batch-validation.ts'
import { COMPRESSION_CODECS, type CompressionCodec } from './compression.ts'
import type { RecordInput } from './record.ts'
import { AT, RecordBatch } from './record-batch.ts'

const FIXTURES = new URL('../../../test/fixtures/batches/', import.meta.url)
const MAX_BYTES = 1024 * 1024
const RULES = { maxBatchBytes: MAX_BYTES, minTimestamp: 0, maxTimestamp: Number.MAX_SAFE_INTEGER }

interface Client {
  readonly client: string
  readonly version: string
  readonly directory: string
  readonly snappy: 'xerial' | 'raw'
  readonly batches: readonly { file: string; records: string; codec: CompressionCodec; producer?: object }[]
}
type Source = null | string | { base64: string } | { repeat: string; times: number } | { noise: number; bytes: number }
type RecordSource = { timestamp: number; key: Source; value: Source; headers: [string, Source][] }

const json = (file: string) => JSON.parse(readFileSync(new URL(file, FIXTURES), 'utf8'))
const clients: readonly Client[] = json('batches.json')
const sets: Record<string, RecordSource[]> = json('records.json')

/** The bytes that a source in records.json stands for; the README beside it says how. */
function decodeBytes(source: Source): Buffer | null {
  if (source === null) return null
  if (typeof source === 'string') return Buffer.from(source)
  if ('base64' in source) return Buffer.from(source.base64, 'base64')
  if ('repeat' in source) return Buffer.from(source.repeat.repeat(source.times))
  let state = source.noise
  return Buffer.from(
    Array.from({ length: source.bytes }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      return state >>> 24
    }),
  )
}

function recordsOf(set: string): RecordInput[] {
  return sets[set]!.map(({ timestamp, key, value, headers }) => ({
    timestamp,
    key: decodeBytes(key),
    value: decodeBytes(value),
    headers: headers.map(([name, header]) => ({ key: name, value: decodeBytes(header) })),
  }))
}

describe.each(clients)('batches of $client $version', ({ directory, snappy, batches }) => {
  it.each(batches)('$file', ({ file, records, codec, producer }) => {
    const batch = RecordBatch.at(readFileSync(new URL(`${directory}/${file}`, FIXTURES)))
    const expected = recordsOf(records)
    validateClientBatch(batch, RULES)
    expect(batch).toMatchObject({ codec, baseOffset: 0, recordCount: expected.length, producerId: -1, ...producer })
    expect(batch.maxTimestamp).toBe(Math.max(...expected.map(({ timestamp }) => timestamp)))
    const read = [...batch.records(MAX_BYTES)]
    expect(read.map(({ offset }) => offset)).toEqual(expected.map((_, offset) => offset))
    expect(read.map(({ offset: _, ...record }) => record)).toEqual(expected)
    if (codec === 'snappy') {
      const magic = batch.buffer.subarray(AT.records, AT.records + 8).toString('latin1')
      expect(magic === '\x82SNAPPY\x00' ? 'xerial' : 'raw').toBe(snappy)
    }
  })

  it('are all listed', () => {
    const files = readdirSync(new URL(directory, FIXTURES))
    expect(files.sort()).toEqual(batches.map(({ file }) => file).sort())
  })
})

describe('golden batches', () => {
  it.each(COMPRESSION_CODECS)('of %s come from at least two clients', (codec) => {
    const sources = clients.filter(({ batches }) => batches.some((batch) => batch.codec === codec))
    expect(sources.length).toBeGreaterThanOrEqual(2)
  })

  it('without compression are byte for byte what the builder makes of the same records', () => {
    const java = clients.find(({ client }) => client === 'org.apache.kafka:kafka-clients')!
    for (const { file, records, codec, producer } of java.batches) {
      if (codec !== 'none') continue
      const builder = new BatchBuilder()
      for (const record of recordsOf(records)) builder.append(record)
      const built = builder.build(producer === undefined ? {} : { producer: producer as never })
      const golden = RecordBatch.at(readFileSync(new URL(`${java.directory}/${file}`, FIXTURES)))
      golden.stamp(0, -1)
      expect(built.buffer.equals(golden.buffer)).toBe(true)
    }
  })
})
