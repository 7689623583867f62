import { DEFAULT_LIMITS, type Limits } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { Broker } from '../broker.ts'
import type { JoinRequest } from './group-types.ts'
import { quiet, TestMember } from './testing/test-member.ts'

async function setUp({ partitions = 4, limits = {} }: { partitions?: number; limits?: Partial<Limits> } = {}) {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const open = async () => {
    const broker = new Broker({ engine, clock, limits: { ...DEFAULT_LIMITS, ...limits } })
    await broker.open()
    return broker
  }
  const broker = await open()
  await broker.topics.create({ name: 'orders', partitions })
  const member = (request: Partial<JoinRequest> = {}) => new TestMember(broker.groups, request)
  const write = async (partition: number, records: number) => {
    const target = await broker.produce.target('orders', partition)
    for (let at = 0; at < records; at++) await target.append(batchOf(['x']), 'committed')
  }
  const commitOf = (offset: number, partition = 0, metadata = '') => ({ topic: 'orders', partition, offset, metadata })
  return { clock, engine, broker, groups: broker.groups, open, member, write, commitOf }
}

describe('sharing partitions', () => {
  test('the first member gets all; the next ones get their share when it was given back', async () => {
    const { member, groups } = await setUp()
    const first = await member().join()
    await quiet()
    expect(first.has).toEqual({ orders: [0, 1, 2, 3] })
    first.obeys = false
    const second = await member().join()
    await quiet()
    expect(first.assignment[0]?.partitions).toHaveLength(2)
    expect(second.heard.map(({ partitions }) => partitions)).toEqual([{}])
    expect(await groups.describe('workers')).toMatchObject({ state: 'reconciling', members: 2 })
    first.obey()
    await quiet()
    expect([...first.owned[0]!.partitions, ...second.owned[0]!.partitions].toSorted()).toEqual([0, 1, 2, 3])
    expect(second.owned[0]!.partitions).toHaveLength(2)
    expect(await groups.list()).toMatchObject([{ name: 'workers', state: 'stable', members: 2 }])
  })

  test('a member that leaves makes room; one that is silent too', async () => {
    const { member, clock } = await setUp()
    const [first, second] = [await member().join(), await member().join()]
    await quiet()
    await first.membership.leave(true)
    await quiet()
    expect(second.has).toEqual({ orders: [0, 1, 2, 3] })
    const third = await member().join()
    await quiet()
    for (let step = 0; step < 11; step++) {
      clock.advance(1_000)
      second.membership.heartbeat()
    }
    await quiet()
    expect(third.ended_).toMatchObject({ code: 'UNKNOWN_MEMBER' })
    expect(second.has).toEqual({ orders: [0, 1, 2, 3] })
  })
})

describe('offsets', () => {
  test('what a member commits is there', async () => {
    const { member, groups, write, commitOf, clock } = await setUp()
    await write(0, 3)
    const one = await member().join()
    await quiet()
    await one.membership.commit([commitOf(2, 0, 'here'), commitOf(0, 1)])
    const committedAtMs = clock.nowMs()
    expect(await groups.offsets('workers', {})).toEqual([
      { ...commitOf(2, 0, 'here'), committedAtMs },
      { ...commitOf(0, 1), committedAtMs },
    ])
    expect(await groups.describe('workers')).toMatchObject({
      partitions: [{ partition: 0, committedOffset: 2, highWatermark: 3, lag: 1, metadata: 'here' }, {}, {}, {}],
    })
  })
})
