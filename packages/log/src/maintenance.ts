import { isCompacting, isDeleting } from './cleanup-config.ts'
import type { LogContext } from './log-context.ts'
import type { PartitionLogConfig, PartitionWriter } from './partition-writer.ts'
import { isExpired, retainedStart } from './retention.ts'
import type { SegmentList } from './segment-list.ts'

export interface MaintenanceParts {
  readonly context: LogContext
  readonly config: PartitionLogConfig
  readonly segments: SegmentList
  readonly writer: PartitionWriter
  /** Raises the log start, durably, and has what lies before it removed. */
  readonly raiseStart: (offset: number) => Promise<unknown>
}

/** What a topic's `cleanup.policy` asks for, for one partition. Produces and fetches go on meanwhile. */
export class Maintenance {
  private readonly parts: MaintenanceParts

  constructor(parts: MaintenanceParts) {
    this.parts = parts
  }

  /** Does all that is due. What fails is tried again by the next call. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, segments } = this.parts
    const { cleanup } = config
    if (cleanup === undefined) return
    await this.rollIfIdle()
    await segments.sealClosed()
    if (isDeleting(cleanup) && !signal.aborted) await this.deleteExpired()
  }

  /** Only closed segments can go, so an active one that nobody writes to is closed when its time has come. */
  private async rollIfIdle(): Promise<void> {
    const { context, config, segments, writer } = this.parts
    const { cleanup, segmentMs } = config
    const { active } = segments
    if (cleanup === undefined || active.sizeBytes === 0) return
    const nowMs = context.clock.nowMs()
    const ageMs = nowMs - (active.startedAtMs ?? nowMs)
    const mayCompact = isCompacting(cleanup) && ageMs >= Math.min(segmentMs, cleanup.maxCompactionLagMs)
    const mayGo = isDeleting(cleanup) && (await isExpired(active, cleanup.retentionMs, nowMs))
    if (mayCompact || mayGo) await writer.rollActive()
  }

  private async deleteExpired(): Promise<void> {
    const { context, config, segments, raiseStart } = this.parts
    if (config.cleanup === undefined) return
    const all = segments.all()
    const start = await retainedStart(all, config.cleanup, context.clock.nowMs())
    if (start > (all[0]?.baseOffset ?? 0)) await raiseStart(start)
  }
}
