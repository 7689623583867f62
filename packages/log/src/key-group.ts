import type { RecordCursor } from '@millrace/record'

/** Few enough for all that is looked at for them to stay in the processor's cache. */
export const GROUP_RECORDS = 256

/** Some neighbouring records of a batch, of which only key and offset matter; see `KeyMap`. Filled again and again. */
export class KeyGroup {
  count = 0
  readonly offsets = new Float64Array(GROUP_RECORDS)
  readonly keyAt = new Int32Array(GROUP_RECORDS)
  /** -1: no key. */
  readonly keyBytes = new Int32Array(GROUP_RECORDS)
  /** 1: a key without a value. */
  readonly tombstones = new Uint8Array(GROUP_RECORDS)

  /** Takes the records that come next, as many as there is room for; false when none are left. */
  fill(record: RecordCursor, baseOffset: number): boolean {
    let count = 0
    while (count < GROUP_RECORDS && record.next()) {
      this.offsets[count] = baseOffset + record.offsetDelta
      this.keyAt[count] = record.keyAt
      this.keyBytes[count] = record.keyBytes
      this.tombstones[count] = record.isTombstone ? 1 : 0
      count++
    }
    this.count = count
    return count > 0
  }
}
