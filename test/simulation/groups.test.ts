import { Broker } from '@millrace/broker'
import type { Engine } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { DEFAULT_LIMITS, type Limits, MillraceError, silentLogger } from '@millrace/record'
import { batchOf, CrashDisk, type DiskFault, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { GroupMember } from './group-member.ts'

const SEEDS = Number(process.env.MILLRACE_GROUP_CRASH_SEEDS ?? 60)
const FIRST_SEED = Number(process.env.MILLRACE_GROUP_CRASH_SEED ?? 1)
const LIMITS: Limits = { ...DEFAULT_LIMITS, journalBytes: 16_384, openFiles: 4 }
const PARTITIONS = 6
const RECORDS = 5_000

/** In which the groups' topic is made anew after a failure, and the server crashes over it. */
const TELLING_SEEDS = [189]
const FAULTS: readonly DiskFault[] = [
  { operation: 'write', path: '.log', code: 'ENOSPC' },
  { operation: 'datasync', path: '.log', code: 'EIO' },
]

/** A consumer and what it may expect of the coordinator. */
interface Consumer {
  readonly member: GroupMember
  /** Whether it was told that it is a member, and has not left since. */
  isMember: boolean
  isConnected: boolean
  isBusy: boolean
}

interface Counts {
  crashes: number
  rejoined: number
  committed: number
  refused: number
  left: number
}

/** Consumers of one group over a broker on a disk that loses what was not synced, all from one seed. */
class Run {
  private readonly random: SeededRandom
  private readonly disk: CrashDisk
  private readonly counts: Counts
  private clock = new ManualClock()
  private engine!: Engine
  private broker!: Broker
  private readonly consumers: Consumer[] = []
  private offset = 0
  private readonly sent = new Map<number, number>()
  private readonly acknowledged = new Map<number, number>()
  private defect: unknown
  private life = 0
  private came = 0

  constructor(seed: number, counts: Counts) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(this.random)
    this.counts = counts
  }

  async run(): Promise<void> {
    await this.open()
    await this.broker.topics.create({ name: 'orders', partitions: PARTITIONS })
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const target = await this.broker.produce.target('orders', partition)
      await target.append(batchOf(Array<string>(RECORDS).fill('')), 'committed')
    }
    for (let life = 0; life < 4; life++) {
      for (let step = this.random.int(20, 80); step > 0; step--) {
        if (this.random.bool(0.03)) this.disk.failNext(this.random.pick(FAULTS))
        this.act()
        await ticks(this.random.int(0, 6))
        this.check()
      }
      await this.end()
      await this.open()
      await this.checkOffsets()
    }
    await this.calmDown()
    await this.broker.close()
    await this.engine.close()
  }

  private act(): void {
    const { random } = this
    const what = random.pick([
      'come',
      'join',
      'join',
      'obey',
      'obey',
      'obey',
      'commit',
      'commit',
      'break',
      'leave',
      'time',
    ])
    if (what === 'come' && this.consumers.length < 5) this.come()
    if (what === 'time') this.clock.advance(random.pick([10, 1_000]))
    if (this.consumers.length === 0) return
    const consumer = random.pick(this.consumers)
    if (what === 'join') this.join(consumer)
    if (!consumer.isConnected) return
    if (what === 'obey') consumer.member.obey()
    if (what === 'commit') this.commit(consumer)
    if (what === 'break') {
      consumer.member.membership.disconnected()
      consumer.isConnected = false
    }
    if (what === 'leave' && random.bool(0.5)) this.leave(consumer)
  }

  private come(): void {
    // Session time-outs are far off: whoever was told that it is a member stays one.
    const member = new GroupMember(this.broker.groups, `member${++this.came}`)
    this.consumers.push({ member, isMember: false, isConnected: false, isBusy: false })
  }

  private join(consumer: Consumer): void {
    if (consumer.isConnected || consumer.isBusy) return
    const { member, isMember } = consumer
    const known = member.epoch
    const { life } = this
    consumer.isBusy = true
    member
      .join()
      .then(
        () => {
          if (life !== this.life) return
          if (member.epoch < known)
            throw new Error(`${member.memberId} went back from epoch ${known} to ${member.epoch}`)
          if (isMember) this.counts.rejoined++
          consumer.isMember = true
          consumer.isConnected = true
        },
        (error: unknown) => {
          if (isMember && isRefusal(error)) throw new Error(`${member.memberId} was refused`, { cause: error })
        },
      )
      .catch((error: unknown) => {
        this.defect ??= error
      })
      .finally(() => {
        consumer.isBusy = false
      })
  }

  private commit({ member }: Consumer): void {
    if (member.partitions.length === 0) return
    const partition = this.random.pick(member.partitions)
    const offset = ++this.offset
    this.sent.set(partition, offset)
    member.membership.commit([{ topic: 'orders', partition, offset, metadata: '' }]).then(
      () => {
        this.counts.committed++
        this.acknowledged.set(partition, Math.max(offset, this.acknowledged.get(partition) ?? 0))
      },
      (error: unknown) => {
        this.counts.refused++
        if (error instanceof MillraceError && error.code !== 'INTERNAL' && !isRefusal(error)) return
        this.defect ??= error
      },
    )
  }

  private leave(consumer: Consumer): void {
    this.counts.left++
    this.consumers.splice(this.consumers.indexOf(consumer), 1)
    consumer.member.leave().catch(() => {})
  }

  /** Nobody works on what another works on, here or cut off. */
  private check(): void {
    if (this.defect !== undefined) throw this.defect
    const workers = new Map<number, string>()
    for (const { member } of this.consumers) {
      if (isRefusal(member.error)) throw member.error
      for (const partition of member.partitions) {
        const other = workers.get(partition)
        if (other !== undefined) throw new Error(`${member.memberId} and ${other} both work on ${partition}`)
        workers.set(partition, member.memberId)
      }
    }
  }

  private async checkOffsets(): Promise<void> {
    const groups = await this.broker.groups.list()
    const offsets = groups.length === 0 ? [] : await this.broker.groups.offsets('workers', {})
    const found = new Map(offsets.map(({ partition, offset }) => [partition, offset]))
    for (const [partition, offset] of this.acknowledged) {
      expect(found.get(partition) ?? -1, `offset of ${partition}`).toBeGreaterThanOrEqual(offset)
    }
    for (const [partition, offset] of found) {
      expect(offset, `offset of ${partition}`).toBeLessThanOrEqual(this.sent.get(partition) ?? -1)
    }
  }

  private async end(): Promise<void> {
    this.disk.clearFaults()
    this.life++
    const end = this.random.pick(['crash', 'crash', 'kill', 'close'])
    if (end === 'close') {
      await this.broker.close()
      await this.engine.close()
    } else {
      this.counts.crashes++
      if (end === 'crash') this.disk.crash()
      else this.disk.kill()
    }
    for (const consumer of this.consumers) consumer.isConnected = false
  }

  private async open(): Promise<void> {
    // The timers of one that is dead do not fire.
    this.clock = new ManualClock(this.clock.nowMs())
    const surroundings = { clock: this.clock, limits: LIMITS, logger: silentLogger }
    this.engine = await openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', ...surroundings })
    this.broker = new Broker({ engine: this.engine, ...surroundings })
    await this.broker.open()
    expect(await this.broker.problems()).toEqual([])
    for (const consumer of this.consumers) {
      consumer.member.groups = this.broker.groups
      consumer.isBusy = false
    }
  }

  /**
   * All who are members come back, and go on until each partition is somebody's. Those whose leave was not heard, and those
   * whose join was not answered, end with their sessions.
   */
  private async calmDown(): Promise<void> {
    this.come()
    for (let round = 0; round < 40; round++) {
      this.clock.advance(100_000)
      for (const consumer of this.consumers) {
        this.join(consumer)
        if (consumer.isConnected) consumer.member.membership.heartbeat()
      }
      await ticks(20)
      for (const { member, isConnected } of this.consumers) if (isConnected) member.obey()
      await ticks(20)
      this.check()
    }
    const { memberList, state } = await this.broker.groups.describe('workers')
    expect(state).toBe('stable')
    const known = this.consumers.map(({ member }) => member.memberId)
    expect(memberList.map(({ memberId }) => memberId).toSorted()).toEqual(known.toSorted())
    const owned = this.consumers.flatMap(({ member }) => member.partitions)
    expect(owned.toSorted()).toEqual(Array.from({ length: PARTITIONS }, (_, partition) => partition))
    await this.checkOffsets()
  }
}

function isRefusal(error: unknown): boolean {
  const codes = ['UNKNOWN_MEMBER', 'STALE_MEMBER_EPOCH', 'PARTITION_NOT_OWNED']
  return error instanceof MillraceError && codes.includes(error.code)
}

async function ticks(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

test('members, what they own and what they committed are there after every crash', { timeout: 300_000 }, async () => {
  const counts: Counts = { crashes: 0, rejoined: 0, committed: 0, refused: 0, left: 0 }
  const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index)
  for (const seed of [...seeds, ...TELLING_SEEDS]) {
    try {
      await new Run(seed, counts).run()
    } catch (error) {
      const { message } = error as Error
      throw new Error(`seed ${seed} (MILLRACE_GROUP_CRASH_SEED=${seed}): ${message}`, { cause: error })
    }
  }
  process.stdout.write(
    `groups in ${seeds.length + TELLING_SEEDS.length} simulated histories: ${JSON.stringify(counts)}\n`,
  )
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0)
})
