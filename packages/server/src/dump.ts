import { resolve } from 'node:path'
import type { DumpEntry, DumpSummary } from '@millrace/log'

export interface DumpSegmentOptions {
  /** Gets each batch, record, entry of an index, and damage; the reading goes on when it is done with it. */
  readonly onEntry: (entry: DumpEntry) => Promise<void> | void
  /** Show the records of each batch too. Default false. */
  readonly withRecords?: boolean
  readonly signal?: AbortSignal
}

/**
 * Shows what a segment file or one of its indexes holds, and changes nothing; a server may use it meanwhile.
 * @throws MillraceError INVALID_REQUEST for another file; STORAGE_FAILED; what `signal` was aborted with
 */
export async function dumpSegmentFile(file: string, options: DumpSegmentOptions): Promise<DumpSummary> {
  const { dumpFile, nodeDisk } = await import('@millrace/log')
  return dumpFile({ disk: nodeDisk(), file: resolve(file).replaceAll('\\', '/'), ...options })
}
