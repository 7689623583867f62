import { MillraceError } from '@millrace/record'
import type { SeededRandom } from '@millrace/testkit'
import { type AssignmentMessage, GroupMachine, type Settled } from '../src/groups/group-machine.ts'
import { type MemberRecord, memberRecord, savedMember } from '../src/groups/group-records.ts'
import { type PartitionId, partitionId, topicOf } from '../src/groups/partition-id.ts'
import type { Subscription } from '../src/groups/subscription.ts'
import { TopicIndex } from '../src/groups/topic-index.ts'

/** A consumer: what it knows, what it works on, and what is on its way to it and from it. */
export class Client {
  readonly id: string
  readonly instanceId: string | undefined
  readonly assignor: 'range' | 'uniform'
  subscription: Subscription
  epoch = 0
  state: 'out' | 'joining' | 'in' | 'gone' = 'out'
  isConnected = false
  /** What it works on. */
  readonly owned = new Set<PartitionId>()
  assignment: readonly PartitionId[] = []
  /** What it was asked for and is about to give back. */
  readonly leaving = new Set<PartitionId>()
  inbox: AssignmentMessage[] = []
  outbox: { readonly epoch: number; readonly owned: readonly PartitionId[] }[] = []

  constructor(id: string, o: Pick<Client, 'instanceId' | 'assignor' | 'subscription'>) {
    this.id = id
    this.instanceId = o.instanceId
    this.assignor = o.assignor
    this.subscription = o.subscription
  }

  hear(): void {
    const message = this.inbox.shift()
    if (message === undefined) return
    this.epoch = message.epoch
    this.assignment = message.partitions
    const assigned = new Set(message.partitions)
    for (const id of this.owned) if (!assigned.has(id)) this.leaving.add(id)
    this.takeUp()
  }

  /** Gives back what it was asked for, also what it was given again since; that it takes up once more. */
  giveBack(): void {
    for (const id of this.leaving) this.owned.delete(id)
    this.leaving.clear()
    this.say()
    this.takeUp()
    this.say()
  }

  say(): void {
    if (this.isConnected) this.outbox.push({ epoch: this.epoch, owned: [...this.owned] })
  }

  forgetAll(): void {
    this.owned.clear()
    this.leaving.clear()
    this.assignment = []
    this.epoch = 0
  }

  private takeUp(): void {
    for (const id of this.assignment) if (!this.leaving.has(id)) this.owned.add(id)
  }
}

/** What can happen. */
const STEPS = {
  often: ['hear', 'giveBack', 'send', 'settle'],
  sometimes: ['come', 'say', 'break', 'rejoin', 'expire', 'leave', 'rest', 'die', 'change'],
  seldom: ['topic', 'withhold', 'giveOut', 'crash', 'failToSettle'],
} as const

interface Unit {
  readonly key: string
  readonly value: string | undefined
}

/** A group's machine with topics, consumers and a disk, all of which chance may let down. */
export class GroupWorld {
  readonly topics = new TopicIndex()
  readonly clients: Client[] = []
  machine: GroupMachine
  highestHeard = 0
  readonly counts = {
    crashed: 0,
    handedOver: 0,
    fenced: 0,
    refusedInstance: 0,
    refusedRejoin: 0,
    withheld: 0,
    partly: 0,
  }
  private readonly random: SeededRandom
  private readonly disk = new Map<string, string>()
  private readonly names = new Map<string, number>()
  private readonly habits: readonly string[]
  private withheld: PartitionId[] = []
  private made = 0

  constructor(random: SeededRandom) {
    this.random = random
    this.machine = new GroupMachine(this.topics, { epoch: 0, members: [] })
    this.habits = this.chooseHabits()
    for (let count = random.int(1, 3); count > 0; count--) this.makeTopic()
  }

  step(): void {
    const { random } = this
    const client = this.clients.length === 0 ? undefined : random.pick(this.clients)
    const what = random.pick(this.habits)
    if (what === 'come') this.come()
    else if (what === 'settle') this.settle()
    else if (what === 'failToSettle') this.failToSettle()
    else if (what === 'crash') this.crash()
    else if (what === 'topic') this.changeTopics()
    else if (what === 'withhold') this.withhold()
    else if (what === 'giveOut') this.giveOut()
    else if (client !== undefined) this.act(client, what)
  }

  /** Whether the machine and the consumer agree that it is a member. */
  isLive(client: Client): boolean {
    return client.state === 'in' && this.machine.members.has(client.id)
  }

