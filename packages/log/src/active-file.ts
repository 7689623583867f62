import type { ProducerState } from './producer-state.ts'
import type { SegmentList } from './segment-list.ts'

/** `cut`: it may end in what is not committed; `replace`: a sync failed; `roll`: the next one may be begun already. */
export type FileRepair = 'cut' | 'replace' | 'roll'

/** The file of a partition's active segment, with what must be done before it may be written to again. */
export class ActiveFile {
  private readonly segments: SegmentList
  private repair: FileRepair | undefined
  private lastSync: Promise<void> = Promise.resolve()

  constructor(segments: SegmentList) {
    this.segments = segments
  }

  get isSound(): boolean {
    return this.repair === undefined
  }

  /** Takes note of what is to be done; what was to be done before goes on being so. */
  breaks(repair: FileRepair): void {
    this.repair ??= repair
  }

  /** Has it closed, and the next segment begun, by `mend`, which must succeed before anything is written. */
  mustRoll(): void {
    this.repair = 'roll'
  }

  /** Does what is to be done. @returns whether all that the segment has is on disk now, in a new file */
  async mend(producers: ProducerState): Promise<boolean> {
    const { active } = this.segments
    const { repair } = this
    if (repair === 'cut') {
      this.repair = 'replace'
      await active.cut()
    } else if (repair === 'roll') {
      await this.segments.roll(producers)
    } else if (repair === 'replace') {
      await active.replaceFile()
    }
    this.repair = undefined
    return repair === 'replace'
  }

  /**
   * Syncs it, one caller at a time: after one sync failed, another must not be believed, because the system may have
   * dropped what it could not write.
   */
  sync(): Promise<void> {
    const { active } = this.segments
    const synced = this.lastSync.then(async () => {
      if (this.repair === 'replace') throw new Error('an earlier sync of the file failed')
      try {
        await active.sync()
      } catch (error) {
        this.repair = 'replace'
        throw error
      }
    })
    this.lastSync = synced.catch(() => {})
    return synced
  }

  /** Returns when no sync is under way. */
  async idle(): Promise<void> {
    await this.lastSync
  }
}
