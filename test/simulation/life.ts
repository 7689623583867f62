import type { Engine } from '@millrace/engine'
import { type ErrorCode, MillraceError } from '@millrace/record'
import type { CrashDisk, DiskFault, ManualClock, SeededRandom } from '@millrace/testkit'
import { Administration } from './administration.ts'
import type { BackupModels } from './backup-models.ts'
import type { Counts } from './counts.ts'
import { Operations } from './operations.ts'
import type { PartitionModel } from './partition-model.ts'
import { FLUSH_MS, HOUSEKEEPING_MS } from './topic-kinds.ts'
import type { TopicModels } from './topic-models.ts'
import type { TransactionalClient } from './transactional-client.ts'

/** What may happen in a step, and how often it does where a history has no opinion. */
const STEPS = {
  append: 30,
  appendToMany: 6,
  readTail: 5,
  readMiddle: 5,
  readCommitted: 5,
  transact: 12,
  readAll: 2,
  waitAtEnd: 3,
  findByTime: 3,
  truncate: 1,
  recreate: 0.5,
  alter: 1,
  backUp: 0.5,
  flush: 3,
  housekeep: 8,
  fail: 2,
  fillDisk: 0.6,
  settle: 3,
} as const
export type Step = keyof typeof STEPS
export type StepWeights = Readonly<Record<Step, number>>

/** Codes with which calls may fail, as faults, deletions and the end of the engine have it. Others are a defect. */
const ALLOWED: readonly string[] = [
  'COMMIT_UNKNOWN',
  'DISK_FULL',
  'LIMIT_REACHED',
  'OFFSET_OUT_OF_RANGE',
  'OUT_OF_ORDER_SEQUENCE',
  'PRODUCER_FENCED',
  'SHUTTING_DOWN',
  'STORAGE_FAILED',
  'TOPIC_EXISTS',
  'TOPIC_NOT_FOUND',
  'TRANSACTION_ABORTED',
] satisfies ErrorCode[]

const FAULTS: readonly DiskFault[] = [
  { operation: 'write', code: 'ENOSPC' },
  { operation: 'write', path: '.log', code: 'EIO', times: 3 },
  { operation: 'write', path: '.journal', code: 'ENOSPC', times: 2 },
  { operation: 'write', path: '.cleaned', code: 'ENOSPC' },
  { operation: 'datasync', path: '.log', code: 'EIO' },
  { operation: 'datasync', path: '.log', code: 'EIO', times: 2 },
  { operation: 'datasync', path: '.journal', code: 'EIO' },
  { operation: 'datasync', path: '.cleaned', code: 'EIO' },
  { operation: 'create', path: '.log', code: 'ENOSPC', times: 2 },
  { operation: 'create', path: '.journal', code: 'EIO' },
  { operation: 'rename', code: 'EIO' },
  { operation: 'rename', path: '.cleaned', code: 'EIO', times: 2 },
  { operation: 'rename', path: '.swap', code: 'EIO' },
  { operation: 'remove', path: '.journal', code: 'EIO' },
  { operation: 'remove', path: '.log', code: 'EIO' },
  { operation: 'syncDirectory', code: 'EIO' },
  { operation: 'truncate', path: '.log', code: 'EIO' },
  { operation: 'write', path: '.txnindex', code: 'ENOSPC' },
  { operation: 'read', path: '.txnindex', code: 'EIO' },
  { operation: 'read', path: '.log', code: 'EIO' },
  { operation: 'link', code: 'EIO' },
]

/** What makes one history differ from another. */
export interface LifeStyle {
  readonly weights: StepWeights
  /** Steps of one life at most. */
  readonly steps: number
  /** Turns of the event loop between two steps at most. */
  readonly pause: number
}

export interface LifeOptions {
  readonly engine: Engine
  readonly clock: ManualClock
  readonly disk: CrashDisk
  readonly random: SeededRandom
  readonly models: TopicModels
  readonly backups: BackupModels
  readonly clients: readonly TransactionalClient[]
  readonly counts: Counts
  readonly style: LifeStyle
  readonly newValue: () => string
}

/** One life of an engine, with many clients at once, from its start until it is ended. */
export class Life {
  private readonly options: LifeOptions
  private readonly operations: Operations
  private readonly administration: Administration
  private readonly running = new Set<Promise<void>>()
  private isOver = false
  private defect: unknown

  constructor(options: LifeOptions) {
    this.options = options
    const calls = { ...options, whileAlive: <T>(call: Promise<T>) => this.whileAlive(call) }
    this.operations = new Operations(calls)
    this.administration = new Administration(calls, options.backups)
  }