  /** Everything works again, and who is there goes on until nothing is left to do. */
  calmDown(): void {
    this.giveOut()
    for (const { id } of this.clients.filter(({ state }) => state === 'gone')) this.machine.remove(id)
    for (let round = 0; ; round++) {
      if (round === 100) throw new Error('the group does not settle')
      for (const client of this.clients) if (client.state !== 'gone' && !client.isConnected) this.join(client)
      this.settle()
      for (const client of this.clients) {
        while (client.inbox.length > 0) client.hear()
        if (client.isConnected) client.giveBack()
        while (client.outbox.length > 0) this.send(client)
      }
      if (!this.machine.isUnsettled && this.clients.every((c) => c.state === 'gone' || c.state === 'in')) return
    }
  }

  /** All partitions that a consumer who is there wants. */
  wanted(): PartitionId[] {
    const topics = new Set(
      this.clients
        .filter(({ state }) => state === 'in')
        .flatMap(({ subscription }) => [...this.topics.resolve(subscription)]),
    )
    return [...topics].flatMap((id) =>
      Array.from({ length: this.topics.partitionsOf(id) }, (_, partition) => partitionId(id, partition)),
    )
  }

  reload(): GroupMachine {
    const members = [...this.disk].filter(([key]) => key !== 'group')
    return new GroupMachine(this.topics, {
      epoch: Number(this.disk.get('group') ?? 0),
      members: members.map(([id, json]) => savedMember(id, JSON.parse(json) as MemberRecord)),
    })
  }

  /** What the consumer may still do for the group, by its epoch. */
  mayCommit(client: Client, partitions: readonly PartitionId[]): boolean {
    try {
      this.machine.checkCommit(client.id, client.epoch, partitions)
      return true
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      this.counts.fenced++
      return false
    }
  }

  /** Each history has more of this and none of that: some faults are only seen where others do not get in their way. */
  private chooseHabits(): string[] {
    const { random } = this
    const times = (what: string, choices: readonly number[]) => Array<string>(random.pick(choices)).fill(what)
    return [
      'come',
      'settle',
      ...STEPS.often.flatMap((what) => times(what, [2, 6])),
      ...STEPS.sometimes.flatMap((what) => times(what, [0, 1, 3])),
      ...STEPS.seldom.flatMap((what) => times(what, [0, 0, 1, 3])),
    ]
  }

  private act(client: Client, what: string): void {
    if (what === 'hear') client.hear()
    if (what === 'giveBack' && client.leaving.size > 0) client.giveBack()
    if (what === 'say') client.say()
    if (what === 'send') this.send(client)
    if (what === 'break') this.disconnect(client)
    if (what === 'rejoin' && !client.isConnected && client.state !== 'gone') this.join(client)
    if (what === 'expire') this.expire(client)
    if (what === 'die' && client.state === 'in') {
      this.disconnect(client)
      client.forgetAll()
      client.state = 'gone'
    }
    if (what === 'change' && client.state === 'in') {
      // A subscription changes with a new connection.
      this.disconnect(client)
      client.subscription = this.subscription()
    }
    if ((what === 'leave' || what === 'rest') && client.isConnected && client.state === 'in') {
      this.machine.leave(client.id, what === 'leave')
      this.disconnect(client)
      client.forgetAll()
      client.state = 'gone'
    }
  }

  private come(): void {
    if (this.clients.filter(({ state }) => state !== 'gone').length >= 6) return
    const { random } = this
    const instanceId = random.bool(0.4) ? `instance${random.int(0, 2)}` : undefined
    const assignor = random.bool(0.7) ? 'uniform' : 'range'
    const client = new Client(`client${this.made++}`, { instanceId, assignor, subscription: this.subscription() })
    this.clients.push(client)
    this.join(client)
  }

  private join(client: Client): void {
    const { id: memberId, epoch: memberEpoch, instanceId, subscription, assignor, owned } = client
    const members = [...this.machine.members.values()]
    const predecessor = members.find(
      (m) => m.instanceId !== undefined && m.instanceId === instanceId && m.id !== memberId,
    )
    try {
      this.machine.join({
        memberId,
        memberEpoch,
        instanceId,
        subscription,
        assignor,
        clientId: '',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        owned: [...owned],
      })
    } catch (error) {
      this.refuse(client, error)
      return
    }
    if (predecessor !== undefined) this.counts.handedOver++
    client.state = memberEpoch === 0 ? 'joining' : 'in'
    client.isConnected = true
  }

  private refuse(client: Client, error: unknown): void {
    if (!(error instanceof MillraceError)) throw error
    if (error.code === 'INSTANCE_ID_IN_USE') {
      this.counts.refusedInstance++
      const rival = this.clients.find(
        (other) => other !== client && other.instanceId === client.instanceId && other.isConnected,
      )
      if (rival === undefined) throw error
      client.state = 'gone'
    } else if (error.code === 'UNKNOWN_MEMBER' || error.code === 'STALE_MEMBER_EPOCH') {
      this.counts.refusedRejoin++
      client.state = 'out'
    } else {
      throw error
    }
    client.forgetAll()
  }

