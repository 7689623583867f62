import { DEFAULT_LIMITS, MillraceError } from '@millrace/record'
import { describe, expect, test, vi } from 'vitest'
import { commitOf, setUp } from '../../test/set-up.ts'
import { quiet, TestMember } from '../../test/test-member.ts'
import type { JoinRequest } from './group-types.ts'

const ALL = { orders: [0, 1, 2, 3] }

function together(...members: TestMember[]): number[] {
  return members.flatMap(({ has }) => [...(has.orders ?? [])]).toSorted()
}

describe('sharing partitions', () => {
  test('the first member gets all; the next ones get their share when it was given back', async () => {
    const { member, groups, messages } = await setUp()
    const first = await member().join()
    await quiet()
    expect(first.has).toEqual(ALL)
    first.obeys = false
    const second = await member().join()
    await quiet()
    expect(first.assignment[0]?.partitions).toHaveLength(2)
    expect(second.heard.map(({ partitions }) => partitions)).toEqual([{}])
    expect(await groups.describe('workers')).toMatchObject({ state: 'reconciling', members: 2 })
    first.obey()
    await quiet()
    expect(together(first, second)).toEqual([0, 1, 2, 3])
    expect(second.owned[0]!.partitions).toHaveLength(2)
    expect(await groups.list()).toMatchObject([{ name: 'workers', state: 'stable', members: 2 }])
    expect(messages.filter((message) => message === 'a member joined')).toHaveLength(2)
  })

  test('a member hears nothing while others share what is not its own', async () => {
    const { member } = await setUp()
    const members = [await member().join(), await member().join()]
    await quiet()
    const stays = await member({ subscription: { topics: ['others'] } }).join()
    await quiet()
    const heard = stays.heard.length
    await members[0]!.membership.leave(true)
    await quiet()
    expect(members[1]!.has).toEqual(ALL)
    expect(stays.heard).toHaveLength(heard)
  })

  test('members that come in one turn of the event loop share one epoch', async () => {
    const { member, groups } = await setUp()
    const members = [member(), member(), member(), member()]
    await Promise.all(members.map((one) => one.join()))
    await quiet()
    expect(members.map(({ heard }) => heard.length)).toEqual([1, 1, 1, 1])
    expect((await groups.stats())[0]).toMatchObject({ name: 'workers', members: 4, epoch: 1, rebalances: 1 })
  })

  test('the assignor that most ask for serves all', async () => {
    const { member, groups } = await setUp()
    await member({ memberId: 'b', assignor: 'range' }).join()
    await member({ memberId: 'c', assignor: 'range' }).join()
    const first = await member({ memberId: 'a' }).join()
    await quiet()
    expect(first.has).toEqual({ orders: [0, 1] })
    expect((await groups.describe('workers')).assignor).toBe('range')
  })

  test('a new topic, a pattern that it matches, and its end', async () => {
    const { member, broker } = await setUp()
    const named = await member({ subscription: { topics: ['orders', 'later'] } }).join()
    const pattern = await member({ group: 'others', subscription: { pattern: 'l.*r' } }).join()
    await quiet()
    expect(pattern.has).toEqual({})
    await broker.topics.create({ name: 'later', partitions: 2 })
    await broker.topics.create({ name: 'xlater', partitions: 2 })
    await quiet()
    expect(named.has).toEqual({ ...ALL, later: [0, 1] })
    expect(pattern.has).toEqual({ later: [0, 1] })
    await broker.topics.delete('later')
    await quiet()
    expect(named.has).toEqual(ALL)
    expect(pattern.has).toEqual({})
  })
})