  /** Some steps, the last of which are still under way when it returns. */
  async live(): Promise<void> {
    const { random, models, style } = this.options
    for (const kind of models.missing()) this.start(this.operations.create(kind))
    await this.settle()
    for (let count = random.int(5, style.steps); count > 0; count--) {
      await this.step(pickStep(random, style.weights))
      await turns(random.int(0, style.pause))
    }
    await turns(random.pick([0, 1, 5, 30, 200]))
    this.throwDefect()
  }

  /** Waits for all that is under way, which the end of the engine must have ended. */
  async settle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running)
  }

  /** Nobody hears of what this life still brings about. */
  end(): void {
    this.isOver = true
  }

  /** @throws what a call failed with that must not fail so */
  throwDefect(): void {
    if (this.defect !== undefined) throw this.defect
  }

  /** Has each idempotent producer sent all that it has. */
  async deliverAll(): Promise<void> {
    for (const model of this.options.models.partitions()) {
      for (const stream of model.streams) await this.operations.deliver(model, stream)
    }
  }

  private async step(step: Step): Promise<void> {
    const { random, models, clock, disk, counts } = this.options
    const partitions = models.partitions()
    if (step === 'flush') clock.advance(FLUSH_MS)
    else if (step === 'housekeep') clock.advance(HOUSEKEEPING_MS)
    else if (step === 'fail') disk.failNext(random.pick(FAULTS))
    else if (step === 'fillDisk') {
      // It has room again when the next one of these comes, or the life ends.
      disk.capacityBytes = Number.isFinite(disk.capacityBytes)
        ? Number.POSITIVE_INFINITY
        : disk.usedBytes + random.int(0, 3_000)
      if (Number.isFinite(disk.capacityBytes)) counts['disks filled']++
    } else if (step === 'settle') {
      // Those who wait at an end wait for the clock.
      clock.advance(2 * FLUSH_MS)
      await Promise.race([this.settle(), turns(300)])
    } else if (step === 'recreate') {
      if (models.topics().length > 0) this.start(this.recreate())
    } else if (step === 'alter') {
      this.start(this.administration.alter())
    } else if (step === 'backUp') {
      this.start(this.administration.backUp())
    } else if (step === 'appendToMany') {
      for (const model of random.shuffle(partitions).slice(0, random.int(4, 8)))
        this.start(this.operations.append(model))
    } else if (step === 'transact') {
      this.start(this.operations.transact(random.pick(this.options.clients)))
    } else if (partitions.length > 0) {
      this.start(this.client(step, random.pick(partitions)))
    }
  }

  private client(step: Step, model: PartitionModel): Promise<void> {
    const { operations } = this
    switch (step) {
      case 'readTail':
        return operations.read(model, 'tail')
      case 'readCommitted':
        return operations.readCommitted(model)
      case 'readMiddle':
        return operations.read(model, 'middle')
      case 'readAll':
        return operations.read(model, 'all')
      case 'waitAtEnd':
        return operations.waitAtEnd(model)
      case 'findByTime':
        return operations.findByTime(model)
      case 'truncate':
        return operations.truncate(model)
      default:
        return operations.append(model)
    }
  }

  private async recreate(): Promise<void> {
    const { random, models } = this.options
    const topic = random.pick(models.topics())
    await this.operations.delete(topic)
    for (const kind of models.missing()) if (kind.name === topic.name) await this.operations.create(kind)
  }

  private start(work: Promise<void>): void {
    const noted = work
      .catch((error: unknown) => {
        if (!(error instanceof MillraceError) || !ALLOWED.includes(error.code)) this.defect ??= error
      })
      .finally(() => this.running.delete(noted))
    this.running.add(noted)
  }

  private whileAlive<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      call.then(
        (value) => this.isOver || resolve(value),
        (error: unknown) => this.isOver || reject(error),
      )
    })
  }
}

/** Some steps more often than others, each history in its own way. */
export function randomWeights(random: SeededRandom): StepWeights {
  const weights = Object.entries(STEPS).map(([step, weight]) => [step, weight * random.pick([0, 0.5, 1, 1, 3])])
  return { ...(Object.fromEntries(weights) as StepWeights), append: STEPS.append }
}

function pickStep(random: SeededRandom, weights: StepWeights): Step {
  const entries = Object.entries(weights) as [Step, number][]
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [step, weight] of entries) {
    left -= weight
    if (left < 0) return step
  }
  return 'append'
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
