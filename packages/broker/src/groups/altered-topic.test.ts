import { expect, test } from 'vitest'
import { commitOf, setUp } from '../../test/set-up.ts'
import { quiet } from '../../test/test-member.ts'

test('partitions that a topic gets are shared among its members, also those that ask by a pattern', async () => {
  const { member, broker, groups } = await setUp({ partitions: 2 })
  const [first, second] = [await member().join(), await member().join()]
  const pattern = await member({ group: 'others', subscription: { pattern: 'o.*' } }).join()
  await quiet()
  expect([...(first.has.orders ?? []), ...(second.has.orders ?? [])].toSorted()).toEqual([0, 1])
  await broker.topics.alter('orders', { partitions: 6 })
  await quiet()
  expect([...(first.has.orders ?? []), ...(second.has.orders ?? [])].toSorted()).toEqual([0, 1, 2, 3, 4, 5])
  expect(first.has.orders).toHaveLength(3)
  expect(pattern.has).toEqual({ orders: [0, 1, 2, 3, 4, 5] })
  await pattern.membership.commit([commitOf(0, 5)])
  expect(await groups.offsets('others', {})).toMatchObject([{ partition: 5, offset: 0 }])
})

test('settings that change move no partition', async () => {
  const { member, broker } = await setUp()
  const first = await member().join()
  await quiet()
  const heard = first.heard.length
  await broker.topics.alter('orders', { set: { 'retention.ms': '5' } })
  await quiet()
  expect(first.heard).toHaveLength(heard)
})

test('records that are deleted are no lag, and a commit before them stands', async () => {
  const { member, broker, groups, write } = await setUp()
  await write(0, 10)
  const one = await member().join()
  await quiet()
  await one.membership.commit([commitOf(2)])
  const lag = async () => (await groups.describe('workers')).partitions.find(({ partition }) => partition === 0)
  expect(await lag()).toMatchObject({ committedOffset: 2, logStartOffset: 0, lag: 8 })
  await broker.topics.deleteRecords('orders', 0, 7)
  expect(await lag()).toMatchObject({ committedOffset: 2, logStartOffset: 7, lag: 3 })
  await broker.topics.deleteRecords('orders', 0, 10)
  expect(await lag()).toMatchObject({ lag: 0 })
})