describe('members that go', () => {
  test('one that leaves makes room at once, one that is silent after its session time-out', async () => {
    const { member, clock, messages } = await setUp()
    const [first, second] = [await member().join(), await member().join()]
    await quiet()
    await first.membership.leave(true)
    await quiet()
    expect(second.has).toEqual(ALL)
    const third = await member().join()
    await quiet()
    for (let second_ = 0; second_ < 10; second_++) {
      expect(third.ended_).toBeUndefined()
      clock.advance(1_000)
      second.membership.heartbeat()
    }
    await quiet()
    expect(third.ended_).toMatchObject({ code: 'UNKNOWN_MEMBER' })
    expect(second.has).toEqual(ALL)
    expect(messages).toEqual(expect.arrayContaining(['a member left', 'a member was removed']))
    await expect(third.membership.commit([])).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
    await expect(third.join()).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
    await third.reset().join()
    await quiet()
    expect(together(second, third)).toEqual([0, 1, 2, 3])
  })

  test('one that does not give back in time is removed, though it gives signs of life', async () => {
    const { member, clock } = await setUp()
    const first = await member().join()
    await quiet()
    first.obeys = false
    const second = await member().join()
    await quiet()
    clock.advance(4_999)
    first.membership.heartbeat()
    second.membership.heartbeat()
    expect(first.ended_).toBeUndefined()
    clock.advance(1)
    await quiet()
    expect(first.ended_).toMatchObject({ code: 'UNKNOWN_MEMBER' })
    expect(second.has).toEqual(ALL)
  })

  test('one whose connection breaks keeps all, and goes on where it was', async () => {
    const { member, clock } = await setUp()
    const [first, second] = [await member().join(), await member().join()]
    await quiet()
    const { has } = first
    const heard = second.heard.length
    first.membership.disconnected()
    clock.advance(9_000)
    second.membership.heartbeat()
    await first.join()
    await quiet()
    expect(first.has).toEqual(has)
    expect(second.heard).toHaveLength(heard)
    clock.advance(9_000)
    expect(first.ended_).toBeUndefined()
  })

  test('a second connection of a member ends the first, which can do nothing any more', async () => {
    const { member } = await setUp()
    const one = await member().join()
    await quiet()
    const { membership } = one
    await one.join()
    expect(one.ended_).toMatchObject({ code: 'CANCELLED' })
    await expect(membership.commit([])).rejects.toMatchObject({ code: 'CANCELLED' })
    membership.owns(99, [])
    membership.disconnected()
    await membership.leave(true)
    await quiet()
    expect(one.has).toEqual(ALL)
  })

  test('nobody is late when the process itself stood still', async () => {
    const { member, clock, groups } = await setUp()
    const one = await member().join()
    await quiet()
    // Timers of a process that was stopped fire when it goes on, long after they were due.
    const due = clock.setTimer.bind(clock)
    clock.setTimer = (delayMs, callback) => due(delayMs + 60_000, callback)
    one.membership.disconnected()
    await one.join()
    const late = await member({ group: 'late' }).join()
    await quiet()
    clock.setTimer = due
    clock.advance(70_000)
    expect(late.ended_).toBeUndefined()
    expect(await groups.list()).toHaveLength(2)
    clock.advance(10_000)
    expect(late.ended_).toMatchObject({ code: 'UNKNOWN_MEMBER' })
  })
})

describe('static members', () => {
  test('one that rests keeps its partitions; whoever comes with its instance id has them without a move', async () => {
    const { member } = await setUp()
    const first = await member({ instanceId: 'one' }).join()
    const second = await member({ instanceId: 'two' }).join()
    await quiet()
    const { has } = first
    const heard = second.heard.length
    await first.membership.leave(false)
    await quiet()
    const successor = await member({ instanceId: 'one' }).join()
    await quiet()
    expect(successor.has).toEqual(has)
    expect(second.heard).toHaveLength(heard)
    await expect(first.join()).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
  })

  test('the instance id of one that is connected is not to be had; of one that was cut off it is', async () => {
    const { member } = await setUp()
    const first = await member({ instanceId: 'one' }).join()
    await quiet()
    const rival = member({ instanceId: 'one' })
    await expect(rival.join()).rejects.toMatchObject({ code: 'INSTANCE_ID_IN_USE' })
    expect(first.ended_).toBeUndefined()
    first.membership.disconnected()
    await rival.join()
    await quiet()
    expect(rival.has).toEqual(ALL)
  })

  test('one that rests too long, or leaves for good, loses all', async () => {
    const { member, clock } = await setUp()
    const [first, second, third] = [
      await member({ instanceId: 'one' }).join(),
      await member({ instanceId: 'two' }).join(),
      await member().join(),
    ]
    await quiet()
    await first.membership.leave(true)
    await second.membership.leave(false)
    await quiet()
    expect(third.has).not.toEqual(ALL)
    clock.advance(6_000)
    third.membership.heartbeat()
    clock.advance(6_000)
    await quiet()
    expect(third.has).toEqual(ALL)
  })

  test('what one that rests should have no longer goes to others at once', async () => {
    const { member } = await setUp()
    const first = await member({ instanceId: 'one' }).join()
    await quiet()
    await first.membership.leave(false)
    const second = await member().join()
    await quiet()
    expect(second.owned[0]?.partitions).toHaveLength(2)
  })
})

