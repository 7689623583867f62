import type { MillraceError } from '@millrace/record'
import { type millrace, toInt64, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeGroups } from '../../test/fake-groups.ts'
import { type RawClient, type RpcServer, serveRpc } from '../../test/rpc-harness.ts'

let groups: FakeGroups
let server: RpcServer
let client: RawClient

beforeEach(async () => {
  groups = new FakeGroups()
  server = await serveRpc({ groups, limits: { partitions: 1_000 } })
  client = server.connect()
})
afterEach(() => server.close())

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: MillraceError) => error.code,
  )

describe('groups', () => {
  test('are listed', async () => {
    const { groups } = await client.unary(UNARY.listGroups, {})
    expect(groups).toMatchObject([{ name: 'g', state: 'stable', members: 1, epoch: 7 }])
  })

  test('are described with members, offsets and lag', async () => {
    const { summary, assignor, members, partitions } = await client.unary(UNARY.describeGroup, { name: 'a/ü' })
    expect(summary).toMatchObject({ name: 'a/ü', state: 'stable', members: 1, epoch: 7 })
    expect(assignor).toBe('uniform')
    expect(members).toMatchObject([
      {
        memberId: 'm1',
        instanceId: '',
        clientId: 'host-1',
        epoch: 7,
        topics: ['t'],
        topicPattern: '',
        owned: [{ topic: 't', partitions: [0] }],
        target: [{ topic: 't', partitions: [0, 1] }],
      },
      { memberId: 'm2', instanceId: 'i2', topics: [], topicPattern: 't.*', owned: [], target: [] },
    ])
    expect(partitions).toMatchObject([
      {
        topic: 't',
        partition: 0,
        memberId: 'm1',
        committedOffset: toInt64(5),
        logStartOffset: toInt64(1),
        highWatermark: toInt64(9),
        lag: toInt64(4),
        metadata: 'note',
      },
      { topic: 't', partition: 1, memberId: '', committedOffset: null, lag: null, metadata: '' },
    ])
  })

  test('are deleted', async () => {
    await client.unary(UNARY.deleteGroup, { name: 'g' })
    expect(groups.deleted).toEqual(['g'])
    expect(await codeOf(client.unary(UNARY.deleteGroup, { name: 'none' }))).toBe('GROUP_NOT_FOUND')
  })
})

describe('offsets', () => {
  const offsets = [{ topic: 't', partition: 2, offset: toInt64(2 ** 40), metadata: 'x' }]
  const plain = [{ topic: 't', partition: 2, offset: 2 ** 40, metadata: 'x' }]

  test('are committed from outside, by a member, and within a transaction', async () => {
    await client.unary(UNARY.commitOffsets, { group: 'g', offsets })
    await client.unary(UNARY.commitOffsets, { group: 'g', offsets, memberId: 'm', memberEpoch: 3 })
    const identity = { transactionalId: 'tx', producerId: toInt64(2 ** 41), producerEpoch: 4 }
    await client.unary(UNARY.commitOffsets, { group: 'g', offsets, transaction: identity })
    const transaction = { transactionalId: 'tx', producerId: 2 ** 41, producerEpoch: 4 }
    expect(groups.commits).toEqual([
      { group: 'g', offsets: plain, member: undefined, transaction: undefined },
      { group: 'g', offsets: plain, member: { memberId: 'm', memberEpoch: 3 }, transaction: undefined },
      { group: 'g', offsets: plain, member: undefined, transaction },
    ])
  })

  test('are told, of some partitions or of all', async () => {
    const answer = await client.unary(UNARY.fetchOffsets, { group: 'g' })
    expect(answer.offsets).toMatchObject([
      { topic: 't', partition: 0, offset: toInt64(5), metadata: 'note', committedAtMs: toInt64(1_000) },
    ])
    const partitions = [{ topic: 't', partitions: [0, 1] }]
    await client.unary(UNARY.fetchOffsets, {
      group: 'g',
      partitions,
      memberId: 'm',
      memberEpoch: 2,
      allowPending: true,
    })
    expect(groups.asked).toEqual([
      { partitions: undefined, member: undefined, allowPending: false },
      { partitions, member: { memberId: 'm', memberEpoch: 2 }, allowPending: true },
    ])
  })

  test.each<[millrace.v1.ResetOffsetsRequest.$Properties, unknown]>([
    [{ position: { earliest: true } }, { at: 'earliest' }],
    [{ position: { latest: true } }, { at: 'latest' }],
    [{ position: { offset: toInt64(0) } }, { offset: 0 }],
    [{ position: { timestamp: toInt64(5) } }, { timestampMs: 5 }],
    [{ shift: toInt64(-9) }, { shift: -9 }],
    [{ shift: toInt64(0) }, { shift: 0 }],
  ])('are reset to %j', async (request, to) => {
    const answer = await client.unary(UNARY.resetOffsets, { group: 'g', ...request })
    expect(answer.offsets).toMatchObject([
      { topic: 't', partition: 0, before: toInt64(5), after: toInt64(0) },
      { topic: 't', partition: 1, before: null, after: toInt64(3) },
    ])
    expect(groups.resets).toEqual([{ group: 'g', partitions: undefined, to, dryRun: false, force: false }])
  })

  test('are reset of some partitions, as a dry run, and by force', async () => {
    const partitions = [{ topic: 't', partitions: [1] }]
    const request = { group: 'g', position: { earliest: true }, partitions, dryRun: true, force: true }
    await client.unary(UNARY.resetOffsets, request)
    expect(groups.resets).toMatchObject([{ partitions, dryRun: true, force: true }])
  })

  test('are not reset to nowhere', async () => {
    expect(await codeOf(client.unary(UNARY.resetOffsets, { group: 'g' }))).toBe('INVALID_REQUEST')
    expect(await codeOf(client.unary(UNARY.resetOffsets, { group: 'g', position: {} }))).toBe('INVALID_REQUEST')
    expect(groups.resets).toEqual([])
  })

  test('of more partitions than there may be are refused', async () => {
    const many = Array.from({ length: 1_001 }, (_, partition) => ({ topic: 't', partition, offset: toInt64(0) }))
    expect(await codeOf(client.unary(UNARY.commitOffsets, { group: 'g', offsets: many }))).toBe('REQUEST_TOO_LARGE')
    const partitions = [{ topic: 't', partitions: many.map(({ partition }) => partition) }]
    expect(await codeOf(client.unary(UNARY.fetchOffsets, { group: 'g', partitions }))).toBe('REQUEST_TOO_LARGE')
  })
})
