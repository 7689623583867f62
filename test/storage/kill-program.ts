/*
 * A program that uses a data directory in every way there is, tells what it does and what it was promised, and dies at
 * a change of the disk. Run as `node kill-program.ts DIRECTORY OPTIONS`; it tells with JSON lines on standard output,
 * which is a file, so that nothing of what it said is lost.
 */
import { writeSync } from 'node:fs'
import type { Engine, TopicDescription } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { nodeDisk } from '@millrace/log'
import { MillraceError, silentLogger } from '@millrace/record'
import { ManualClock, seededRandom } from '@millrace/testkit'
import { batchOfTexts } from './compacted-records.ts'
import { KillDisk } from './kill-disk.ts'
import { type Event, LIMITS, type ProgramOptions, TOPICS, type TopicName } from './kill-events.ts'

const ROUNDS = 5
/** Of appends, until retention has done its work. */
const MAX_ROUNDS = 50
const KEYS = ['a', 'b', 'c', 'd']

const [dataDir = '', json = '{}'] = process.argv.slice(2)
const options = JSON.parse(json) as ProgramOptions
const random = seededRandom(options.life)
const clock = new ManualClock()
const disk = new KillDisk(nodeDisk(), options.killPoint, (death) =>
  tell({ event: 'dies', phase: disk.phase, ...death }),
)
let values = 0
let compactions = 0
const logger = {
  ...silentLogger,
  info: ({ directory }: { directory?: string }, message: string): void => {
    if (message === 'a partition was compacted' && directory?.endsWith('/compacted-0')) compactions++
  },
}

function tell(event: Event): void {
  writeSync(1, `${JSON.stringify(event)}\n`)
}

function enter(phase: string): void {
  disk.phase = phase
  tell({ event: 'enters', phase, changes: disk.changes })
}

/** What this process knows of a topic. */
class Topic {
  readonly description: TopicDescription
  private readonly engine: Engine
  private readonly producerId: number
  private readonly sequences: number[]

  constructor(engine: Engine, description: TopicDescription, producerId: number) {
    this.engine = engine
    this.description = description
    this.producerId = producerId
    this.sequences = Array.from({ length: description.partitions }, () => 0)
  }

  /** Makes the topic, if it is not there. */
  static async open(engine: Engine, name: TopicName, producerId: number): Promise<Topic> {
    const found = await engine.topics.find(name)
    if (found !== undefined) return new Topic(engine, found, producerId)
    tell({ event: 'creates', topic: name })
    const topic = await engine.topics.create({ name, ...TOPICS[name] })
    tell({ event: 'created', topic: name, id: topic.id })
    return new Topic(engine, topic, producerId)
  }

  /** Appends to each partition, two batches where `twice` says so, and waits for all. */
  async appendToAll({ twice = false } = {}): Promise<void> {
    const appends = this.sequences.flatMap((_, partition) => [
      this.append(partition),
      ...(twice ? [this.append(partition)] : []),
    ])
    await Promise.all(appends)
  }

  async append(partition: number): Promise<void> {
    const { id } = this.description
    const { producerId } = this
    const records = Array.from({ length: random.int(1, 3) }, (_, index) => this.newRecord(index === 0))
    const baseSequence = this.sequences[partition] as number
    this.sequences[partition] = baseSequence + records.length
    const batch = batchOfTexts(records, { producerId, producerEpoch: 0, baseSequence })
    tell({ event: 'sends', id, partition, records, producerId, baseSequence })
    try {
      const { baseOffset } = await this.engine.partition(id, partition).append(batch, { acks: 'committed' })
      tell({ event: 'acknowledged', id, partition, record: records[0] as string, baseOffset })
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'TOPIC_NOT_FOUND') throw error
    }
  }

  /** @param isUnique whether it must be told from all others */
  private newRecord(isUnique: boolean): string {
    const key = this.description.name === 'compacted' ? `${random.pick(KEYS)}=` : ''
    if (key !== '' && !isUnique && random.bool(0.3)) return key
    return `${key}${options.life}-${values++} ${'x'.repeat(100)}`
  }

  /** Deletes the first half of the first partition. */
  async truncate(): Promise<void> {
    const { id } = this.description
    const partition = this.engine.partition(id, 0)
    const { highWatermark } = await partition.status()
    const offset = Math.floor(highWatermark / 2)
    tell({ event: 'truncates', id, partition: 0, offset })
    await partition.truncateBefore(offset)
    tell({ event: 'truncated', id, partition: 0, offset })
  }

  /** Of the first partition. */
  async logStart(): Promise<number> {
    return (await this.engine.partition(this.description.id, 0).status()).logStartOffset
  }

  async delete(): Promise<void> {
    const { id } = this.description
    tell({ event: 'deletes', id })
    await this.engine.topics.delete(id)
    tell({ event: 'deleted', id })
  }
}

enter('opening')
const engine = await openLocalEngine({ disk, dataDir, clock, logger, limits: LIMITS })
enter('creating')
const { producerId } = await engine.producers.allocate()
const kept = await Topic.open(engine, 'kept', producerId)
const expiring = await Topic.open(engine, 'expiring', producerId)
const doomed = await Topic.open(engine, 'doomed', producerId)
enter('appending')
for (let round = 0; round < ROUNDS; round++) {
  await Promise.all([kept.appendToAll({ twice: true }), expiring.appendToAll({ twice: true }), doomed.appendToAll()])
  await kept.append(random.int(0, TOPICS.kept.partitions - 1))
}
enter('truncating')
await Promise.all([kept.truncate(), kept.appendToAll()])
enter('deleting')
await Promise.all([doomed.delete(), doomed.appendToAll(), kept.appendToAll()])
enter('creating again')
const second = await Topic.open(engine, 'doomed', producerId)
await Promise.all([second.appendToAll(), expiring.appendToAll()])
enter('keeping house')
clock.advance(LIMITS.housekeepingIntervalMs)
for (let round = 0; round < MAX_ROUNDS && (await expiring.logStart()) === 0; round++) await kept.append(0)
const compacted = await Topic.open(engine, 'compacted', producerId)
for (const phase of ['compacting', 'compacting again']) {
  for (let round = 0; round < 3 * ROUNDS; round++) await compacted.appendToAll({ twice: true })
  enter(phase)
  const wanted = compactions + 1
  while (compactions < wanted) {
    clock.advance(LIMITS.housekeepingIntervalMs / 10)
    await kept.append(0)
  }
}
// So that the end of the log waits for its interval.
await expiring.appendToAll()
enter('closing')
await engine.close()
enter('closed')