describe('a server that is started anew', () => {
  test('has its groups: members go on where they were, and those that do not come back go', async () => {
    const { member, open, broker, clock } = await setUp()
    const members = [await member().join(), await member().join(), await member().join()]
    const [first, second, third] = members as [TestMember, TestMember, TestMember]
    await quiet()
    const before = members.map(({ has }) => has)
    await broker.close()
    expect(members.map(({ ended_ }) => ended_?.code)).toEqual(Array(3).fill('SHUTTING_DOWN'))
    await expect(broker.groups.list()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    const { groups } = await open()
    expect(await groups.list()).toMatchObject([{ name: 'workers', members: 3 }])
    for (const one of [first, second]) {
      one.heard.length = 0
      await one.with(groups).join()
    }
    await quiet()
    expect([first.has, second.has]).toEqual(before.slice(0, 2))
    expect(first.heard).toHaveLength(1)
    clock.advance(6_000)
    for (const one of [first, second]) one.membership.heartbeat()
    clock.advance(6_000)
    await quiet()
    expect(together(first, second)).toEqual([0, 1, 2, 3])
    await expect(third.with(groups).join()).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
  })

  test('makes no topic for groups that nobody uses', async () => {
    const { engine, groups } = await setUp()
    expect(await groups.list()).toEqual([])
    await expect(groups.describe('workers')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
    expect((await engine.topics.list()).map(({ name }) => name)).toEqual(['orders'])
  })
})

describe('bad input', () => {
  const long = 'x'.repeat(256)
  test.each<[string, Partial<JoinRequest>, string]>([
    ['a group without a name', { group: '' }, 'INVALID_GROUP_NAME'],
    ['a name that is too long', { group: long }, 'INVALID_GROUP_NAME'],
    ['a name with a control character', { group: 'a\0b' }, 'INVALID_GROUP_NAME'],
    ['a name that UTF-8 does not have', { group: '\ud800' }, 'INVALID_GROUP_NAME'],
    ['no member id', { memberId: '' }, 'INVALID_REQUEST'],
    ['an instance id that is too long', { instanceId: long }, 'INVALID_REQUEST'],
    ['a client id that is too long', { clientId: long }, 'INVALID_REQUEST'],
    ['an epoch below zero', { memberEpoch: -1 }, 'INVALID_REQUEST'],
    ['a new member that owns something', { owned: [{ topic: 'orders', partitions: [0] }] }, 'INVALID_REQUEST'],
    ['an assignor that is not there', { assignor: 'magic' as 'range' }, 'INVALID_REQUEST'],
    ['a session time-out that is too short', { sessionTimeoutMs: 999 }, 'INVALID_REQUEST'],
    ['one that is too long', { sessionTimeoutMs: 1_800_001 }, 'INVALID_REQUEST'],
    ['a rebalance time-out that is too long', { rebalanceTimeoutMs: 3_600_001 }, 'INVALID_REQUEST'],
    ['no topic', { subscription: { topics: [] } }, 'INVALID_SUBSCRIPTION'],
    ["a topic of Millrace's own", { subscription: { topics: ['__millrace_groups'] } }, 'INVALID_SUBSCRIPTION'],
    ['a topic that cannot be', { subscription: { topics: ['x'.repeat(250)] } }, 'INVALID_SUBSCRIPTION'],
    ['no pattern', { subscription: { pattern: '' } }, 'INVALID_SUBSCRIPTION'],
    ['a pattern that is none', { subscription: { pattern: '(' } }, 'INVALID_SUBSCRIPTION'],
    ['one that looks ahead', { subscription: { pattern: 'a(?=b)' } }, 'INVALID_SUBSCRIPTION'],
    ['one that expands without end', { subscription: { pattern: '((a{100}){100}){100}' } }, 'INVALID_SUBSCRIPTION'],
    ['one that is too large', { subscription: { pattern: '(abcdefgh){900}' } }, 'INVALID_SUBSCRIPTION'],
    ['one that is too long', { subscription: { pattern: 'x'.repeat(1_025) } }, 'INVALID_SUBSCRIPTION'],
    ['an epoch that is yet to come', { memberEpoch: 7 }, 'UNKNOWN_MEMBER'],
  ])('%s', async (_, request, code) => {
    const { member } = await setUp()
    await expect(member().join(request)).rejects.toMatchObject({ code })
  })

  test('a pattern cannot make the broker slow', async () => {
    const { member, broker } = await setUp()
    await broker.topics.create({ name: 'a'.repeat(249), partitions: 1 })
    const one = await member({ subscription: { pattern: '(a+)+b|(a|aa)+c|orders' } }).join()
    await quiet()
    expect(one.has).toEqual(ALL)
  })

  test('a pattern is held against how much there is to match', async () => {
    const { member, broker } = await setUp()
    const pattern = '(a|b)*a(a|b){600}'
    await member({ subscription: { pattern } }).join()
    for (let topic = 0; topic < 80; topic++) await broker.topics.create({ name: `${topic}`.padEnd(249, 'a') })
    const late = member({ subscription: { pattern } }).join()
    await expect(late).rejects.toMatchObject({ code: 'INVALID_SUBSCRIPTION' })
    await member({ subscription: { pattern: '(a|b)*' } }).join()
  })

  test('a member that is unknown leaves no group behind', async () => {
    const { member, groups } = await setUp()
    await member().join()
    await expect(member({ group: 'more', memberEpoch: 3 }).join()).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
    expect(await groups.list()).toHaveLength(1)
  })

  test("a pattern does not show Millrace's own topics", async () => {
    const { member, groups } = await setUp()
    await member().join()
    const one = await member({ group: 'all', subscription: { pattern: '.*' } }).join()
    await quiet()
    expect(one.has).toEqual(ALL)
    expect((await groups.describe('all')).partitions.every(({ topic }) => topic === 'orders')).toBe(true)
  })

  test('an epoch that a member cannot have, and partitions that are not its own', async () => {
    const { member } = await setUp()
    const [first, second] = [await member().join(), await member().join()]
    await quiet()
    await expect(first.join({ memberEpoch: first.epoch + 1 })).rejects.toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
    await expect(first.join({ owned: second.owned })).rejects.toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
    second.membership.owns(second.epoch + 1, [])
    expect(second.ended_).toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
  })

  test('too many members in all groups together, until some are gone', async () => {
    const { clock, groups, member, open } = await setUp({ limits: { members: 3 } })
    const first = await member({ group: 'a' }).join()
    const second = await member({ group: 'b', instanceId: 'i' }).join()
    await member({ group: 'c', sessionTimeoutMs: 10_000 }).join()
    const more = member({ group: 'd' })
    await expect(more.join()).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    await expect(member({ group: 'a' }).join()).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    expect((await groups.list()).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    // Nobody is more than before.
    await first.join()
    second.membership.disconnected()
    await member({ group: 'b', instanceId: 'i' }).join()
    await first.membership.leave(true)
    await more.join()
    await expect(member({ group: 'e' }).join()).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    for (let seconds = 0; seconds < 12; seconds++) {
      clock.advance(1_000)
      more.membership.heartbeat()
    }
    // All but one were silent.
    for (const group of ['e', 'f']) await member({ group }).join()
    await expect(member({ group: 'h' }).join()).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    // A new broker counts those that it finds.
    const other = await open()
    await expect(new TestMember(other.groups, { group: 'g' }).join()).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
  })

  test('a server that shuts down before its turn, and more that wait than there may be members', async () => {
    const { member, groups, broker } = await setUp({ limits: { members: 2 } })
    const joining = Array.from({ length: 3 }, () => member().join())
    await expect(joining[2]).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    groups.endMemberships()
    const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'SHUTTING_DOWN' }) }
    expect(await Promise.allSettled(joining.slice(0, 2))).toEqual([refused, refused])
    await broker.close()
  })

  test('too many groups, too many members', async () => {
    const { member } = await setUp({ limits: { groups: 1, membersPerGroup: 2 } })
    const one = await member().join()
    await member().join()
    await expect(member().join()).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    await expect(member({ group: 'more' }).join()).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    await one.join()
    await one.membership.leave(true)
    const last = await member({ instanceId: 'last' }).join()
    await last.membership.leave(false)
    await member({ instanceId: 'last' }).join()
  })

  test('time-outs have defaults within the bounds', async () => {
    const { member } = await setUp()
    const one = await member({ sessionTimeoutMs: 0, rebalanceTimeoutMs: 0 }).join()
    expect(one.membership).toMatchObject({ sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5_000 })
    const short = await setUp({ limits: { maxSessionTimeoutMs: 6_000, maxRebalanceTimeoutMs: 1_000 } })
    const other = await short.member({ sessionTimeoutMs: 0, rebalanceTimeoutMs: 0 }).join()
    expect(other.membership).toMatchObject({ sessionTimeoutMs: 6_000, heartbeatIntervalMs: 2_000 })
  })
})

