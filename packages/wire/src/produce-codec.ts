import type { MillraceError } from '@millrace/record'
import { millrace } from '../generated/millrace.js'
import { checkElementCount } from './element-count.ts'
import { errorFromMessage, errorToMessage } from './errors.ts'
import { FRAME_HEADER_BYTES, writeFrameHeader } from './frame.ts'
import { decodeMessage, encodeMessage } from './message-type.ts'
import {
  bytesFieldBytes,
  FieldReader,
  intFieldBytes,
  malformed,
  varintBytes,
  writeBytesPrefix,
  writeIntField,
} from './protobuf.ts'
import { recordFromMessage, recordToMessage, type WireRecord } from './records.ts'

const { Error: ErrorMessage, Record } = millrace.v1

/** A message of a produce stream: a batch or records for one partition. */
export interface ProduceStreamRequest {
  /** The caller's own; its acknowledgement carries it. */
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly acks: 'committed' | 'none'
  /** Undefined: `records` are sent. */
  readonly batch: Buffer | undefined
  readonly records: readonly WireRecord[]
}

/** What became of one of them. */
export interface ProduceAck {
  readonly id: number
  /** Offset of the first record. */
  readonly baseOffset: number
  /** The largest timestamp of the batch as it is stored, in ms since 1970. */
  readonly timestamp: number
  /** The batch had been appended before; `baseOffset` is the first one's. */
  readonly duplicate: boolean
  /** Set when the append failed; the other fields but `id` then mean nothing. */
  readonly error: MillraceError | undefined
}

/**
 * The frame of a request as Buffers to be written one after another; the batch is the caller's, uncopied.
 * @throws MillraceError NUMBER_NOT_EXACT for an id that is not a safe integer
 */
export function frameProduceStreamRequest(request: ProduceStreamRequest): Buffer[] {
  const { id, topic, partition, acks, batch, records } = request
  const topicBytes = Buffer.byteLength(topic)
  const acksNumber = acks === 'none' ? 1 : 0
  const encoded = records.map((record) => encodeMessage(Record, recordToMessage(record)))
  let headBytes = intFieldBytes(id) + bytesFieldBytes(topicBytes) + intFieldBytes(partition) + intFieldBytes(acksNumber)
  for (const record of encoded) headBytes += bytesFieldBytes(record.length)
  if (batch !== undefined) headBytes += 1 + varintBytes(batch.length)
  const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + headBytes)
  writeFrameHeader(head, headBytes + (batch?.length ?? 0))
  let at = writeIntField(head, 1, id, FRAME_HEADER_BYTES)
  at = writeBytesPrefix(head, 2, topicBytes, at)
  at += head.write(topic, at)
  at = writeIntField(head, 3, partition, at)
  at = writeIntField(head, 4, acksNumber, at)
  for (const record of encoded) {
    at = writeBytesPrefix(head, 5, record.length, at)
    head.set(record, at)
    at += record.length
  }
  if (batch === undefined) return [head]
  writeBytesPrefix(head, 15, batch.length, at)
  return [head, batch]
}

/**
 * The batch, and keys and values of records, are views of `bytes`.
 * @throws MillraceError INVALID_REQUEST, NUMBER_NOT_EXACT; REQUEST_TOO_LARGE for absurdly many records or headers
 */
export function decodeProduceStreamRequest(bytes: Buffer): ProduceStreamRequest {
  const reader = new FieldReader(bytes)
  let id = 0
  let topic = ''
  let partition = 0
  let acks: ProduceStreamRequest['acks'] = 'committed'
  let batch: Buffer | undefined
  let records: WireRecord[] = NO_RECORDS
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x08) id = reader.readUint()
    else if (tag === 0x12) topic = reader.readString()
    else if (tag === 0x18) partition = reader.readInt32()
    else if (tag === 0x20) acks = acksOf(reader.readInt32())
    else if (tag === RECORDS_TAG) {
      if (records === NO_RECORDS) {
        checkElementCount(bytes, RECORDS_TAG)
        records = []
      }
      records.push(recordFromMessage(decodeMessage(Record, reader.readBytes())))
    } else if (tag === 0x7a) batch = reader.readBytes()
    else reader.skip(tag)
  }
  return { id, topic, partition, acks, batch, records }
}

const RECORDS_TAG = 0x2a
const NO_RECORDS: WireRecord[] = []

/** @throws MillraceError INVALID_REQUEST for a number that has no meaning */
export function acksOf(value: number): 'committed' | 'none' {
  if (value === 0) return 'committed'
  if (value === 1) return 'none'
  throw malformed(`acks ${value} has no meaning`)
}

/** The frame of one response that carries `acks`. */
export function frameProduceAcks(acks: readonly ProduceAck[]): Buffer {
  const failures = acks.map(({ error }) => error && encodeMessage(ErrorMessage, errorToMessage(error)))
  const lengths = acks.map((ack, index) => ackBytes(ack, failures[index]))
  const length = lengths.reduce((sum, bytes) => sum + bytesFieldBytes(bytes), 0)
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length)
  writeFrameHeader(frame, length)
  let at = FRAME_HEADER_BYTES
  for (const [index, ack] of acks.entries()) {
    at = writeBytesPrefix(frame, 1, lengths[index] as number, at)
    at = writeAck(frame, ack, failures[index], at)
  }
  return frame
}

function ackBytes(ack: ProduceAck, failure: Buffer | undefined): number {
  const { id, baseOffset, timestamp, duplicate } = ack
  if (failure !== undefined) return intFieldBytes(id) + bytesFieldBytes(failure.length)
  return intFieldBytes(id) + intFieldBytes(baseOffset) + intFieldBytes(timestamp) + (duplicate ? 2 : 0)
}

function writeAck(frame: Buffer, ack: ProduceAck, failure: Buffer | undefined, start: number): number {
  let at = writeIntField(frame, 1, ack.id, start)
  if (failure !== undefined) {
    at = writeBytesPrefix(frame, 5, failure.length, at)
    frame.set(failure, at)
    return at + failure.length
  }
  at = writeIntField(frame, 2, ack.baseOffset, at)
  at = writeIntField(frame, 3, ack.timestamp, at)
  return writeIntField(frame, 4, ack.duplicate ? 1 : 0, at)
}

/** @throws MillraceError INVALID_REQUEST, NUMBER_NOT_EXACT */
export function decodeProduceAcks(bytes: Buffer): ProduceAck[] {
  const acks: ProduceAck[] = []
  const reader = new FieldReader(bytes)
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) acks.push(decodeAck(reader.readBytes()))
    else reader.skip(tag)
  }
  return acks
}

function decodeAck(bytes: Buffer): ProduceAck {
  const reader = new FieldReader(bytes)
  let id = 0
  let baseOffset = 0
  let timestamp = 0
  let duplicate = false
  let error: MillraceError | undefined
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x08) id = reader.readUint()
    else if (tag === 0x10) baseOffset = reader.readInt()
    else if (tag === 0x18) timestamp = reader.readInt()
    else if (tag === 0x20) duplicate = reader.readUint() !== 0
    else if (tag === 0x2a) error = errorFromMessage(decodeMessage(ErrorMessage, reader.readBytes()))
    else reader.skip(tag)
  }
  return { id, baseOffset, timestamp, duplicate, error }
}
