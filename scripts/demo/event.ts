import { createHash } from 'node:crypto'

/** One event of the real world, as it goes into a record. */
export interface Event {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

const SUM_BYTES = 32

/** SHA-256 of all that an event says, written so that no two events give the same bytes. */
function sumOf(event: Event): Buffer {
  const hash = createHash('sha256')
  const add = (bytes: Buffer | null): void => {
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(bytes === null ? -1 : bytes.length)
    hash.update(length)
    if (bytes !== null) hash.update(bytes)
  }
  add(event.key)
  add(event.value)
  for (const { key, value } of event.headers) {
    add(Buffer.from(key))
    add(value)
  }
  hash.update(String(event.timestamp))
  return hash.digest()
}

/** The events of one partition in their order: a checksum and a time for each. */
export class EventLog {
  private sums = Buffer.alloc(1_024 * SUM_BYTES)
  private readonly timestamps: number[] = []

  get count(): number {
    return this.timestamps.length
  }

  add(event: Event): void {
    const at = this.count * SUM_BYTES
    if (at === this.sums.length) this.sums = Buffer.concat([this.sums, Buffer.alloc(at)])
    sumOf(event).copy(this.sums, at)
    this.timestamps.push(event.timestamp)
  }

  timestampAt(index: number): number | undefined {
    return this.timestamps[index]
  }

  /** Place of the first event at or after a time; the end when there is none. */
  indexAtTime(timestamp: number): number {
    const index = this.timestamps.findIndex((each) => each >= timestamp)
    return index < 0 ? this.count : index
  }

  /** The checksums of the events from `index` on, one after another. */
  sumsFrom(index: number): Buffer {
    return this.sums.subarray(index * SUM_BYTES, this.count * SUM_BYTES)
  }
}

/** One SHA-256 for several partitions, in hex: over the checksums of their events, in order. */
export function sumOfAll(parts: readonly Buffer[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex')
}