describe('a disk that fails', () => {
  test('a join fails, nobody hears what is not kept, and all goes on when it works again', async () => {
    const { member, engine, clock, groups, open } = await setUp()
    const first = await member().join()
    await quiet()
    engine.failAppends(new MillraceError('DISK_FULL', 'the disk is full'))
    const second = member()
    await expect(second.join()).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(first.heard).toHaveLength(1)
    engine.failAppends()
    clock.advance(1_000)
    await quiet()
    expect(first.heard).toHaveLength(2)
    await second.join()
    await quiet()
    expect(together(first, second)).toEqual([0, 1, 2, 3])
    const { groups: again } = await open()
    await quiet()
    expect(await again.describe('workers')).toEqual(await groups.describe('workers'))
  })

  test.each([new MillraceError('STORAGE_FAILED', 'the disk is broken'), new SyntaxError('the disk is broken')])(
    'groups that cannot be read are a problem until they can: %s',
    async (broken) => {
      const { member, engine, open, clock } = await setUp()
      await member().join()
      const { partition } = engine
      engine.partition = (...which) => ({
        ...partition.apply(engine, which),
        status: () => Promise.reject(broken),
      })
      const broker = await open()
      expect(await broker.problems()).toEqual(['consumer groups cannot be read: the disk is broken'])
      await expect(broker.groups.list()).rejects.toThrow('the disk is broken')
      engine.partition = partition
      expect(await broker.groups.list()).toHaveLength(1)
      expect(await broker.problems()).toEqual([])
      await broker.close()
      clock.advance(DEFAULT_LIMITS.housekeepingIntervalMs)
    },
  )

  test('groups that could not be read are read again when somebody asks how things are', async () => {
    const { member, engine, open, clock } = await setUp()
    await member().join()
    const { partition } = engine
    const status = () => Promise.reject(new Error('the disk is broken'))
    engine.partition = (...which) => ({ ...partition.apply(engine, which), status })
    const broker = await open()
    expect(await broker.problems()).toHaveLength(1)
    await quiet()
    engine.partition = partition
    clock.advance(1_000)
    await vi.waitFor(async () => expect(await broker.problems()).toEqual([]))
    await broker.close()
    clock.advance(DEFAULT_LIMITS.housekeepingIntervalMs)
  })

  test('a commit that cannot be written changes nothing', async () => {
    const { member, engine, groups } = await setUp()
    const one = await member().join()
    await quiet()
    engine.failAppends(new MillraceError('DISK_FULL', 'the disk is full'))
    await expect(one.membership.commit([commitOf(0)])).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(await groups.offsets('workers', {})).toEqual([])
    engine.failAppends()
    await one.membership.commit([commitOf(0)])
    expect(await groups.offsets('workers', {})).toHaveLength(1)
  })
})
