import type { TopicChange, TopicSettings } from '@millrace/engine'
import { MillraceError } from '@millrace/record'
import type { BackupModels } from './backup-models.ts'
import type { OperationsOptions } from './operations.ts'
import { HOUSEKEEPING_MS } from './topic-kinds.ts'

const MOST_PARTITIONS = 8
const CHANGES: readonly TopicSettings[] = [
  { 'segment.bytes': '1024' },
  { 'segment.bytes': '4000' },
  { 'flush.policy': 'commit' },
  { 'flush.policy': 'commit' },
  { 'flush.policy': 'interval', 'flush.ms': '700' },
  { 'flush.policy': 'os' },
  { 'retention.bytes': '3000' },
  { 'retention.ms': String(2 * HOUSEKEEPING_MS), 'segment.ms': String(HOUSEKEEPING_MS) },
  { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.1' },
  { 'cleanup.policy': 'delete' },
  { 'cleanup.policy': 'compact,delete' },
  { 'message.timestamp.type': 'LogAppendTime' },
  { 'message.timestamp.type': 'CreateTime' },
]

/** What those who look after the engine of one life do with it. */
export class Administration {
  private readonly options: OperationsOptions
  private readonly backups: BackupModels

  constructor(options: OperationsOptions, backups: BackupModels) {
    this.options = options
    this.backups = backups
  }

  /** Gives a topic other settings, or more partitions, or both, while clients go on. */
  async alter(): Promise<void> {
    const { engine, random, models, counts, whileAlive } = this.options
    const topics = models.topics()
    if (topics.length === 0) return
    const { id, partitions } = random.pick(topics)
    const change: TopicChange = {
      ...(random.bool(0.8) ? { set: random.pick(CHANGES) } : {}),
      ...(random.bool(0.4) ? { partitions: Math.max(partitions, random.int(1, MOST_PARTITIONS)) } : {}),
    }
    const expected = models.noteAlteration(id, change)
    if (expected === undefined) return
    try {
      models.endAlteration(id, await whileAlive(engine.topics.alter(id, change)), expected)
      counts['topics altered']++
      counts['partitions added'] += expected.partitions - partitions
    } catch (error) {
      if (error instanceof MillraceError) models.endAlteration(id, undefined, expected)
      throw error
    }
  }

  /** Makes a backup while clients go on. It is opened after the end of this life. */
  async backUp(): Promise<void> {
    const { engine, models, counts, whileAlive } = this.options
    const backup = this.backups.begin(models)
    await whileAlive(engine.backups?.create(backup.name) ?? Promise.reject(new Error('no backups')))
    backup.isAnswered = true
    counts['backups made']++
  }
}
