import { MillraceError } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { millrace } from '../generated/millrace.js'
import { errorToMessage } from './errors.ts'
import {
  decodeFetchResponse,
  decodeFetchStreamResponse,
  type FetchPosition,
  frameFetchResponse,
  frameFetchStreamError,
  frameFetchStreamResponse,
} from './fetch-codec.ts'
import { FRAME_HEADER_BYTES } from './frame.ts'
import { fromInt64, type Int64, toInt64 } from './int64.ts'
import { UNARY } from './methods.ts'
import {
  decodeProduceAcks,
  decodeProduceStreamRequest,
  frameProduceAcks,
  frameProduceStreamRequest,
  type ProduceAck,
  type ProduceStreamRequest,
} from './produce-codec.ts'
import { recordToMessage, type WireRecord } from './records.ts'

const { v1 } = millrace

/** The message in a frame, after its header was checked. */
function unframe(parts: Buffer | readonly Buffer[]): Buffer {
  const frame = Buffer.concat([parts].flat())
  expect(frame[0]).toBe(0)
  expect(frame.readUInt32BE(1)).toBe(frame.length - FRAME_HEADER_BYTES)
  return frame.subarray(FRAME_HEADER_BYTES)
}

const buffer = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
const uint = fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.constantFrom(0x7fff_ffff, 0x8000_0000, 2 ** 32, 2 ** 49))
const int = fc.oneof(uint, fc.maxSafeInteger(), fc.constant(-1))
const record: fc.Arbitrary<WireRecord> = fc.record({
  key: fc.option(buffer),
  value: fc.option(buffer),
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: fc.option(buffer) }), { maxLength: 3 }),
  timestamp: fc.option(int, { nil: undefined }),
  partition: fc.option(fc.nat(), { nil: undefined }),
})
const produceRequest: fc.Arbitrary<ProduceStreamRequest> = fc.record({
  id: uint,
  topic: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 249 }),
  partition: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  acks: fc.constantFrom('committed' as const, 'none' as const),
  batch: fc.option(buffer, { nil: undefined }),
  records: fc.array(record, { maxLength: 3 }),
})
const failure = fc
  .record({ code: fc.constantFrom('TOPIC_NOT_FOUND' as const, 'DISK_FULL' as const), message: fc.string(), at: int })
  .map(({ code, message, at }) => new MillraceError(code, message, { details: { at, why: 'because' } }))
const ack: fc.Arbitrary<ProduceAck> = fc.oneof(
  fc.record({ id: uint, baseOffset: int, timestamp: int, duplicate: fc.boolean(), error: fc.constant(undefined) }),
  fc.record({ id: uint, error: failure }).map((a) => ({ ...a, baseOffset: 0, timestamp: 0, duplicate: false })),
)
const position: fc.Arbitrary<FetchPosition> = fc.record({
  nextOffset: uint,
  logStartOffset: uint,
  highWatermark: uint,
  lastStableOffset: uint,
  abortedTransactions: fc.array(fc.record({ producerId: uint, firstOffset: uint }), { maxLength: 3 }),
})

function longs<Name extends string>(fields: Readonly<Record<Name, number>>): Record<Name, Int64> {
  const entries = Object.entries<number>(fields).map(([name, value]) => [name, toInt64(value)] as const)
  return Object.fromEntries(entries) as Record<Name, Int64>
}

function positionMessage({ abortedTransactions, ...offsets }: FetchPosition) {
  return {
    ...longs(offsets),
    abortedTransactions: abortedTransactions.map(({ producerId, firstOffset }) => longs({ producerId, firstOffset })),
  }
}

