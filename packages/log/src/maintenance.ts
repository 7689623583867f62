import { type CleanupConfig, isCompacting, isDeleting } from './cleanup-config.ts'
import { Compactor } from './compactor.ts'
import { hasSystemCode } from './disk.ts'
import type { LiveConfig } from './log-config.ts'
import type { LogContext } from './log-context.ts'
import type { PartitionWriter } from './partition-writer.ts'
import type { ProducerState } from './producer-state.ts'
import { isExpired, retainedStart } from './retention.ts'
import type { SegmentList } from './segment-list.ts'
import type { PartitionTail } from './tail-cache.ts'
import type { Throttle } from './throttle.ts'

export interface MaintenanceParts {
  readonly context: LogContext
  readonly config: LiveConfig
  readonly segments: SegmentList
  readonly writer: PartitionWriter
  readonly producers: ProducerState
  readonly tail: PartitionTail
  readonly logStart: () => number
  readonly lastStableOffset: () => number
  /** Raises the log start, durably, and has what lies before it removed. */
  readonly raiseStart: (offset: number) => Promise<unknown>
}

/** What a topic's `cleanup.policy` asks for, for one partition. Produces and fetches go on meanwhile. */
export class Maintenance {
  private readonly parts: MaintenanceParts
  private compactor: Compactor | undefined

  constructor(parts: MaintenanceParts) {
    this.parts = parts
  }

  /** Does all that is due. What fails is tried again by the next call. */
  async run(throttle: Throttle, signal: AbortSignal): Promise<void> {
    const { logStart } = this.parts
    const { cleanup } = this.parts.config.current
    if (cleanup === undefined) return
    const startBefore = logStart()
    try {
      await this.runSteps(cleanup, throttle, signal)
    } catch (error) {
      // What was deleted meanwhile needs no more looking after; the rest has its turn next time.
      if (logStart() === startBefore || !hasSystemCode(error, 'ENOENT')) throw error
    }
  }

  private async runSteps(cleanup: CleanupConfig, throttle: Throttle, signal: AbortSignal): Promise<void> {
    const { segments, logStart, lastStableOffset } = this.parts
    await this.rollIfIdle(cleanup)
    await segments.sealClosed()
    if (isDeleting(cleanup) && !signal.aborted) await this.deleteExpired(cleanup)
    if (!isCompacting(cleanup) || signal.aborted) return
    await segments.sealed()
    this.compactor ??= new Compactor(this.parts)
    const { current: config } = this.parts.config
    const offsets = { logStartOffset: logStart(), lastStableOffset: lastStableOffset() }
    await this.compactor.run({ config, cleanup, ...offsets, throttle, signal })
  }

  /** Only closed segments can go, so an active one that nobody writes to is closed when its time has come. */
  private async rollIfIdle(cleanup: CleanupConfig): Promise<void> {
    const { context, segments, writer } = this.parts
    const config = this.parts.config.current
    await writer.catchUp()
    const { active } = segments
    if (active.sizeBytes === 0) return
    const nowMs = context.clock.nowMs()
    const ageMs = nowMs - (active.startedAtMs ?? nowMs)
    const mayCompact = isCompacting(cleanup) && ageMs >= Math.min(config.segmentMs, cleanup.maxCompactionLagMs)
    const mayGo = isDeleting(cleanup) && (await isExpired(active, cleanup.retentionMs, nowMs))
    if (mayCompact || mayGo) await writer.settle('roll')
  }

  private async deleteExpired(cleanup: CleanupConfig): Promise<void> {
    const { context, segments, raiseStart } = this.parts
    const all = segments.all()
    const start = await retainedStart(all, cleanup, context.clock.nowMs())
    if (start > (all[0]?.baseOffset ?? 0)) await raiseStart(start)
  }
}
