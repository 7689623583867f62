import { describe, expect, test } from 'vitest'
import { commitOf, setUp } from '../../test/set-up.ts'
import { quiet } from '../../test/test-member.ts'
import type { ResetRequest } from './group-types.ts'

const HOUR_MS = 3_600_000

describe('commits', () => {
  test('what a member commits is there, with what is left to do', async () => {
    const { member, groups, write, clock } = await setUp()
    await write(0, 3)
    const one = await member().join()
    await quiet()
    await one.membership.commit([commitOf(2, 0, 'here'), commitOf(0, 1)])
    const committedAtMs = clock.nowMs()
    expect(await groups.offsets('workers', {})).toEqual([
      { ...commitOf(2, 0, 'here'), committedAtMs },
      { ...commitOf(0, 1), committedAtMs },
    ])
    const partitions = [{ topic: 'orders', partitions: [1, 2] }]
    expect(await groups.offsets('workers', { partitions })).toMatchObject([{ partition: 1 }])
    expect((await groups.describe('workers')).partitions).toEqual([
      ...[
        { partition: 0, committedOffset: 2, highWatermark: 3, lag: 1, metadata: 'here' },
        { partition: 1, committedOffset: 0, highWatermark: 0, lag: 0, metadata: '' },
        { partition: 2, committedOffset: undefined, highWatermark: 0, lag: undefined, metadata: '' },
        { partition: 3, committedOffset: undefined, highWatermark: 0, lag: undefined, metadata: '' },
      ].map((partition) => ({ topic: 'orders', memberId: one.memberId, logStartOffset: 0, ...partition })),
    ])
    expect(await groups.stats()).toMatchObject([{ lag: 1 }])
  })

  test('a member may commit by another way, with its epoch', async () => {
    const { member, groups, write } = await setUp()
    await write(0, 3)
    const one = await member().join()
    await quiet()
    const identity = { memberId: one.memberId, memberEpoch: one.epoch }
    await groups.commit({ group: 'workers', offsets: [commitOf(1)], member: identity })
    expect(await groups.offsets('workers', { member: identity })).toMatchObject([{ offset: 1 }])
  })

  test('an epoch counts from the one with which the partition came, up to the current one', async () => {
    const { member, groups } = await setUp()
    const one = await member().join()
    await quiet()
    const early = one.epoch
    const other = await member().join()
    await quiet()
    const commit = (memberEpoch: number, partition: number, memberId = one.memberId) =>
      groups.commit({ group: 'workers', offsets: [commitOf(0, partition)], member: { memberId, memberEpoch } })
    const [kept, given] = [one.has.orders![0]!, other.has.orders![0]!]
    await commit(early, kept)
    await commit(one.epoch, kept)
    await expect(commit(one.epoch + 1, kept)).rejects.toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
    await expect(commit(one.epoch, given)).rejects.toMatchObject({ code: 'PARTITION_NOT_OWNED' })
    await expect(commit(early, given, other.memberId)).rejects.toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
    await commit(other.epoch, given, other.memberId)
    await expect(commit(one.epoch, kept, 'nobody')).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
    const stale = { memberId: one.memberId, memberEpoch: 99 }
    await expect(groups.offsets('workers', { member: stale })).rejects.toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
    await expect(groups.offsets('nowhere', { member: stale })).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
  })

  test('a partition that is asked for may be committed until it is given back', async () => {
    const { member } = await setUp()
    const one = await member().join()
    await quiet()
    one.obeys = false
    await member().join()
    await quiet()
    const leaving = [0, 1, 2, 3].find((partition) => !one.assignment[0]!.partitions.includes(partition))!
    await one.membership.commit([commitOf(0, leaving)])
    // What is said behind a commit takes effect behind it.
    const committed = one.membership.commit([commitOf(0, leaving)])
    one.obey()
    await committed
    await quiet()
    await expect(one.membership.commit([commitOf(0, leaving)])).rejects.toMatchObject({ code: 'PARTITION_NOT_OWNED' })
  })

  test.each([
    ['beyond the end', commitOf(4), 'OFFSET_OUT_OF_RANGE'],
    ['below zero', commitOf(-1), 'OFFSET_OUT_OF_RANGE'],
    ['that is no number', commitOf(Number.NaN), 'OFFSET_OUT_OF_RANGE'],
    ['of a partition that is not there', commitOf(0, 4), 'PARTITION_NOT_FOUND'],
    ['of a topic that is not there', { ...commitOf(0), topic: 'nowhere' }, 'TOPIC_NOT_FOUND'],
    ["of a topic of Millrace's own", { ...commitOf(0), topic: '__millrace_groups' }, 'TOPIC_NOT_FOUND'],
    ['with too much beside it', commitOf(0, 0, 'é'.repeat(2_049)), 'METADATA_TOO_LARGE'],
  ])('one %s is refused with all that came with it', async (_, bad, code) => {
    const { member, groups, write } = await setUp()
    await write(0, 3)
    const one = await member().join()
    await quiet()
    await expect(one.membership.commit([commitOf(3), bad])).rejects.toMatchObject({ code })
    expect(await groups.offsets('workers', {})).toEqual([])
    await one.membership.commit([commitOf(3, 0, 'é'.repeat(2_048))])
  })

  test('from outside they go into a group without members, and make it', async () => {
    const { member, groups, open } = await setUp()
    const outside = { group: 'workers', offsets: [commitOf(0)], member: undefined }
    await groups.commit(outside)
    expect(await groups.list()).toEqual([{ name: 'workers', state: 'empty', members: 0, epoch: 0 }])
    await member().join()
    await expect(groups.commit(outside)).rejects.toMatchObject({ code: 'GROUP_NOT_EMPTY' })
    await expect(groups.commit({ ...outside, group: '' })).rejects.toMatchObject({ code: 'INVALID_GROUP_NAME' })
    const again = await open()
    expect(await again.groups.offsets('workers', {})).toMatchObject([{ offset: 0 }])
  })

  test('many of one turn of the event loop share a write; one that is too large fails alone', async () => {
    const { groups, engine } = await setUp({ limits: { tableBytes: 20_000 } })
    await groups.commit({ group: 'first', offsets: [commitOf(0)], member: undefined })
    const topic = await engine.topics.find('__millrace_groups')
    const end = async () => (await engine.partition(topic!.id, 0).status()).highWatermark
    const before = await end()
    const metadata = ['', '', 'x'.repeat(4_000), '', ...Array(6).fill('x'.repeat(4_000))]
    const results = await Promise.allSettled(
      metadata.map((text, index) =>
        groups.commit({ group: `group${index}`, offsets: [commitOf(0, 0, text)], member: undefined }),
      ),
    )
    const failed = results.filter(({ status }) => status === 'rejected')
    expect(failed.length).toBeGreaterThan(0)
    for (const { reason } of failed as PromiseRejectedResult[]) expect(reason).toMatchObject({ code: 'LIMIT_REACHED' })
    expect((await end()) - before).toBe(results.length - failed.length)
    for (const index of [0, 1, 2, 3]) expect(results[index]!.status).toBe('fulfilled')
  })
})

