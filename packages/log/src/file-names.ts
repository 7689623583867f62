/*
 * The one owner of file names.
 *
 *   <topic>-<partition>/                a partition
 *     00000000000000000042.log         a segment: batches from offset 42 on
 *     00000000000000000042.index       its offset index
 *     00000000000000000042.timeindex   its time index
 *     00000000000000000042.txnindex    the transactions that its markers abort, if there are any
 *     00000000000000000042.crc         CRC-32C of the whole .log; there once the segment is closed for good
 *     00000000000000000042.snapshot    what was known of producers at offset 42
 *     00000000000000000042.cut         bytes that recovery cut off the end of the .log
 *     00000000000000000042.swap        compacted segments are to take the place of others; see segment-swap.ts
 *     00000000000000000042.log.cleaned a file of a compacted segment, as long as it has not taken that place
 *     cleaner-checkpoint               how far the partition is compacted
 *     leader-epoch-checkpoint          epochs and where they began
 *     log-start-offset                 the first offset that may be read, once records were deleted
 *     partition.metadata               the topic's id
 */
const DIGITS = 20

export type SegmentSuffix = 'log' | 'index' | 'timeindex' | 'txnindex' | 'crc' | 'snapshot' | 'cut' | 'swap'

/** The files of a segment that compaction makes anew. */
export const CLEANED_SUFFIXES = [
  'log',
  'index',
  'timeindex',
  'txnindex',
  'crc',
] as const satisfies readonly SegmentSuffix[]
export type CleanedSuffix = (typeof CLEANED_SUFFIXES)[number]
export const CLEANED_SUFFIX = '.cleaned'

export const CLEANER_CHECKPOINT_FILE = 'cleaner-checkpoint'
export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint'
export const LOG_START_FILE = 'log-start-offset'
export const METADATA_FILE = 'partition.metadata'
export const TEMPORARY_SUFFIX = '.tmp'

export function segmentFileName(baseOffset: number, suffix: SegmentSuffix): string {
  return `${String(baseOffset).padStart(DIGITS, '0')}.${suffix}`
}

export function cleanedFileName(baseOffset: number, suffix: CleanedSuffix): string {
  return `${segmentFileName(baseOffset, suffix)}${CLEANED_SUFFIX}`
}

/** A checksum as files hold it. */
export function checksumText(sum: number): string {
  return `${sum.toString(16).padStart(8, '0')}\n`
}

/** The base offset in a file name with `suffix`; undefined for any other name. */
export function baseOffsetIn(name: string, suffix: SegmentSuffix): number | undefined {
  if (name.length !== DIGITS + 1 + suffix.length || !name.endsWith(`.${suffix}`)) return undefined
  const digits = name.slice(0, DIGITS)
  if (!/^\d+$/.test(digits)) return undefined
  const offset = Number(digits)
  return Number.isSafeInteger(offset) ? offset : undefined
}

/** The base offsets of the files with `suffix` among `names`, in order. */
export function baseOffsetsIn(names: readonly string[], suffix: SegmentSuffix): number[] {
  return names
    .map((name) => baseOffsetIn(name, suffix))
    .filter((offset) => offset !== undefined)
    .sort((a, b) => a - b)
}

export function partitionDirectoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
