import type { CrashDisk, DiskOperation } from '@millrace/testkit'
import type { Counted, Counts } from './counts.ts'

const SEGMENT = /\d{20}\.log$/

/** Counts what an engine asks of a simulated disk, and what becomes of it. */
export class DiskCounter {
  private readonly disk: CrashDisk
  private readonly counts: Counts

  constructor(disk: CrashDisk, counts: Counts) {
    this.disk = disk
    this.counts = counts
    disk.observer = (operation, path, fault) => {
      const what = fault === undefined ? workOf(operation, path) : failureOf(operation)
      if (what !== undefined) counts[what]++
    }
  }

  /** Adds what power cuts made of the writes that were not synced. */
  takeIn(): void {
    const { kept, lost, torn, reordered } = this.disk.counts
    this.counts['writes kept'] += kept
    this.counts['writes lost'] += lost
    this.counts['writes torn'] += torn
    this.counts['writes reordered'] += reordered
  }
}

function workOf(operation: DiskOperation, path: string): Counted | undefined {
  if (operation === 'write' && path.endsWith('.journal')) return 'journal writes'
  if (operation === 'remove' && path.endsWith('.journal')) return 'journals removed'
  if (operation === 'datasync' && SEGMENT.test(path)) return 'single syncs'
  if (operation === 'create' && SEGMENT.test(path)) return 'segments begun'
  return undefined
}

function failureOf(operation: DiskOperation): Counted {
  if (operation === 'write') return 'writes that failed'
  return operation === 'datasync' ? 'syncs that failed' : 'other calls that failed'
}