  private send(client: Client): void {
    const said = client.outbox.shift()
    if (said === undefined || !this.machine.members.has(client.id)) return
    this.machine.owns(client.id, said.epoch, said.owned)
  }

  private disconnect(client: Client): void {
    if (client.isConnected) this.machine.disconnected(client.id)
    client.isConnected = false
    client.inbox = []
    client.outbox = []
    if (client.state === 'joining') client.state = 'out'
  }

  /** The member was silent for too long; the consumer hears of it, or, stopped or cut off, goes on for a while. */
  private expire(client: Client): void {
    if (!this.machine.members.has(client.id)) return
    const isTold = client.isConnected && this.random.bool()
    this.disconnect(client)
    this.machine.remove(client.id)
    if (client.state !== 'in') return
    if (isTold) {
      client.forgetAll()
      client.state = 'out'
    }
  }

  private settle(): void {
    const settled = this.machine.settle()
    for (const { key, value } of unitsOf(settled)) this.write(key, value)
    for (const client of this.clients) {
      if (client.state === 'joining') {
        client.epoch = this.machine.member(client.id).epoch
        client.state = 'in'
      }
    }
    for (const message of settled.messages) {
      this.clients.find(({ id, isConnected }) => isConnected && id === message.memberId)?.inbox.push(message)
      this.highestHeard = Math.max(this.highestHeard, message.epoch)
    }
  }

  private failToSettle(): void {
    const settled = this.machine.settle()
    this.writeSome(settled)
    this.machine.unsettle(settled)
    for (const client of this.clients) if (client.state === 'joining') this.disconnect(client)
  }

  private crash(): void {
    this.counts.crashed++
    if (this.random.bool()) this.writeSome(this.machine.settle())
    this.machine = this.reload()
    for (const client of this.clients) {
      if (client.state === 'joining') client.state = 'out'
      client.isConnected = false
      client.inbox = []
      client.outbox = []
    }
    this.withheld = []
  }

  private writeSome(settled: Settled): void {
    const units = unitsOf(settled)
    const written = this.random.int(0, units.length)
    if (written > 0 && written < units.length) this.counts.partly++
    for (const { key, value } of units.slice(0, written)) this.write(key, value)
  }

  private write(key: string, value: string | undefined): void {
    if (value === undefined) this.disk.delete(key)
    else this.disk.set(key, value)
  }

  private withhold(): void {
    const all = [...this.machine.members.values()].flatMap(({ holdings }) => [...holdings.keys()])
    if (this.withheld.length > 0 || all.length === 0) return
    this.counts.withheld++
    this.withheld = all.filter(() => this.random.bool())
    this.machine.withhold(this.withheld)
  }

  private giveOut(): void {
    this.machine.giveOut(this.withheld)
    this.withheld = []
  }

  private changeTopics(): void {
    const { random } = this
    const what = random.pick(['make', 'delete', 'grow', 'grow'])
    const name = this.names.size === 0 ? undefined : random.pick([...this.names.keys()])
    if (what === 'make' || name === undefined) this.makeTopic()
    else if (what === 'grow') {
      const topic = this.topics.named(name)!
      this.topics.set({ ...topic, partitions: topic.partitions + random.int(1, 3) })
    } else {
      const { id } = this.topics.named(name)!
      this.topics.delete(id)
      this.names.delete(name)
      for (const client of this.clients) {
        for (const owned of [...client.owned]) if (topicOf(owned) === id) client.owned.delete(owned)
      }
    }
    this.machine.topicsChanged()
  }

  private makeTopic(): void {
    const name = `topic${this.random.int(0, 4)}`
    if (this.names.has(name)) return
    const number = this.made++
    this.names.set(name, number)
    this.topics.set({ id: `id${number}`, name, partitions: this.random.int(1, 6) })
  }

  private subscription(): Subscription {
    const { random } = this
    if (random.bool()) return { pattern: 'topic.*' }
    const topics = ['topic0', 'topic1', 'topic2', 'topic3', 'topic4'].filter(() => random.bool())
    return topics.length === 0 ? { pattern: 'topic[0-2]' } : { topics }
  }
}

function unitsOf({ epoch, isEpochNew, changed, removed }: Settled): Unit[] {
  const units: Unit[] = removed.map((id) => ({ key: id, value: undefined }))
  if (isEpochNew) units.push({ key: 'group', value: String(epoch) })
  for (const member of changed) units.push({ key: member.id, value: JSON.stringify(memberRecord(member)) })
  return units
}
