/*
 * How compacted segments take the place of others, so that after a crash at any moment there are the old ones or the new
 * one, and in the end only one of them.
 *
 *   1. the new files are written as `<base>.<suffix>.cleaned` and synced, with their names
 *   2. `<base>.swap` is written and synced, with its name: from here on the new segment holds
 *   3. the new files are renamed over those of the first old segment, the files of the other ones are removed
 *   4. the directory is synced, `<base>.swap` removed, the directory synced
 *
 * Whoever finds `<base>.swap` does steps 3 and 4 (again). Without it, or when it is not whole, the `.cleaned` files are
 * of no use and go.
 *
 * `<base>.swap` is text: a line with the version (0), a line with the base offsets of the old segments, a line with the
 * CRC-32C of the two.
 */
import { checksum } from '@millrace/record'
import { type Disk, hasSystemCode, readFile, replaceFile } from './disk.ts'
import {
  baseOffsetsIn,
  CLEANED_SUFFIX,
  CLEANED_SUFFIXES,
  checksumText,
  cleanedFileName,
  segmentFileName,
} from './file-names.ts'

/** Which segments give way to a new one; that has the base offset of the first. */
export interface SegmentSwap {
  readonly directory: string
  /** Base offsets, ascending. */
  readonly replaced: readonly number[]
}

/** Step 2. */
export async function beginSwap(disk: Disk, swap: SegmentSwap): Promise<void> {
  await replaceFile(disk, swapPath(swap), encodeSwap(swap))
}

/** The first part of step 3. When it fails, the old segment is still there. */
export async function renameLog(disk: Disk, { directory, replaced: [base = 0] }: SegmentSwap): Promise<void> {
  await disk.rename(`${directory}/${cleanedFileName(base, 'log')}`, `${directory}/${segmentFileName(base, 'log')}`)
}

/** Steps 3 and 4, as far as they are not done. */
export async function finishSwap(disk: Disk, swap: SegmentSwap): Promise<void> {
  const { directory, replaced } = swap
  const [base = 0, ...others] = replaced
  for (const suffix of CLEANED_SUFFIXES) {
    try {
      await disk.rename(
        `${directory}/${cleanedFileName(base, suffix)}`,
        `${directory}/${segmentFileName(base, suffix)}`,
      )
    } catch (error) {
      if (!hasSystemCode(error, 'ENOENT')) throw error
    }
  }
  for (const other of others) {
    for (const suffix of CLEANED_SUFFIXES) await disk.remove(`${directory}/${segmentFileName(other, suffix)}`)
  }
  await disk.syncDirectory(directory)
  await disk.remove(swapPath(swap))
  await disk.syncDirectory(directory)
}

/** Takes back steps 1 and 2, while nothing was renamed. */
export async function undoSwap(disk: Disk, swap: SegmentSwap): Promise<void> {
  const { directory, replaced } = swap
  // First, and for good: with the swap file there and a new file gone, that would count as renamed.
  await disk.remove(swapPath(swap))
  await disk.syncDirectory(directory)
  for (const suffix of CLEANED_SUFFIXES) {
    await disk.remove(`${directory}/${cleanedFileName(replaced[0] as number, suffix)}`)
  }
}

/**
 * Finishes or undoes the swaps that a crash interrupted in a partition's directory.
 * @param names what is in the directory
 * @returns what is in it afterwards
 */
export async function recoverSwaps(
  disk: Disk,
  directory: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const swaps = names.filter((name) => name.endsWith('.swap') || name.endsWith(CLEANED_SUFFIX))
  if (swaps.length === 0) return names
  for (const base of baseOffsetsIn(names, 'swap')) {
    const path = `${directory}/${segmentFileName(base, 'swap')}`
    const replaced = decodeSwap(await readFile(disk, path))
    if (replaced === undefined || replaced[0] !== base) {
      await disk.remove(path)
      await disk.syncDirectory(directory)
      continue
    }
    // It may have been written and not synced, and must not be lost with the renaming half done.
    await beginSwap(disk, { directory, replaced })
    await finishSwap(disk, { directory, replaced })
  }
  for (const name of names) if (name.endsWith(CLEANED_SUFFIX)) await disk.remove(`${directory}/${name}`)
  return disk.list(directory)
}

function swapPath({ directory, replaced }: SegmentSwap): string {
  return `${directory}/${segmentFileName(replaced[0] as number, 'swap')}`
}

export function encodeSwap({ replaced }: SegmentSwap): Buffer {
  const text = `0\n${replaced.join(' ')}\n`
  return Buffer.from(text + checksumText(checksum(Buffer.from(text))))
}

/** Undefined when the bytes are not a whole swap file. */
export function decodeSwap(bytes: Buffer | undefined): number[] | undefined {
  const [, text, offsets, sum] = /^(0\n(\d+(?: \d+)*)\n)([0-9a-f]{8}\n)$/.exec(bytes?.toString('latin1') ?? '') ?? []
  if (text === undefined || offsets === undefined) return undefined
  return checksumText(checksum(Buffer.from(text))) === sum ? offsets.split(' ').map(Number) : undefined
}
