import { DEFAULT_LIMITS, MillraceError } from '@millrace/record'
import { type Disk, type DiskFile, hasSystemCode, storageError } from '../disk.ts'
import { baseOffsetIn, CLEANED_SUFFIX, type SegmentSuffix } from '../file-names.ts'
import { OffsetIndex } from '../offset-index.ts'
import { TimeIndex } from '../time-index.ts'
import { TRANSACTION_ENTRY_BYTES, TransactionIndex } from '../transaction-index.ts'
import { dumpBatches } from './dump-batches.ts'
import type { DumpEntry, DumpVisitor } from './dump-entry.ts'

export interface DumpOptions {
  readonly disk: Disk
  /** With `/`. */
  readonly file: string
  /** Show the records of each batch too. Default false. */
  readonly withRecords?: boolean | undefined
  readonly onEntry: DumpVisitor
  readonly signal?: AbortSignal | undefined
}

/** What was shown. */
export interface DumpSummary {
  /** Batches of a `.log`, or entries of an index. */
  readonly entries: number
  readonly damages: number
}

const SUFFIXES = ['log', 'index', 'timeindex', 'txnindex'] as const satisfies readonly SegmentSuffix[]
type DumpedSuffix = (typeof SUFFIXES)[number]

/**
 * Shows what a segment file or one of its indexes holds, by its name, as far as it goes at the moment. It only reads, so
 * that the file may be a live server's; what that server has not written yet is not in it.
 * @throws MillraceError INVALID_REQUEST for a file that is not there or is none of these; STORAGE_FAILED; what `signal`
 *   was aborted with
 */
export async function dumpFile({
  disk,
  file,
  withRecords = false,
  onEntry,
  signal,
}: DumpOptions): Promise<DumpSummary> {
  const { suffix, baseOffset } = kindOf(file)
  const summary = { entries: 0, damages: 0 }
  const visit: DumpVisitor = (entry) => {
    if (entry.kind === 'damage') summary.damages++
    else if (entry.kind !== 'record') summary.entries++
    return onEntry(entry)
  }
  const opened = await openFile(disk, file)
  try {
    const sizeBytes = await opened.size()
    const { decompressedBytes } = DEFAULT_LIMITS
    if (suffix === 'log') await dumpBatches(opened, sizeBytes, { withRecords, decompressedBytes, signal, visit })
    else await dumpIndex(opened, sizeBytes, INDEXES[suffix](baseOffset), visit, signal)
  } catch (error) {
    // What the system says when it cannot read.
    throw error instanceof Error && 'syscall' in error ? storageError(error, `cannot read ${file}`) : error
  } finally {
    await opened.close()
  }
  return summary
}

function kindOf(file: string): { suffix: DumpedSuffix; baseOffset: number } {
  const name = file.slice(file.lastIndexOf('/') + 1)
  const plain = name.endsWith(CLEANED_SUFFIX) ? name.slice(0, -CLEANED_SUFFIX.length) : name
  for (const suffix of SUFFIXES) {
    const baseOffset = baseOffsetIn(plain, suffix)
    if (baseOffset !== undefined) return { suffix, baseOffset }
  }
  const kinds = SUFFIXES.map((suffix) => `.${suffix}`).join(', ')
  throw new MillraceError('INVALID_REQUEST', `${name} is no file of a segment: 20 digits and one of ${kinds}`)
}

async function openFile(disk: Disk, file: string): Promise<DiskFile> {
  try {
    return await disk.open(file, { readOnly: true })
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT') || hasSystemCode(error, 'ENOTDIR')) {
      throw new MillraceError('INVALID_REQUEST', `there is no file ${file}`)
    }
    throw storageError(error, `cannot open ${file}`)
  }
}

/** How the bytes of an index are read: whole entries, and what of two neighbours must ascend. */
interface IndexReader {
  readonly entryBytes: number
  read(bytes: Buffer, position: number): DumpEntry
  keysOf(entry: DumpEntry): readonly number[]
}

const INDEXES: Readonly<Record<Exclude<DumpedSuffix, 'log'>, (baseOffset: number) => IndexReader>> = {
  index: (baseOffset) => ({
    entryBytes: 8,
    read(bytes, position) {
      const index = new OffsetIndex(bytes)
      const offset = baseOffset + index.relativeOffsetAt(0)
      return { kind: 'index', position, offset, logPosition: index.positionAt(0) }
    },
    keysOf: (entry) => (entry.kind === 'index' ? [entry.offset - baseOffset, entry.logPosition] : []),
  }),
  timeindex: (baseOffset) => ({
    entryBytes: 12,
    read(bytes, position) {
      const index = new TimeIndex(bytes)
      return {
        kind: 'timeindex',
        position,
        timestamp: index.timestampAt(0),
        offset: baseOffset + index.relativeOffsetAt(0),
      }
    },
    keysOf: (entry) => (entry.kind === 'timeindex' ? [entry.timestamp, entry.offset - baseOffset] : []),
  }),
  txnindex: (baseOffset) => ({
    entryBytes: TRANSACTION_ENTRY_BYTES,
    read: (bytes, position) => ({ kind: 'txnindex', position, ...new TransactionIndex(bytes).entryAt(0) }),
    keysOf: (entry) => (entry.kind === 'txnindex' ? [entry.lastOffset - baseOffset] : []),
  }),
}

const CHUNK_ENTRIES = 4_096

async function dumpIndex(
  file: DiskFile,
  sizeBytes: number,
  { entryBytes, read, keysOf }: IndexReader,
  visit: DumpVisitor,
  signal: AbortSignal | undefined,
): Promise<void> {
  const chunk = Buffer.allocUnsafeSlow(entryBytes * CHUNK_ENTRIES)
  let previous: readonly number[] | undefined
  for (let start = 0; start < sizeBytes; start += chunk.length) {
    const filled = await file.read(chunk.subarray(0, Math.min(chunk.length, sizeBytes - start)), start)
    for (let at = 0; at < filled; at += entryBytes) {
      signal?.throwIfAborted()
      const position = start + at
      const damage = (message: string) => visit({ kind: 'damage', position, message })
      if (at + entryBytes > filled) {
        await damage(`${filled - at} bytes are no whole entry of ${entryBytes}`)
        return
      }
      try {
        const entry = read(chunk.subarray(at, at + entryBytes), position)
        const keys = keysOf(entry)
        await visit(entry)
        if (keys.some((key, field) => key < (previous === undefined ? 0 : previous[field]! + 1))) {
          await damage(previous === undefined ? 'a field is less than 0' : 'it does not come after the entry before it')
        }
        previous = keys
      } catch (error) {
        if (!(error instanceof MillraceError) || error.code !== 'INVALID_BATCH') throw error
        await damage(error.message)
      }
    }
  }
}