describe('what is forgotten', () => {
  test('a group that is deleted, when it has no members', async () => {
    const { member, groups, open } = await setUp()
    const one = await member().join()
    await quiet()
    await one.membership.commit([commitOf(0)])
    await expect(groups.delete('workers')).rejects.toMatchObject({ code: 'GROUP_NOT_EMPTY' })
    await one.membership.leave(true)
    await groups.delete('workers')
    await expect(groups.delete('workers')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
    await expect(groups.offsets('workers', {})).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
    expect(await (await open()).groups.list()).toEqual([])
  })

  test('offsets of a deleted topic; one of its name inherits nothing', async () => {
    const { groups, broker, open } = await setUp()
    await groups.commit({ group: 'workers', offsets: [commitOf(0)], member: undefined })
    await broker.topics.delete('orders')
    await broker.topics.create({ name: 'orders', partitions: 1 })
    await quiet()
    expect(await groups.offsets('workers', {})).toEqual([])
    expect(await (await open()).groups.list()).toEqual([])
  })

  test('offsets of a topic that was deleted while groups were not served', async () => {
    const { groups, broker, engine, open } = await setUp()
    await groups.commit({ group: 'workers', offsets: [commitOf(0)], member: undefined })
    await broker.close()
    await engine.topics.delete((await engine.topics.find('orders'))!.id)
    await open()
    await quiet()
    expect(await (await open()).groups.list()).toEqual([])
  })

  test('a group that was without members and commits for too long', async () => {
    const { member, groups, clock } = await setUp({ limits: { offsetsRetentionMs: 10 * HOUR_MS } })
    const one = await member({ sessionTimeoutMs: 1_800_000 }).join()
    await quiet()
    await one.membership.commit([commitOf(0)])
    await groups.commit({ group: 'outside', offsets: [commitOf(0)], member: undefined })
    const pass = async (hours: number, isThere: boolean): Promise<void> => {
      for (let quarter = 0; quarter < 4 * hours; quarter++) {
        clock.advance(HOUR_MS / 4)
        if (isThere) one.membership.heartbeat()
        await quiet(3)
      }
    }
    const names = async () => (await groups.list()).map(({ name }) => name)
    await pass(9, true)
    expect(await names()).toEqual(['outside', 'workers'])
    await pass(2, true)
    expect(await names()).toEqual(['workers'])
    await one.membership.leave(true)
    await pass(9, false)
    expect(await groups.offsets('workers', {})).toHaveLength(1)
    await pass(2, false)
    expect(await names()).toEqual([])
  })
})

describe('resetting', () => {
  async function withOffsets() {
    const set = await setUp()
    await set.write(0, 10)
    await set.groups.commit({ group: 'workers', offsets: [commitOf(5), commitOf(0, 1)], member: undefined })
    const reset = (to: ResetRequest['to'], more: Partial<ResetRequest> = {}) =>
      set.groups.reset({ group: 'workers', partitions: undefined, to, dryRun: false, force: false, ...more })
    return { ...set, reset }
  }

  test.each<[string, ResetRequest['to'], number]>([
    ['to the earliest', { at: 'earliest' }, 0],
    ['to the latest', { at: 'latest' }, 10],
    ['to an offset', { offset: 7 }, 7],
    ['to a time before all', { timestampMs: 0 }, 0],
    ['to a time after all', { timestampMs: Date.UTC(2100, 0) }, 10],
    ['forward', { shift: 2 }, 7],
    ['back', { shift: -2 }, 3],
    ['back beyond the start', { shift: -20 }, 0],
    ['forward beyond the end', { shift: 20 }, 10],
  ])('%s', async (_, to, after) => {
    const { reset, groups } = await withOffsets()
    const partitions = [{ topic: 'orders', partitions: [0] }]
    const told = [{ topic: 'orders', partition: 0, before: 5, after }]
    expect(await reset(to, { partitions, dryRun: true })).toEqual(told)
    expect(await groups.offsets('workers', { partitions })).toMatchObject([{ offset: 5 }])
    expect(await reset(to, { partitions })).toEqual(told)
    expect(await groups.offsets('workers', { partitions })).toMatchObject([{ offset: after }])
  })

  test('of all that has an offset; of all of a topic; of a group that is new', async () => {
    const { reset, groups } = await withOffsets()
    expect(await reset({ at: 'latest' })).toMatchObject([{ after: 10 }, { partition: 1, before: 0, after: 0 }])
    const all = [{ topic: 'orders', partitions: [] }]
    expect(await reset({ at: 'latest' }, { partitions: all })).toHaveLength(4)
    await expect(reset({ at: 'latest' }, { group: 'new' })).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
    expect(await reset({ at: 'latest' }, { group: 'new', partitions: all })).toMatchObject([
      { before: undefined },
      {},
      {},
      {},
    ])
    expect(await groups.offsets('new', {})).toHaveLength(4)
  })

  test.each<[string, ResetRequest['to'], string, string]>([
    ['an offset that is not there', { offset: 11 }, 'orders', 'OFFSET_OUT_OF_RANGE'],
    ['half a shift', { shift: 0.5 }, 'orders', 'INVALID_REQUEST'],
    ['a topic that is not there', { at: 'latest' }, 'nowhere', 'TOPIC_NOT_FOUND'],
  ])('%s', async (_, to, topic, code) => {
    const { reset } = await withOffsets()
    await expect(reset(to, { partitions: [{ topic, partitions: [0] }] })).rejects.toMatchObject({ code })
    await expect(reset(to, { partitions: [{ topic, partitions: [] }] })).rejects.toMatchObject({ code })
  })

  test('with members it is refused; forced, they lose the partitions and get them anew with the new offset', async () => {
    const { reset, groups, member } = await withOffsets()
    const one = await member().join()
    await quiet()
    await expect(reset({ at: 'earliest' })).rejects.toMatchObject({ code: 'GROUP_NOT_EMPTY' })
    expect(await reset({ at: 'earliest' }, { dryRun: true })).toHaveLength(2)
    await expect(reset({ offset: 11 }, { force: true })).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(one.heard).toHaveLength(1)
    one.obeys = false
    const running = reset({ at: 'earliest' }, { force: true })
    await quiet()
    expect(one.assignment).toEqual([{ topic: 'orders', partitions: [2, 3] }])
    await one.membership.commit([commitOf(8)])
    one.obeys = true
    one.obey()
    expect(await running).toMatchObject([{ partition: 0, before: 8, after: 0 }, { partition: 1 }])
    await quiet()
    expect(one.has).toEqual({ orders: [0, 1, 2, 3] })
    expect(one.heard.map(({ partitions }) => partitions.orders?.length)).toEqual([4, 2, 4])
    const early = { memberId: one.memberId, memberEpoch: one.heard[1]!.epoch }
    const late = groups.commit({ group: 'workers', offsets: [commitOf(9)], member: early })
    await expect(late).rejects.toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
    expect(await groups.offsets('workers', {})).toMatchObject([{ offset: 0 }, { offset: 0 }])
  })
})
