import { hash } from 'node:crypto'
import { GROUP_RECORDS, type KeyGroup } from './key-group.ts'

/** Keys up to this length are kept as they are, longer ones as their SHA-256. */
const MAX_PLAIN_BYTES = 256
const DIGEST_MARK = 0xffff
const LENGTH_BYTES = 2
/**
 * A slot is four words, side by side for the sake of the processor's cache: a tag, which is the key's hash; where the key
 * lies in `keys`, 0 for a free slot; the offset, low word first.
 */
const SLOT_WORDS = 4
const SLOT_BYTES = 4 * SLOT_WORDS
const HIGH = 2 ** 32
/** So much larger than the other is the Buffer that replaces one that is full. */
const GROWTH = 4
const MAX_LOAD = 0.7
/** Slots that are looked at for one key: a set of keys that was made to collide fills the map, and slows nothing down. */
const MAX_PROBES = 256

/**
 * The last offset of each key, in bounded memory: an open hash table of slots, and one Buffer with the keys' own bytes,
 * by which they are compared. Nothing of it is on the JavaScript heap.
 *
 * Keys are everywhere in more memory than a processor caches, so that each costs two waits for memory. Those of a group
 * are all looked at once before they are entered or found, which lets the processor do their waits at the same time.
 */
export class KeyMap {
  private readonly mask: number
  private readonly maxKeys: number
  private readonly slots: Int32Array
  private keys: Buffer
  private readonly maxKeysBytes: number
  private keysEnd = 1
  private count = 0
  private readonly tags = new Int32Array(GROUP_RECORDS)
  private readonly positions = new Int32Array(GROUP_RECORDS)
  /** Of no meaning; it keeps what was looked at ahead from being optimized away. */
  private seen = 0

  /**
   * @param maxBytes memory to take at most
   * @param expectedKeys at most that many keys will come; for fewer, less memory is taken
   * @param expectedKeyBytes what they will likely take at most; should they take more, a larger Buffer replaces the
   *   first, and while its content is copied both are there
   */
  constructor(maxBytes: number, expectedKeys: number, expectedKeyBytes = maxBytes) {
    let slots = 16
    while (slots * MAX_LOAD < expectedKeys && slots * 2 * SLOT_BYTES <= maxBytes / 2) slots *= 2
    this.mask = slots - 1
    this.maxKeys = Math.floor(slots * MAX_LOAD)
    this.slots = new Int32Array(slots * SLOT_WORDS)
    this.maxKeysBytes = Math.max(maxBytes - slots * SLOT_BYTES, MAX_PLAIN_BYTES)
    this.keys = Buffer.allocUnsafeSlow(Math.min(expectedKeyBytes + MAX_PLAIN_BYTES, this.maxKeysBytes))
  }

  get size(): number {
    return this.count
  }

  /** Enters the keys of a group, each with a later offset than it had; false when there is no room for one of them. */
  setAll(bytes: Buffer, group: KeyGroup): boolean {
    this.lookAhead(bytes, group)
    const { count, keyAt, keyBytes, offsets } = group
    for (let index = 0; index < count; index++) {
      const length = keyBytes[index] as number
      if (length < 0) continue
      const at = keyAt[index] as number
      const offset = offsets[index] as number
      const isIn =
        length > MAX_PLAIN_BYTES
          ? this.set(bytes, at, length, offset)
          : this.enter(bytes, at, length, this.tags[index] as number, offset)
      if (!isIn) return false
    }
    return true
  }

  /** Writes the last offset of each key of a group to `lasts`, -1 for one that was not entered or is none. */
  getAll(bytes: Buffer, group: KeyGroup, lasts: Float64Array): void {
    this.lookAhead(bytes, group)
    const { count, keyAt, keyBytes } = group
    for (let index = 0; index < count; index++) {
      const length = keyBytes[index] as number
      const at = keyAt[index] as number
      if (length < 0) lasts[index] = -1
      else if (length > MAX_PLAIN_BYTES) lasts[index] = this.get(bytes, at, length)
      else lasts[index] = this.find(bytes, at, length, this.tags[index] as number)
    }
  }

  /** Enters the key in `bytes` with a later offset than it had; false when there is no room for it. */
  set(bytes: Buffer, at: number, length: number, offset: number): boolean {
    if (length <= MAX_PLAIN_BYTES) return this.enter(bytes, at, length, hashOf(bytes, at, length), offset)
    const digest = digestOf(bytes, at, length)
    return this.enter(digest, 0, -1, hashOf(digest, 0, digest.length), offset)
  }

