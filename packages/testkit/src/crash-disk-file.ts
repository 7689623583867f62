import type { SeededRandom } from './seeded-random.ts'

const SECTOR_BYTES = 512

/** A change to a file that no sync has made durable yet. */
type Change =
  | { readonly kind: 'write'; readonly bytes: Buffer; readonly position: number }
  | { readonly kind: 'truncate'; readonly sizeBytes: number }

/** What became of unsynced writes in a crash. */
export interface CrashCounts {
  kept: number
  lost: number
  /** Writes of which only a part arrived. */
  torn: number
  /** Writes that arrived although an earlier one of the same file did not. */
  reordered: number
}

/** Bytes that grow. */
class Content {
  private bytes = Buffer.alloc(0)
  size = 0

  write(bytes: Buffer, position: number): void {
    const end = position + bytes.length
    if (end > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.bytes.length * 2))
      this.bytes.copy(larger, 0, 0, this.size)
      this.bytes = larger
    }
    bytes.copy(this.bytes, position)
    this.size = Math.max(this.size, end)
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes > this.size) this.write(Buffer.alloc(sizeBytes - this.size), this.size)
    this.bytes.fill(0, sizeBytes, this.size)
    this.size = sizeBytes
  }

  read(into: Buffer, position: number): number {
    if (position >= this.size) return 0
    return this.bytes.copy(into, 0, position, Math.min(this.size, position + into.length))
  }
}

/** A file's content twice: as running programs see it, and as the platter has it. */
export class CrashDiskFile {
  private readonly current = new Content()
  private readonly durable = new Content()
  private unsynced: Change[] = []

  get sizeBytes(): number {
    return this.current.size
  }

  read(into: Buffer, position: number): number {
    return this.current.read(into, position)
  }

  write(bytes: Buffer, position: number): void {
    // A copy: the writer may reuse its buffer, the platter keeps what it got.
    this.change({ kind: 'write', bytes: Buffer.from(bytes), position })
  }

  truncate(sizeBytes: number): void {
    this.change({ kind: 'truncate', sizeBytes })
  }

  /** Changes made so far; `sync` takes it to know what it covers. */
  get unsyncedChanges(): number {
    return this.unsynced.length
  }

  /** Makes the first `count` of the unsynced changes durable. */
  sync(count: number): void {
    for (const change of this.unsynced.splice(0, count)) apply(this.durable, change)
  }

  /** A sync of the first `count` unsynced changes failed: chance decides about each, and no later sync will know of it. */
  failSync(count: number, random: SeededRandom): void {
    for (const change of this.unsynced.splice(0, count)) if (random.bool()) apply(this.durable, change)
  }

  /** Keeps of the unsynced changes whatever chance leaves: some, none, in parts, in any order. */
  crash(random: SeededRandom, counts: CrashCounts): void {
    let lostBefore = false
    for (const change of this.unsynced) {
      if (random.bool()) {
        if (change.kind === 'write') counts.lost++
        lostBefore = true
        continue
      }
      if (change.kind === 'truncate') {
        apply(this.durable, change)
        continue
      }
      if (lostBefore) counts.reordered++
      if (random.bool()) {
        counts.kept++
        apply(this.durable, change)
      } else {
        counts.torn++
        for (const part of tear(change.bytes, change.position, random)) apply(this.durable, part)
      }
    }
    this.unsynced = []
    this.current.truncate(0)
    const left = Buffer.alloc(this.durable.size)
    this.durable.read(left, 0)
    this.current.write(left, 0)
  }

  private change(change: Change): void {
    apply(this.current, change)
    this.unsynced.push(change)
  }
}

function apply(content: Content, change: Change): void {
  if (change.kind === 'truncate') content.truncate(change.sizeBytes)
  else content.write(change.bytes, change.position)
}

/** Some of the sectors of a write, one of them perhaps only in part. */
function* tear(bytes: Buffer, position: number, random: SeededRandom): Generator<Change> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES))
    const arrives = random.int(0, 3)
    if (arrives === 0) {
      const cut = random.int(at, end)
      yield { kind: 'write', bytes: bytes.subarray(at, cut), position: position + at }
    } else if (arrives > 1) {
      yield { kind: 'write', bytes: bytes.subarray(at, end), position: position + at }
    }
    at = end
  }
}
