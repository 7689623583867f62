import { makeValues } from './client-program.ts'

/** How many different values there are. */
const DIFFERENT = 1_000

/** The values of a batch. All batches of a size are the same, so that a reader knows what has to come. */
export function makeBatchValues(records: number, bytes: number): Buffer[] {
  const values = makeValues(Math.min(records, DIFFERENT), bytes)
  return Array.from({ length: records }, (_, index) => values[index % values.length]!)
}

/** Holds what a reader gets against what was sent: as many records, the same bytes, in the same order. */
export class ReadCheck {
  private readonly expected: readonly Buffer[]
  private bytes = 0
  /** Of 32 bits, as exact after billions of records as after one. */
  private sum = 0
  count = 0

  constructor(batchRecords: number, valueBytes: number) {
    this.expected = makeBatchValues(batchRecords, valueBytes)
  }

  /** Counts a value and adds up four of its bytes; cheap enough for what is measured. */
  add(value: Buffer): void {
    this.count++
    this.bytes += value.length
    this.sum = (this.sum + value.readInt32LE(0)) | 0
  }

  /** As `add`, and compares all of it. @throws Error when it is not what was sent in this place */
  addAndCompare(value: Buffer): void {
    const wanted = this.expected[this.count % this.expected.length]!
    if (!wanted.equals(value)) throw new Error(`record ${this.count} is not what was sent: ${value.toString('latin1')}`)
    this.add(value)
  }

  /** @throws Error when what was added is not `records` records of whole batches */
  finish(records: number): void {
    if (this.count !== records) throw new Error(`${this.count} of ${records} records were read`)
    const batches = records / this.expected.length
    const bytes = batches * this.expected.reduce((sum, value) => sum + value.length, 0)
    const sum = Math.imul(
      batches,
      this.expected.reduce((sum, value) => (sum + value.readInt32LE(0)) | 0, 0),
    )
    if (this.bytes !== bytes) throw new Error(`${this.bytes} of ${bytes} bytes were read`)
    if (this.sum !== sum) throw new Error(`the records that were read are not those that were sent`)
  }
}
