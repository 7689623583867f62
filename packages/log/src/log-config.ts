import type { CleanupConfig } from './cleanup-config.ts'

/** The part of a topic's configuration that the log goes by. */
export interface PartitionLogConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly flushPolicy: 'commit' | 'interval' | 'os'
  readonly flushMs: number
  /** Default CreateTime. */
  readonly timestampType?: 'CreateTime' | 'LogAppendTime'
  /** What may go, and when; undefined: nothing ever does. */
  readonly cleanup?: CleanupConfig
}

/** The configuration of one partition as it is at the moment; asked for anew whenever something hangs on it. */
export class LiveConfig {
  current: PartitionLogConfig

  constructor(config: PartitionLogConfig) {
    this.current = config
  }
}
