import type { TopicConfig } from '@millrace/engine'

/** Whether a batch has the time of its append in place of what its records said. */
export type Stamped = 'yes' | 'no' | 'perhaps'

/** What the settings of a topic are, may be and were: what somebody asks for may hold from then on, whatever is answered. */
export class ConfigHistory {
  private readonly all: TopicConfig[]
  private possible: readonly TopicConfig[]
  private sinceStart: readonly TopicConfig[]
  private changes = 0

  constructor(config: TopicConfig) {
    this.all = [config]
    this.possible = [config]
    this.sinceStart = [config]
  }

  /** Raised whenever other settings may hold than before. */
  get version(): number {
    return this.changes
  }

  get mayCompact(): boolean {
    return this.ever(({ cleanupPolicy }) => cleanupPolicy !== 'delete')
  }

  /** The most bytes that a segment may ever have been given. */
  get largestSegmentBytes(): number {
    return Math.max(...this.all.map(({ segmentBytes }) => segmentBytes))
  }

  /** Whether all that was committed since the last start of the engine was synced before. */
  get wasAlwaysSynced(): boolean {
    return this.sinceStart.every(({ flushPolicy }) => flushPolicy === 'commit')
  }

  /** Somebody asks for this. */
  ask(config: TopicConfig): void {
    this.all.push(config)
    this.possible = [...this.possible, config]
    this.sinceStart = [...this.sinceStart, config]
    this.changes++
  }

  /** This holds, and nothing else that was asked for. */
  settle(config: TopicConfig): void {
    this.possible = [config]
    this.changes++
  }

  /** The engine has started with this. */
  start(config: TopicConfig): void {
    this.settle(config)
    this.sinceStart = [config]
  }

  /** Whether what was sent at `version` and is committed now was synced before. */
  isSynced(version: number): boolean {
    return version === this.version && this.possible.every(({ flushPolicy }) => flushPolicy === 'commit')
  }

  stamped(version: number): Stamped {
    if (!this.ever(({ timestampType }) => timestampType === 'LogAppendTime')) return 'no'
    const [config, ...others] = this.possible
    if (config === undefined || others.length > 0 || version !== this.version) return 'perhaps'
    return config.timestampType === 'LogAppendTime' ? 'yes' : 'no'
  }

  /** Whether settings that allow something may ever have held. */
  ever(allows: (config: TopicConfig) => boolean): boolean {
    return this.all.some(allows)
  }
}