  /** The last offset of the key in `bytes`; -1 when it was not entered. */
  get(bytes: Buffer, at: number, length: number): number {
    if (length <= MAX_PLAIN_BYTES) return this.find(bytes, at, length, hashOf(bytes, at, length))
    const digest = digestOf(bytes, at, length)
    return this.find(digest, 0, -1, hashOf(digest, 0, digest.length))
  }

  private lookAhead(bytes: Buffer, { count, keyAt, keyBytes }: KeyGroup): void {
    const { tags, positions, slots, keys, mask } = this
    for (let index = 0; index < count; index++) {
      const length = keyBytes[index] as number
      tags[index] = length > MAX_PLAIN_BYTES || length < 0 ? 0 : hashOf(bytes, keyAt[index] as number, length)
    }
    for (let index = 0; index < count; index++) {
      const tag = tags[index] as number
      const word = (tag & mask) * SLOT_WORDS
      positions[index] = slots[word] === tag ? (slots[word + 1] as number) : 0
    }
    let seen = 0
    for (let index = 0; index < count; index++) seen ^= keys[positions[index] as number] as number
    this.seen ^= seen
  }

  /** @param length -1: `bytes` is a digest */
  private enter(bytes: Buffer, at: number, length: number, tag: number, offset: number): boolean {
    const { slots, mask } = this
    for (let slot = tag & mask, probes = 0; probes < MAX_PROBES; slot = (slot + 1) & mask, probes++) {
      const word = slot * SLOT_WORDS
      const position = slots[word + 1] as number
      const isFree = position === 0
      if (!isFree && !(slots[word] === tag && this.holds(position, bytes, at, length))) continue
      if (isFree) {
        const size = length < 0 ? bytes.length : length
        if (this.count === this.maxKeys || !this.makeRoom(LENGTH_BYTES + size)) return false
        slots[word] = tag
        slots[word + 1] = this.keysEnd
        this.keep(bytes, at, size, length < 0 ? DIGEST_MARK : length)
      }
      slots[word + 2] = offset
      slots[word + 3] = offset / HIGH
      return true
    }
    return false
  }

  private makeRoom(bytes: number): boolean {
    const end = this.keysEnd + bytes
    if (end <= this.keys.length) return true
    if (end > this.maxKeysBytes) return false
    const larger = Buffer.allocUnsafeSlow(Math.min(this.keys.length * GROWTH, this.maxKeysBytes))
    this.keys.copy(larger, 0, 0, this.keysEnd)
    this.keys = larger
    return true
  }

  private keep(bytes: Buffer, at: number, size: number, mark: number): void {
    const { keys } = this
    keys[this.keysEnd++] = mark
    keys[this.keysEnd++] = mark >>> 8
    for (let index = 0; index < size; index++) keys[this.keysEnd++] = bytes[at + index] as number
    this.count++
  }

  /** @param length -1: `bytes` is a digest */
  private find(bytes: Buffer, at: number, length: number, tag: number): number {
    const { slots, mask } = this
    for (let slot = tag & mask, probes = 0; probes < MAX_PROBES; slot = (slot + 1) & mask, probes++) {
      const word = slot * SLOT_WORDS
      const position = slots[word + 1] as number
      if (position === 0) return -1
      if (slots[word] === tag && this.holds(position, bytes, at, length)) {
        return (slots[word + 3] as number) * HIGH + ((slots[word + 2] as number) >>> 0)
      }
    }
    return -1
  }

  private holds(position: number, bytes: Buffer, at: number, length: number): boolean {
    const { keys } = this
    const known = (keys[position] as number) | ((keys[position + 1] as number) << 8)
    if (known !== (length < 0 ? DIGEST_MARK : length)) return false
    const size = length < 0 ? bytes.length : length
    const start = position + LENGTH_BYTES
    for (let index = 0; index < size; index++) if (keys[start + index] !== bytes[at + index]) return false
    return true
  }
}

function digestOf(bytes: Buffer, at: number, length: number): Buffer {
  return hash('sha256', bytes.subarray(at, at + length), 'buffer')
}

/** 32 bits that spread well (the mixing steps of MurmurHash3); equal keys are told by their bytes. */
function hashOf(bytes: Buffer, at: number, length: number): number {
  let mixed = length
  const end = at + length
  let position = at
  for (; position + 4 <= end; position += 4) {
    const word =
      (bytes[position] as number) |
      ((bytes[position + 1] as number) << 8) |
      ((bytes[position + 2] as number) << 16) |
      ((bytes[position + 3] as number) << 24)
    mixed = mix(mixed, word)
  }
  let tail = 0
  for (let shift = 0; position < end; position++, shift += 8) tail |= (bytes[position] as number) << shift
  mixed = mix(mixed, tail)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return mixed ^ (mixed >>> 16)
}

function mix(mixed: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e_2d51)
  const next = mixed ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b87_3593)
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe654_6b64) | 0
}