describe('the hot messages', () => {
  test('ProduceStreamRequest is what protobufjs makes of it, and comes back', () => {
    fc.assert(
      fc.property(produceRequest, (request) => {
        const { id, topic, partition, acks, batch, records } = request
        const ours = unframe(frameProduceStreamRequest(request))
        const theirs = v1.ProduceStreamRequest.encode({
          id: toInt64(id),
          topic,
          partition,
          acks: acks === 'none' ? v1.Acks.ACKS_NONE : v1.Acks.ACKS_COMMITTED,
          records: records.map(recordToMessage),
          ...(batch !== undefined && batch.length > 0 && { batch }),
        }).finish()
        // Proto3 leaves out what is empty; a batch of no bytes is still one, to be refused as such.
        if (batch?.length !== 0) expect(ours.equals(theirs)).toBe(true)
        expect(decodeProduceStreamRequest(ours)).toEqual(request)
      }),
    )
  })

  test('a request passes its batch on, and a decoded one is a view', () => {
    const batch = Buffer.from('a batch')
    const parts = frameProduceStreamRequest({
      id: 1,
      topic: 't',
      partition: 0,
      acks: 'committed',
      batch,
      records: [],
    })
    expect(parts[1]).toBe(batch)
    const message = unframe(parts)
    expect(decodeProduceStreamRequest(message).batch!.buffer).toBe(message.buffer)
  })

  test('ProduceStreamResponse is what protobufjs makes of it, and comes back', () => {
    fc.assert(
      fc.property(fc.array(ack, { maxLength: 5 }), (acks) => {
        const ours = unframe(frameProduceAcks(acks))
        const theirs = v1.ProduceStreamResponse.encode({
          acks: acks.map(({ id, baseOffset, timestamp, duplicate, error }) => ({
            ...longs({ id, baseOffset, timestamp }),
            duplicate,
            ...(error !== undefined && { error: errorToMessage(error) }),
          })),
        }).finish()
        expect(ours.equals(theirs)).toBe(true)
        expect(decodeProduceAcks(ours)).toEqual(acks)
        for (const [index, { error }] of decodeProduceAcks(ours).entries()) {
          expect(error?.details).toEqual(acks[index]?.error?.details)
        }
      }),
    )
  })

  test('FetchStreamResponse is what protobufjs makes of it, and comes back', () => {
    const numbers = fc.nat({ max: 0xffff_ffff })
    fc.assert(
      fc.property(numbers, numbers, position, fc.array(buffer, { maxLength: 3 }), (number, generation, at, batches) => {
        const parts = frameFetchStreamResponse(number, generation, at, batches)
        const ours = unframe(parts)
        const whole = Buffer.concat(batches)
        const message = { subscription: number, generation, ...positionMessage(at), batches: whole }
        expect(ours.equals(v1.FetchStreamResponse.encode(message).finish())).toBe(true)
        const expected = { ...at, subscription: number, generation, error: undefined, batches: whole }
        expect(decodeFetchStreamResponse(ours)).toEqual(expected)
        if (whole.length > 0) expect(parts.slice(1)).toEqual(batches)
      }),
    )
  })

  test('FetchResponse is what protobufjs makes of it, and comes back', () => {
    fc.assert(
      fc.property(position, buffer, (at, batches) => {
        const ours = unframe(frameFetchResponse(at, [batches]))
        expect(ours.equals(v1.FetchResponse.encode({ ...positionMessage(at), batches }).finish())).toBe(true)
        expect(decodeFetchResponse(ours)).toMatchObject({ ...at, batches })
      }),
    )
  })

  test('a failed subscription is told as protobufjs would', () => {
    const error = new MillraceError('OFFSET_OUT_OF_RANGE', 'no', { details: { logStartOffset: 3, highWatermark: 9 } })
    const ours = unframe(frameFetchStreamError(7, 2, error))
    const theirs = v1.FetchStreamResponse.encode({ subscription: 7, generation: 2, error: errorToMessage(error) })
    expect(ours.equals(theirs.finish())).toBe(true)
    const decoded = decodeFetchStreamResponse(ours)
    expect(decoded).toMatchObject({ subscription: 7, generation: 2 })
    expect(decoded.error).toMatchObject({ code: error.code, message: error.message, details: error.details })
  })
})

describe('bytes from anyone', () => {
  const decoders = [
    decodeProduceStreamRequest,
    decodeProduceAcks,
    decodeFetchStreamResponse,
    decodeFetchResponse,
    UNARY.produce.decodeRequest,
    UNARY.createTopic.decodeRequest,
  ]

  test('decode or fail with a code, and never read past their end', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(produceRequest, fc.nat(), fc.nat(255)).map(([request, at, byte]) => {
        const bytes = Buffer.concat(frameProduceStreamRequest(request)).subarray(FRAME_HEADER_BYTES)
        if (bytes.length > 0) bytes[at % bytes.length] = byte
        return bytes
      }),
    )
    fc.assert(
      fc.property(hostile, fc.constantFrom(...decoders), (bytes, decode) => {
        try {
          decode(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(MillraceError)
          expect(['INVALID_REQUEST', 'NUMBER_NOT_EXACT']).toContain((error as MillraceError).code)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('every truncation of a request fails or decodes to less', () => {
    const message = unframe(
      frameProduceStreamRequest({
        id: 300,
        topic: 'topic',
        partition: 5,
        acks: 'none',
        batch: Buffer.alloc(40, 1),
        records: [{ key: null, value: Buffer.from('v') }],
      }),
    )
    for (let length = 0; length < message.length; length++) {
      try {
        expect(decodeProduceStreamRequest(message.subarray(0, length)).batch).toBeUndefined()
      } catch (error) {
        expect((error as MillraceError).code).toBe('INVALID_REQUEST')
      }
    }
  })

  test('fields that are not known are passed over', () => {
    const unknown = Buffer.from([0xa0, 0x06, 0xff, 0x01, 0xa2, 0x06, 0x01, 0x00, 0xa5, 0x06, 1, 2, 3, 4])
    const known = unframe(frameProduceAcks([{ id: 5, baseOffset: 1, timestamp: 2, duplicate: true, error: undefined }]))
    expect(decodeProduceAcks(Buffer.concat([unknown, known, unknown]))).toMatchObject([{ id: 5 }])
  })

  test('integers that a number cannot hold are refused', () => {
    const id = Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
    expect(() => decodeProduceStreamRequest(id)).toThrow(expect.objectContaining({ code: 'NUMBER_NOT_EXACT' }))
    expect(() => toInt64(2 ** 53)).toThrow(expect.objectContaining({ code: 'NUMBER_NOT_EXACT' }))
    expect(() => toInt64(0.5)).toThrow(expect.objectContaining({ code: 'NUMBER_NOT_EXACT' }))
    expect(() => fromInt64({ ...toInt64(0), high: 0x20_0000 } as never)).toThrow(
      expect.objectContaining({ code: 'NUMBER_NOT_EXACT' }),
    )
  })

  test('64-bit integers come back', () => {
    fc.assert(fc.property(int, (value) => fromInt64(toInt64(value)) === value))
  })

  test('a message of millions of empty records or headers is refused before it is decoded', () => {
    const records = Buffer.alloc(1_000_000, Buffer.from([0x1a, 0x00]))
    expect(() => UNARY.produce.decodeRequest(records)).toThrow(expect.objectContaining({ code: 'REQUEST_TOO_LARGE' }))
    const headers = Buffer.concat([Buffer.from([0x2a, 0xc0, 0x84, 0x3d]), records])
    expect(() => decodeProduceStreamRequest(headers)).toThrow(expect.objectContaining({ code: 'REQUEST_TOO_LARGE' }))
  })
})
