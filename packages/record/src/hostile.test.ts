/*
 * Bytes from someone who means harm, or from a disk that forgot: whatever a batch says, reading it ends with a
 * MillraceError or with records within the bounds.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BatchBuilder } from './batch-builder.ts'
import { validateClientBatch } from './batch-validation.ts'
import { checksum } from './checksum.ts'
import { COMPRESSION_CODECS, type CompressionCodec, codecNumber, compress } from './compression.ts'
import { MillraceError } from './errors.ts'
import type { StoredRecord } from './record.ts'
import { AT, BATCH_HEADER_BYTES, RecordBatch } from './record-batch.ts'
import { writeVarint, writeVarlong } from './varint.ts'

const MAX_BYTES = 64 * 1024
const RULES = { maxBatchBytes: MAX_BYTES, minTimestamp: 0, maxTimestamp: Number.MAX_SAFE_INTEGER }
const CODES = ['CORRUPT_BATCH', 'INVALID_BATCH', 'INVALID_TIMESTAMP', 'BATCH_TOO_LARGE', 'UNSUPPORTED_COMPRESSION']

function sample(compression: CompressionCodec): Buffer {
  const builder = new BatchBuilder()
  for (let index = 0; index < 6; index++) {
    builder.append({
      timestamp: 1_760_000_000_000 + index * 40,
      key: index % 2 === 0 ? null : Buffer.from(`key ${index}`),
      value: Buffer.from(`a value that repeats itself, a value that repeats itself: ${index}`),
      headers:
        index === 3
          ? [
              { key: 'h', value: null },
              { key: 'ü', value: Buffer.alloc(3) },
            ]
          : [],
    })
  }
  return builder.build({ compression, producer: { producerId: 5, producerEpoch: 1, baseSequence: 9 } }).buffer
}

interface Read {
  readonly hasValidChecksum: boolean
  readonly error?: MillraceError
  readonly records?: StoredRecord[]
}

/** Opens the batch in `bytes` all the way; throws only what is no MillraceError of a documented code. */
function read(bytes: Buffer): Read {
  let hasValidChecksum = false
  try {
    const batch = RecordBatch.at(bytes)
    hasValidChecksum = batch.hasValidChecksum()
    return { hasValidChecksum, records: [...batch.records(MAX_BYTES)] }
  } catch (error) {
    return { hasValidChecksum, error: documented(error) }
  }
}

function validate(bytes: Buffer): MillraceError | undefined {
  try {
    validateClientBatch(RecordBatch.at(bytes), RULES)
  } catch (error) {
    return documented(error)
  }
  return undefined
}

function documented(error: unknown): MillraceError {
  if (!(error instanceof MillraceError) || !CODES.includes(error.code)) throw error
  return error
}

function fixChecksum(bytes: Buffer): Buffer {
  const end = bytes.readInt32BE(AT.batchLength) + 12
  if (end >= BATCH_HEADER_BYTES && end <= bytes.length)
    bytes.writeUInt32BE(checksum(bytes.subarray(AT.attributes, end)), AT.crc)
  return bytes
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >>> 3]! ^= 1 << (bit & 7)
  return copy
}

function expectWithinBounds(records: readonly StoredRecord[], bytes: Buffer): void {
  const { baseOffset, lastOffset, recordCount } = RecordBatch.at(bytes)
  expect(records).toHaveLength(recordCount)
  let previous = baseOffset - 1
  for (const { offset, timestamp, key, value } of records) {
    expect(offset > previous && offset <= lastOffset && Number.isSafeInteger(timestamp)).toBe(true)
    expect((key?.length ?? 0) + (value?.length ?? 0)).toBeLessThanOrEqual(MAX_BYTES)
    previous = offset
  }
}

let allocatedBytes: number[] = []
beforeEach(() => {
  allocatedBytes = [0]
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name]
    vi.spyOn(Buffer, name).mockImplementation((size: number, ...rest: []) => {
      allocatedBytes.push(size)
      return original.call(Buffer, size, ...rest)
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  expect(Math.max(...allocatedBytes)).toBeLessThanOrEqual(MAX_BYTES)
})

describe.each(COMPRESSION_CODECS)('a batch with %s', (codec) => {
  it('is refused at every truncation', () => {
    const bytes = sample(codec)
    for (let length = 0; length < bytes.length; length++)
      expect(read(bytes.subarray(0, length)).error?.code).toBe('CORRUPT_BATCH')
  })

  it('is refused at every truncation that says how short it is, even with the checksum that goes with it', () => {
    const bytes = sample(codec)
    for (let length = BATCH_HEADER_BYTES; length < bytes.length; length++) {
      const cut = Buffer.from(bytes.subarray(0, length))
      cut.writeInt32BE(length - 12, AT.batchLength)
      expect(RecordBatch.at(cut).hasValidChecksum()).toBe(false)
      expect(read(fixChecksum(cut)).error?.code).toMatch(/CORRUPT_BATCH|INVALID_BATCH/)
    }
  })

  it('shows every flipped bit that its checksum covers', () => {
    const bytes = sample(codec)
    for (let bit = AT.batchLength * 8; bit < bytes.length * 8; bit++) {
      const isLeaderEpoch = bit >= AT.leaderEpoch * 8 && bit < AT.magic * 8
      const { hasValidChecksum } = read(flipped(bytes, bit))
      expect(hasValidChecksum).toBe(isLeaderEpoch)
    }
  })

  it('with any bit flipped and the checksum that goes with it is refused or stays within the bounds', () => {
    const bytes = sample(codec)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = fixChecksum(flipped(bytes, bit))
      validate(changed)
      const { records } = read(changed)
      if (records !== undefined) expectWithinBounds(records, changed)
    }
  })

  it('with any byte set to ff, 80, 7f or 00 is refused or stays within the bounds', () => {
    const bytes = sample(codec)
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0xff, 0x80, 0x7f, 0]) {
        const changed = Buffer.from(bytes)
        changed[at] = value
        validate(fixChecksum(changed))
        const { records } = read(changed)
        if (records !== undefined) expectWithinBounds(records, changed)
      }
    }
  })
})

