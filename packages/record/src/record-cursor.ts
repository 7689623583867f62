import { MillraceError } from './errors.ts'
import { readRecordEnd } from './record-codec.ts'
import { VarintReader } from './varint.ts'

/** What a cursor needs to know of the batch whose records it walks. */
export interface CursorBase {
  readonly recordCount: number
  readonly lastOffsetDelta: number
}

/**
 * Walks the records of a batch where they lie and builds nothing, for passes over whole logs: after each `next` that
 * returned true, the fields tell of one record. Positions are in `bytes`. Headers are passed over unread.
 */
export class RecordCursor {
  /** The records, decompressed. */
  readonly bytes: Buffer
  /** Where the record begins, with its length, and where it ends. */
  start = 0
  end = 0
  /** Where the offset delta stands: what precedes it depends on the batch's base timestamp, the rest does not. */
  offsetDeltaAt = 0
  timestampDelta = 0
  offsetDelta = -1
  keyAt = 0
  /** -1: no key. */
  keyBytes = -1
  /** A key without a value. */
  isTombstone = false
  private readonly reader: VarintReader
  private readonly base: CursorBase
  private index = 0

  constructor(bytes: Buffer, base: CursorBase) {
    this.bytes = bytes
    this.base = base
    this.reader = new VarintReader(bytes)
  }

  /**
   * Goes to the next record; false when there is none.
   * @throws MillraceError INVALID_BATCH where the framing contradicts itself or the batch's header
   */
  next(): boolean {
    const { reader, base } = this
    if (this.index === base.recordCount) {
      if (this.end === this.bytes.length) return false
      throw new MillraceError('INVALID_BATCH', `${this.bytes.length - this.end} bytes follow the last record`)
    }
    this.start = this.end
    reader.position = this.start
    this.end = readRecordEnd(reader)
    this.timestampDelta = reader.readVarlong()
    this.offsetDeltaAt = reader.position
    const offsetDelta = reader.readVarint()
    this.keyBytes = reader.readVarint()
    this.keyAt = reader.position
    if (this.keyBytes > 0) reader.skip(this.keyBytes)
    const valueBytes = reader.readVarint()
    if (valueBytes > 0) reader.skip(valueBytes)
    this.isTombstone = valueBytes === -1 && this.keyBytes >= 0
    const rises = offsetDelta > this.offsetDelta && offsetDelta <= base.lastOffsetDelta
    if (!rises || this.keyBytes < -1 || valueBytes < -1 || reader.position >= this.end)
      throw new MillraceError('INVALID_BATCH', `record ${this.index} contradicts itself or its batch`)
    this.offsetDelta = offsetDelta
    this.index++
    return true
  }
}
