const SEED = 0x9747_b28c
const MULTIPLIER = 0x5bd1_e995

/** MurmurHash2, 32 bits, with the seed that Kafka's clients use for keys. Signed, as theirs. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  const wordsEnd = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < wordsEnd; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, MULTIPLIER)
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  const rest = length - wordsEnd
  if (rest > 2) hash ^= bytes[wordsEnd + 2]! << 16
  if (rest > 1) hash ^= bytes[wordsEnd + 1]! << 8
  if (rest > 0) hash = Math.imul(hash ^ bytes[wordsEnd]!, MULTIPLIER)
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** The partition of `key` among `partitions`, the same that Kafka's clients choose. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions
}
