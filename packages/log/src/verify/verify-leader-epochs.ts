import type { RecordBatch } from '@millrace/record'
import { type Disk, readFile } from '../disk.ts'
import { type LeaderEpoch, parseLeaderEpochs } from '../leader-epochs.ts'
import { type Finding, findingOf, type Report } from './finding.ts'

/** Holds the leader epochs of batches, which no CRC covers, against those that the checkpoint gives their offsets. */
export class LeaderEpochCheck {
  private readonly entries: readonly LeaderEpoch[] | undefined
  private current = -1
  /** What the last finding said, so that a run of batches is told of once. */
  private told = ''

  private constructor(entries: readonly LeaderEpoch[] | undefined) {
    this.entries = entries
  }

  static async open(disk: Disk, path: string, report: Report): Promise<LeaderEpochCheck> {
    const bytes = await readFile(disk, path)
    const entries = bytes && parseLeaderEpochs(bytes.toString('utf8'))
    if (bytes === undefined) await report(findingOf('leader-epochs-unreadable', path, 'it is missing'))
    else if (entries === undefined) {
      await report(
        findingOf('leader-epochs-unreadable', path, 'it does not hold what it says, or epochs that do not rise'),
      )
    }
    return new LeaderEpochCheck(entries)
  }

  add({ baseOffset, leaderEpoch }: RecordBatch, position: number, file: string, found: Finding[]): void {
    const { entries } = this
    if (entries === undefined) return
    while ((entries[this.current + 1]?.startOffset ?? Number.POSITIVE_INFINITY) <= baseOffset) this.current++
    const expected = entries[this.current]?.epoch ?? 'none'
    const message = `leader epoch ${leaderEpoch}, where the checkpoint has ${expected}`
    if (leaderEpoch === expected) this.told = ''
    else if (message !== this.told) {
      this.told = message
      found.push(findingOf('leader-epoch-mismatch', file, message, position))
    }
  }
}
