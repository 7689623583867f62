/**
 * What groups cost the broker by itself, without a network: `node bench/groups/run.ts [--dir DIR]`, with the built code or,
 * with `--conditions=development`, the source.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Broker, type MemberListener, type Membership, type TopicPartitions } from '@millrace/broker'
import { openLocalEngine } from '@millrace/engine-local'
import { nodeDisk } from '@millrace/log'
import { BatchBuilder, DEFAULT_LIMITS, foregroundClock, type MillraceError, silentLogger } from '@millrace/record'

/** A member that does at once what it is told. */
class Member implements MemberListener {
  heard = 0
  assigned_: readonly TopicPartitions[] = []
  membership: Membership | undefined
  readonly memberId: string

  constructor(memberId: string) {
    this.memberId = memberId
  }

  async join(broker: Broker, group: string, topic: string): Promise<this> {
    this.membership = await broker.groups.join(
      {
        group,
        memberId: this.memberId,
        memberEpoch: 0,
        instanceId: undefined,
        subscription: { topics: [topic] },
        assignor: 'uniform',
        sessionTimeoutMs: 45_000,
        rebalanceTimeoutMs: 60_000,
        owned: [],
        clientId: 'bench',
      },
      this,
    )
    return this
  }

  assigned(epoch: number, partitions: readonly TopicPartitions[]): void {
    this.heard++
    this.assigned_ = partitions
    this.membership?.owns(epoch, partitions)
  }

  ended(error: MillraceError): void {
    if (error.code !== 'SHUTTING_DOWN') throw error
  }
}

/** Waits until members have heard that they have all partitions between them, looking once per turn of the event loop. */
async function shared(members: readonly Member[], partitions: number): Promise<void> {
  const count = (): number =>
    members.reduce((sum, { assigned_ }) => sum + assigned_.reduce((all, one) => all + one.partitions.length, 0), 0)
  const fair = Math.floor(partitions / members.length)
  const isFair = ({ assigned_ }: Member): boolean => (assigned_[0]?.partitions.length ?? 0) >= fair
  while (count() !== partitions || !members.every(isFair)) await turn()
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function settle(broker: Broker): Promise<void> {
  await broker.topics.create({ name: 'many', partitions: 1_000 })
  let members = Array.from({ length: 100 }, (_, index) => new Member(`member${index}`))
  const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    for (const member of members) member.heard = 0
    const startedMs = performance.now()
    await work()
    await shared(members, 1_000)
    const tookMs = (performance.now() - startedMs).toFixed(1)
    const heard = members.reduce((sum, member) => sum + member.heard, 0)
    console.log(`${what}: ${tookMs} ms, ${heard} assignments heard`)
  }
  await timed('100 members share 1,000 partitions, all at once', () =>
    Promise.all(members.map((member) => member.join(broker, 'at once', 'many'))),
  )
  const late = new Member('late')
  members.push(late)
  await timed('one more', () => late.join(broker, 'at once', 'many'))
  members.pop()
  await timed('and it leaves', () => late.membership!.leave(true))
  members = Array.from({ length: 100 }, (_, index) => new Member(`next${index}`))
  await timed('100 members share 1,000 partitions, one after another', async () => {
    for (const member of members) await member.join(broker, 'one by one', 'many')
  })
}

function heartbeats(membership: Membership): void {
  const beats = 1_000_000
  const startedMs = performance.now()
  for (let beat = 0; beat < beats; beat++) membership.heartbeat()
  console.log(`a heartbeat: ${(((performance.now() - startedMs) / beats) * 1e6).toFixed(0)} ns`)
}

async function commits(broker: Broker): Promise<void> {
  const groups = 200
  await broker.topics.create({ name: 'few', partitions: 4 })
  const batch = (): Buffer => {
    const builder = new BatchBuilder()
    for (let record = 0; record < 1_000; record++) builder.append({ key: null, value: null, timestamp: Date.now() })
    return builder.build().buffer
  }
  for (let partition = 0; partition < 4; partition++) {
    await (await broker.produce.target('few', partition)).append(batch(), 'committed')
  }
  const members = await Promise.all(
    Array.from({ length: groups }, (_, index) => new Member(`worker${index}`).join(broker, `group${index}`, 'few')),
  )
  for (const member of members) await shared([member], 4)
  heartbeats(members[0]!.membership!)
  const perGroup = 500
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  await Promise.all(
    members.map(async ({ membership }) => {
      for (let offset = 1; offset <= perGroup; offset++) {
        await membership!.commit([{ topic: 'few', partition: offset % 4, offset, metadata: '' }])
      }
    }),
  )
  const tookMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(cpu)
  const rate = Math.round((groups * perGroup) / (tookMs / 1_000))
  const cpuUs = ((user + system) / (groups * perGroup)).toFixed(1)
  console.log(`commits of ${groups} groups, one in flight each, synced: ${rate}/s, ${cpuUs} µs of processor time each`)
}

const { values } = parseArgs({ options: { dir: { type: 'string', default: tmpdir() } } })
const directory = await mkdtemp(join(values.dir, 'millrace-groups-'))
const surroundings = { clock: foregroundClock, limits: DEFAULT_LIMITS, logger: silentLogger }
try {
  const engine = await openLocalEngine({ disk: nodeDisk(), dataDir: directory, ...surroundings })
  const broker = new Broker({ engine, ...surroundings })
  await broker.open()
  await settle(broker)
  await commits(broker)
  await broker.close()
  await engine.close()
  console.log(`load ${loadavg()[0]!.toFixed(2)}`)
} finally {
  await rm(directory, { recursive: true })
}
