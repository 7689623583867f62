import type { MillraceError } from '@millrace/record'
import { millrace } from '../generated/millrace.js'
import { errorFromMessage, errorToMessage } from './errors.ts'
import { FRAME_HEADER_BYTES, writeFrameHeader } from './frame.ts'
import { decodeMessage, encodeMessage } from './message-type.ts'
import {
  bytesFieldBytes,
  FieldReader,
  intFieldBytes,
  varintBytes,
  writeBytesPrefix,
  writeIntField,
} from './protobuf.ts'

const { Error: ErrorMessage } = millrace.v1

/** A transaction that was aborted, among the offsets that a fetch returned. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/** Where a partition stands after a fetch. Offsets are exclusive ends, but for the log start. */
export interface FetchPosition {
  /** Where to read on. */
  readonly nextOffset: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[]
}

/** The answer to one fetch. */
export interface FetchResponse extends FetchPosition {
  /** Whole batches, back to back. The first may begin before the offset that was asked for. */
  readonly batches: Buffer
}

/** A message of a fetch stream to the client. */
export interface FetchStreamResponse extends FetchResponse {
  readonly subscription: number
  readonly generation: number
  /** Set: the subscription has ended, or, with OFFSET_OUT_OF_RANGE, waits for a seek. */
  readonly error: MillraceError | undefined
}

/**
 * The frame of a fetch response as Buffers to be written one after another; `batches` are the caller's, uncopied.
 */
export function frameFetchResponse(position: FetchPosition, batches: readonly Buffer[]): Buffer[] {
  const fields = new Fields(positionBytes(position), batches)
  writePosition(fields, position, FIELD.response)
  return fields.finish()
}

/** The same for a fetch stream. */
export function frameFetchStreamResponse(
  subscription: number,
  generation: number,
  position: FetchPosition,
  batches: readonly Buffer[],
): Buffer[] {
  const ownBytes = intFieldBytes(subscription) + intFieldBytes(generation)
  const fields = new Fields(ownBytes + positionBytes(position), batches)
  fields.writeInt(1, subscription)
  fields.writeInt(2, generation)
  writePosition(fields, position, FIELD.stream)
  return fields.finish()
}

/** The frame that tells a fetch stream's client of a subscription's failure. */
export function frameFetchStreamError(subscription: number, generation: number, error: MillraceError): Buffer {
  const message = encodeMessage(ErrorMessage, errorToMessage(error))
  const length = intFieldBytes(subscription) + intFieldBytes(generation) + bytesFieldBytes(message.length)
  const fields = new Fields(length, [])
  fields.writeInt(1, subscription)
  fields.writeInt(2, generation)
  fields.writeBytes(8, message)
  return fields.finish()[0] as Buffer
}

/** The batches are a view of `bytes`. @throws MillraceError INVALID_REQUEST, NUMBER_NOT_EXACT */
export function decodeFetchResponse(bytes: Buffer): FetchResponse {
  return decodeResponse(bytes, FIELD.response)
}

/** The batches are a view of `bytes`. @throws MillraceError INVALID_REQUEST, NUMBER_NOT_EXACT */
export function decodeFetchStreamResponse(bytes: Buffer): FetchStreamResponse {
  return decodeResponse(bytes, FIELD.stream)
}

/** Number of the field `next_offset`; the other fields of a position follow it in both messages. */
const FIELD = { response: 1, stream: 3 } as const
const BATCHES_FIELD = 15
const NO_BYTES = Buffer.alloc(0)

/** Writes a message whose last field is its batches. */
class Fields {
  private readonly head: Buffer
  private readonly batches: readonly Buffer[]
  private readonly batchBytes: number
  private at = FRAME_HEADER_BYTES

  constructor(fieldBytes: number, batches: readonly Buffer[]) {
    let batchBytes = 0
    for (const batch of batches) batchBytes += batch.length
    this.batches = batches
    this.batchBytes = batchBytes
    const length = fieldBytes + (batchBytes === 0 ? 0 : 1 + varintBytes(batchBytes))
    this.head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length)
    writeFrameHeader(this.head, length + batchBytes)
  }

  writeInt(field: number, value: number): void {
    this.at = writeIntField(this.head, field, value, this.at)
  }

  writePrefix(field: number, length: number): void {
    this.at = writeBytesPrefix(this.head, field, length, this.at)
  }

  writeBytes(field: number, bytes: Buffer): void {
    this.writePrefix(field, bytes.length)
    this.head.set(bytes, this.at)
    this.at += bytes.length
  }

  finish(): Buffer[] {
    if (this.batchBytes === 0) return [this.head]
    this.writePrefix(BATCHES_FIELD, this.batchBytes)
    return [this.head, ...this.batches]
  }
}

function abortedBytes(aborted: AbortedTransaction): number {
  return intFieldBytes(aborted.producerId) + intFieldBytes(aborted.firstOffset)
}

function positionBytes(position: FetchPosition): number {
  let length =
    intFieldBytes(position.nextOffset) +
    intFieldBytes(position.logStartOffset) +
    intFieldBytes(position.highWatermark) +
    intFieldBytes(position.lastStableOffset)
  for (const aborted of position.abortedTransactions) length += bytesFieldBytes(abortedBytes(aborted))
  return length
}

function writePosition(fields: Fields, position: FetchPosition, first: number): void {
  fields.writeInt(first, position.nextOffset)
  fields.writeInt(first + 1, position.logStartOffset)
  fields.writeInt(first + 2, position.highWatermark)
  fields.writeInt(first + 3, position.lastStableOffset)
  for (const aborted of position.abortedTransactions) {
    fields.writePrefix(first + 4, abortedBytes(aborted))
    fields.writeInt(1, aborted.producerId)
    fields.writeInt(2, aborted.firstOffset)
  }
}

function decodeResponse(bytes: Buffer, first: number): FetchStreamResponse {
  const reader = new FieldReader(bytes)
  let subscription = 0
  let generation = 0
  let nextOffset = 0
  let logStartOffset = 0
  let highWatermark = 0
  let lastStableOffset = 0
  const abortedTransactions: AbortedTransaction[] = []
  let error: MillraceError | undefined
  let batches: Buffer = NO_BYTES
  const inStream = first === FIELD.stream
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === BATCHES_TAG) batches = reader.readBytes()
    else if (inStream && tag === 0x08) subscription = reader.readUint()
    else if (inStream && tag === 0x10) generation = reader.readUint()
    else if (inStream && tag === 0x42) error = errorFromMessage(decodeMessage(ErrorMessage, reader.readBytes()))
    else if (tag === first << 3) nextOffset = reader.readInt()
    else if (tag === (first + 1) << 3) logStartOffset = reader.readInt()
    else if (tag === (first + 2) << 3) highWatermark = reader.readInt()
    else if (tag === (first + 3) << 3) lastStableOffset = reader.readInt()
    else if (tag === (((first + 4) << 3) | 2)) {
      abortedTransactions.push(decodeAborted(reader.readBytes()))
    } else reader.skip(tag)
  }
  return {
    subscription,
    generation,
    nextOffset,
    logStartOffset,
    highWatermark,
    lastStableOffset,
    abortedTransactions,
    error,
    batches,
  }
}

const BATCHES_TAG = (BATCHES_FIELD << 3) | 2

function decodeAborted(bytes: Buffer): AbortedTransaction {
  const reader = new FieldReader(bytes)
  let producerId = 0
  let firstOffset = 0
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x08) producerId = reader.readInt()
    else if (tag === 0x10) firstOffset = reader.readInt()
    else reader.skip(tag)
  }
  return { producerId, firstOffset }
}