/** Bytes of records, field by field: numbers become varints, bigints varlongs, buffers stand as they are. */
function fields(...parts: (number | bigint | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'object') return part
      const bytes = Buffer.alloc(10)
      const end = typeof part === 'bigint' ? writeVarlong(bytes, Number(part), 0) : writeVarint(bytes, part, 0)
      return bytes.subarray(0, end)
    }),
  )
}
const ZERO = Buffer.from([0])
const record = (body: Buffer, length = body.length): Buffer => fields(length, body)

function batchAround(records: Buffer, codec: CompressionCodec, count = 1): Buffer {
  const block = codec === 'none' ? records : compress(codec, records)
  const header = sample('none').subarray(0, BATCH_HEADER_BYTES)
  const bytes = Buffer.concat([header, block])
  bytes.writeInt32BE(bytes.length - 12, AT.batchLength)
  bytes.writeInt16BE(codecNumber(codec), AT.attributes)
  bytes.writeInt32BE(count, AT.recordCount)
  bytes.writeInt32BE(count - 1, AT.lastOffsetDelta)
  return fixChecksum(bytes)
}

const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)
const GOOD_BODY = fields(ZERO, 0n, 0, -1, -1, 0)
const GOOD = record(GOOD_BODY)
const SECOND = record(fields(ZERO, 0n, 1, -1, -1, 0))
const LIES: [string, Buffer, number?][] = [
  ['a record count of 2^31 - 1', GOOD, INT32_MAX],
  ['a record count of 2^31 - 1 and many records', Buffer.concat(Array(4000).fill(GOOD)), INT32_MAX],
  ['one record more than counted', Buffer.concat([GOOD, GOOD])],
  ['no records at all', Buffer.alloc(0)],
  ['a record length of 2^31 - 1', record(fields(ZERO, 0n, 0, -1, -1, 0), INT32_MAX)],
  ['a record length of -2^31', record(fields(ZERO, 0n, 0, -1, -1, 0), INT32_MIN)],
  ['a record length that ends before its last field', record(GOOD_BODY, GOOD_BODY.length - 1)],
  [
    'a record length that reaches into the next record',
    Buffer.concat([record(GOOD_BODY, GOOD_BODY.length + 1), SECOND]),
    2,
  ],
  ['a record length of 0', record(Buffer.alloc(0))],
  ['an offset delta of 2^31 - 1', record(fields(ZERO, 0n, INT32_MAX, -1, -1, 0))],
  ['an offset delta of -1', record(fields(ZERO, 0n, -1, -1, -1, 0))],
  ['a timestamp beyond 2^53', record(fields(ZERO, BigInt(Number.MAX_SAFE_INTEGER), 0, -1, -1, 0))],
  ['a timestamp delta of ten bytes', record(fields(ZERO, Buffer.alloc(9, 0xff), Buffer.from([1]), 0, -1, -1, 0))],
  ['a key length of 2^31 - 1', record(fields(ZERO, 0n, 0, INT32_MAX, -1, 0))],
  ['a key length of -2^31', record(fields(ZERO, 0n, 0, INT32_MIN, -1, 0))],
  ['a value length of 2^31 - 1', record(fields(ZERO, 0n, 0, -1, INT32_MAX, 0))],
  ['a value length of -2', record(fields(ZERO, 0n, 0, -1, -2, 0))],
  ['a header count of 2^31 - 1', record(fields(ZERO, 0n, 0, -1, -1, INT32_MAX))],
  ['a header count of -2^31', record(fields(ZERO, 0n, 0, -1, -1, INT32_MIN))],
  [
    'more headers than are allowed, all there',
    record(fields(ZERO, 0n, 0, -1, -1, 30_000, Buffer.alloc(60_000, Buffer.from([0, 1])))),
  ],
  ['a header key length of 2^31 - 1', record(fields(ZERO, 0n, 0, -1, -1, 1, INT32_MAX))],
  ['a header key length of -1', record(fields(ZERO, 0n, 0, -1, -1, 1, -1, -1))],
  ['a header value length of 2^31 - 1', record(fields(ZERO, 0n, 0, -1, -1, 1, 0, INT32_MAX))],
]

describe.each(COMPRESSION_CODECS)('records in %s with', (codec) => {
  it.each(LIES)('%s are refused', (_, records, count = 1) => {
    const bytes = batchAround(records, codec, count)
    expect(read(bytes).error?.code).toMatch(/INVALID_BATCH|CORRUPT_BATCH/)
    if (codec === 'none') expect(validate(bytes)?.code).toMatch(/INVALID_BATCH|INVALID_TIMESTAMP/)
  })

  it('nothing wrong are read', () => {
    expect(read(batchAround(GOOD, codec)).records).toHaveLength(1)
  })
})
