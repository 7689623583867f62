import { expect, test } from 'vitest'
import { commitOf, setUp } from '../../test/set-up.ts'
import { quiet } from '../../test/test-member.ts'

async function withTransaction() {
  const set = await setUp()
  await set.write(0, 10)
  const one = await set.member().join()
  await quiet()
  await one.membership.commit([commitOf(1)])
  const producer = { transactionalId: 'pipe', ...(await set.engine.transactions.init('pipe', { timeoutMs: 60_000 })) }
  const commit = (offset: number, transaction = producer) =>
    set.groups.commit({
      group: 'workers',
      offsets: [commitOf(offset)],
      member: { memberId: one.memberId, memberEpoch: one.epoch },
      transaction,
    })
  const offset = async (allowPending = false) => (await set.groups.offsets('workers', { allowPending }))[0]?.offset
  return { ...set, one, producer, commit, offset }
}

test('offsets of a transaction hold when it is committed, and until then nobody is told old ones', async () => {
  const { commit, offset, engine, producer, groups } = await withTransaction()
  const committing = commit(5)
  await quiet(1)
  await expect(offset()).rejects.toMatchObject({ code: 'OFFSETS_PENDING' })
  await committing
  await expect(offset()).rejects.toMatchObject({ code: 'OFFSETS_PENDING' })
  expect(await offset(true)).toBe(1)
  const others = [{ topic: 'orders', partitions: [1] }]
  expect(await groups.offsets('workers', { partitions: others })).toEqual([])
  await engine.transactions.end(producer, 'commit')
  expect(await offset()).toBe(5)
})

test('offsets of a transaction that is aborted never hold', async () => {
  const { commit, offset, engine, producer } = await withTransaction()
  await commit(5)
  await engine.transactions.end(producer, 'abort')
  expect(await offset()).toBe(1)
})

test('a producer that was fenced, and a member that is none, commit nothing', async () => {
  const { commit, offset, engine, one } = await withTransaction()
  await engine.transactions.init('pipe', { timeoutMs: 60_000 })
  await expect(commit(5)).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  await one.membership.leave(true)
  await expect(commit(5)).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER' })
  expect(await offset()).toBe(1)
})

test('a group is not deleted while a transaction commits its offsets', async () => {
  const { commit, engine, producer, one, groups } = await withTransaction()
  await commit(5)
  await one.membership.leave(true)
  await expect(groups.delete('workers')).rejects.toMatchObject({ code: 'OFFSETS_PENDING' })
  await engine.transactions.end(producer, 'commit')
  await groups.delete('workers')
  expect(await groups.list()).toEqual([])
})

test('offsets that are set anew stay so, whatever becomes of a transaction', async () => {
  const { commit, offset, engine, producer, groups } = await withTransaction()
  await commit(5)
  await groups.reset({ group: 'workers', partitions: undefined, to: { offset: 3 }, dryRun: false, force: true })
  await engine.transactions.end(producer, 'commit')
  expect(await offset()).toBe(3)
})
