import { Millrace } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { GroupMember } from './group-member.ts'
import { grpcCall } from './grpc.ts'
import { millrace, serve, startProcess, temporaryDirectory } from './harness.ts'
import { SPEAKERS } from './speakers.ts'

let server: ServerProcess
let mr: Millrace
let topic = ''
let group = ''
let tests = 0

beforeAll(async () => {
  server = await startProcess('--data', 'memory', '--log-level', 'error')
})
afterAll(async () => {
  await server.end('SIGKILL')
})
beforeEach(async () => {
  tests += 1
  topic = `t${tests}`
  group = `g${tests}`
  mr = new Millrace({ url: server.url })
  onTestFinished(() => mr.close())
  await mr.admin.createTopic({ name: topic, partitions: 2 })
  const records = [0, 1].flatMap((partition) =>
    Array.from({ length: 10 }, (_, index) => ({ topic, partition, value: `${index}`, timestamp: 1_000 + index })),
  )
  await mr.producer().sendBatch(records)
})

const member = (join: object = {}, before?: GroupMember): GroupMember =>
  new GroupMember(server.url, { group, topics: [topic], clientId: 'tester', ...join }, before)
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: { code: string }) => error.code,
  )

/** Runs a command that has to succeed, and gives what it printed. */
async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await millrace(args, { env: { MILLRACE_URL: server.url } })
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('millrace:') })
  return stdout
}

describe.each(Object.entries(SPEAKERS))('consumer groups over %s', (_, speak) => {
  const ask = (method: string, path: string, body?: unknown) =>
    speak(server.url, { method, path, body: body === undefined ? undefined : JSON.stringify(body) })

  it('take offsets from outside, tell them, reset them and go', async () => {
    const offsets = [
      { topic, partition: 0, offset: 4, metadata: 'here' },
      { topic, partition: 1, offset: 10 },
    ]
    expect((await ask('POST', `/v1/groups/${group}/offsets`, { offsets })).status).toBe(204)
    expect((await ask('GET', `/v1/groups/${group}/offsets`)).body).toEqual({
      offsets: [
        { topic, partition: 0, offset: 4, metadata: 'here', committedAtMs: expect.any(Number) },
        { topic, partition: 1, offset: 10, metadata: '', committedAtMs: expect.any(Number) },
      ],
    })
    expect((await ask('GET', `/v1/groups/${group}`)).body).toMatchObject({
      name: group,
      state: 'empty',
      members: [],
      partitions: [
        { topic, partition: 0, committedOffset: 4, metadata: 'here', logStartOffset: 0, highWatermark: 10, lag: 6 },
        { topic, partition: 1, committedOffset: 10, lag: 0 },
      ],
    })
    const listed = (await ask('GET', '/v1/groups')).body as { groups: unknown[] }
    expect(listed.groups).toContainEqual({ name: group, state: 'empty', members: 0, epoch: expect.any(Number) })

    const to = { timestamp: 1_003 }
    const dry = await ask('POST', `/v1/groups/${group}/offsets/reset`, { to, dryRun: true })
    const resets = { offsets: [0, 1].map((partition) => ({ topic, partition, before: [4, 10][partition], after: 3 })) }
    expect(dry.body).toEqual(resets)
    expect((await ask('POST', `/v1/groups/${group}/offsets/reset`, { to })).body).toEqual(resets)
    const told = (await ask('GET', `/v1/groups/${group}/offsets`)).body as { offsets: { offset: number }[] }
    expect(told.offsets.map(({ offset }) => offset)).toEqual([3, 3])

    expect((await ask('DELETE', `/v1/groups/${group}`)).status).toBe(204)
    expect(await ask('GET', `/v1/groups/${group}`)).toMatchObject({ status: 404, body: { code: 'GROUP_NOT_FOUND' } })
  })

  it('with members take no offsets from outside and do not go', async () => {
    const one = member()
    await one.owns(`${topic}/0`, `${topic}/1`)
    const refused = { status: 409, body: { code: 'GROUP_NOT_EMPTY' } }
    const offsets = [{ topic, partition: 0, offset: 4 }]
    expect(await ask('POST', `/v1/groups/${group}/offsets`, { offsets })).toMatchObject(refused)
    expect(await ask('DELETE', `/v1/groups/${group}`)).toMatchObject(refused)
    const reset = { to: { latest: true }, partitions: [{ topic, partitions: [0] }] }
    expect(await ask('POST', `/v1/groups/${group}/offsets/reset`, reset)).toMatchObject(refused)
    await one.leave()
    expect((await ask('DELETE', `/v1/groups/${group}`)).status).toBe(204)
  })
})

describe('a member through @grpc/grpc-js', () => {
  it('gets partitions, commits, and is seen', async () => {
    const one = member()
    await one.owns(`${topic}/0`, `${topic}/1`)
    expect(await one.commit(topic, 0, 7, 'half')).toBeUndefined()
    expect(await one.commit(topic, 0, 11)).toBe('OFFSET_OUT_OF_RANGE')
    expect(await one.commit('none', 0, 1)).toMatch(/^(TOPIC_NOT_FOUND|PARTITION_NOT_OWNED)$/)
    expect(await one.commit(topic, 0, 7, 'x'.repeat(4_097))).toBe('METADATA_TOO_LARGE')
    const description = await mr.admin.describeGroup(group)
    expect(description).toMatchObject({ name: group, state: 'stable', assignor: 'uniform' })
    expect(description.members).toEqual([
      {
        memberId: one.memberId,
        instanceId: undefined,
        clientId: 'tester',
        epoch: one.epoch,
        topics: [topic],
        owned: [{ topic, partitions: [0, 1] }],
        target: [{ topic, partitions: [0, 1] }],
      },
    ])
    expect(description.partitions[0]).toMatchObject({ committedOffset: 7, metadata: 'half', lag: 3 })
    expect(description.partitions[0]?.memberId).toBe(one.memberId)
    const request = { group, memberId: one.memberId, memberEpoch: one.epoch }
    const { offsets } = await grpcCall(server.url, 'Groups', 'fetchOffsets', request)
    expect(offsets).toMatchObject([{ topic, partition: 0, offset: '7', metadata: 'half' }])
    await one.leave()
    expect(await mr.admin.describeGroup(group)).toMatchObject({ state: 'empty', members: [] })
  })

  it('shares with another, which gets its part when the first has given it back', async () => {
    const one = member()
    await one.owns(`${topic}/0`, `${topic}/1`)
    const two = member({ topics: [], topicPattern: topic })
    await two.until(() => two.owned.length > 0)
    expect([...one.owned, ...two.owned].sort()).toEqual([`${topic}/0`, `${topic}/1`])
    const [, foreign] = two.owned[0]!.split('/')
    expect(await one.commit(topic, Number(foreign), 1)).toMatch(/^(PARTITION_NOT_OWNED|STALE_MEMBER_EPOCH)$/)
    await two.leave()
    await one.owns(`${topic}/0`, `${topic}/1`)
    await one.leave()
  })

  it('comes back on a new stream with what it owned, and nobody else notices', async () => {
    const one = member()
    await one.owns(`${topic}/0`, `${topic}/1`)
    await one.cut()
    expect((await mr.admin.describeGroup(group)).members).toHaveLength(1)
    const again = member({}, one)
    await again.joined()
    expect(await again.commit(topic, 1, 2)).toBeUndefined()
    expect(again.owned).toEqual([`${topic}/0`, `${topic}/1`])
    expect(again.epoch).toBe(one.epoch)
    await again.leave()
  })

  it.each([
    ['a member that there is not', { memberId: 'x', memberEpoch: 3 }, 'UNKNOWN_MEMBER'],
    ['no topics', { topics: [] }, 'INVALID_SUBSCRIPTION'],
    ['a pattern that is none', { topics: [], topicPattern: '(' }, 'INVALID_SUBSCRIPTION'],
    ['an assignor that there is not', { assignor: 'sticky' }, 'INVALID_REQUEST'],
    ['a group without a name', { group: '' }, 'INVALID_GROUP_NAME'],
    ['a session too short', { sessionTimeoutMs: 1 }, 'INVALID_REQUEST'],
    ['a negative epoch', { memberEpoch: -1 }, 'INVALID_REQUEST'],
    ['partitions that it cannot own yet', { owned: [{ topic: 'x', partitions: [0] }] }, 'INVALID_REQUEST'],
  ])('is refused with %s', async (_, join, code) => {
    expect((await member(join).outcome)?.code).toBe(code)
  })
})

describe('the admin', () => {
  it('lists, commits, fetches, resets and deletes', async () => {
    const { admin } = mr
    await admin.commitOffsets({ group, offsets: [{ topic, partition: 0, offset: 4, metadata: 'm' }] })
    expect(await admin.listGroups()).toContainEqual({ name: group, state: 'empty', members: 0, epoch: 0 })
    const committed = { topic, partition: 0, offset: 4, metadata: 'm', committedAtMs: expect.any(Number) }
    expect(await admin.fetchOffsets({ group })).toEqual([committed])
    expect(await admin.fetchOffsets({ group, partitions: [{ topic, partitions: [1] }] })).toEqual([])
    const partitions = [{ topic, partitions: [0, 1] }]
    const planned = [
      { topic, partition: 0, before: 4, after: 0 },
      { topic, partition: 1, before: undefined, after: 0 },
    ]
    expect(await admin.resetOffsets({ group, to: 'earliest', partitions, dryRun: true })).toEqual(planned)
    expect(await admin.fetchOffsets({ group })).toEqual([committed])
    expect(await admin.resetOffsets({ group, to: { shift: -3 } })).toMatchObject([{ before: 4, after: 1 }])
    await admin.deleteGroup(group)
    expect(await codeOf(admin.describeGroup(group))).toBe('GROUP_NOT_FOUND')
    expect(await codeOf(admin.deleteGroup(group))).toBe('GROUP_NOT_FOUND')
    expect(await codeOf(admin.fetchOffsets({ group }))).toBe('GROUP_NOT_FOUND')
  })

  it('refuses what has no meaning', async () => {
    const { admin } = mr
    for (const to of ['start', { shift: 0.5 }, { offset: -1 }, {}] as never[]) {
      expect(await codeOf(admin.resetOffsets({ group, to }))).toBe('INVALID_CONFIG')
    }
    const offsets = [{ topic, partition: 0, offset: 2 ** 53 }]
    expect(await codeOf(admin.commitOffsets({ group, offsets }))).toBe('NUMBER_NOT_EXACT')
    expect(await codeOf(admin.commitOffsets({ group: 'a\nb', offsets: [] }))).toBe('INVALID_GROUP_NAME')
  })
})

describe('millrace group', () => {
  const commit = () => mr.admin.commitOffsets({ group, offsets: [{ topic, partition: 1, offset: 4 }] })

  it('lists and describes, for people and for programs', async () => {
    await commit()
    expect(await run('group', 'list')).toMatch(
      new RegExp(`^GROUP +STATE +MEMBERS +EPOCH\n(.*\n)*${group} +empty +0 +0`),
    )
    expect(JSON.parse(await run('group', 'list', '--json'))).toContainEqual(
      expect.objectContaining({ name: group, state: 'empty' }),
    )
    const one = member()
    await one.owns(`${topic}/0`, `${topic}/1`)
    const described = await run('group', 'describe', group)
    expect(described).toMatch(new RegExp(`^${group}  stable  epoch \\d+  uniform\nMEMBER +CLIENT +INSTANCE`))
    expect(described).toMatch(new RegExp(`^${one.memberId}  tester  - +\\d+  ${topic}/0,1 +${topic}/0,1$`, 'm'))
    expect(described).toMatch(new RegExp(`^${topic} +1 +4 +10 +6  ${one.memberId}$`, 'm'))
    expect(described).toMatch(new RegExp(`^${topic} +0 +- +10 +-  ${one.memberId}$`, 'm'))
    expect(JSON.parse(await run('group', 'describe', group, '--json'))).toMatchObject({ name: group, state: 'stable' })
    await one.leave()
  })

  it('resets, and shows before and after', async () => {
    await commit()
    const table = (after: number) =>
      `TOPIC  PARTITION  BEFORE  AFTER\n${topic.padEnd(5)}          1       4      ${after}\n`
    expect(await run('group', 'reset', group, '--to-earliest', '--dry-run')).toBe(table(0))
    expect(await run('group', 'reset', group, '--shift', '-3')).toBe(table(1))
    const twoTopics = await run('group', 'reset', group, '--to-time', '1005ms', '--topic', topic, '--json')
    expect(JSON.parse(twoTopics)).toEqual([
      { topic, partition: 0, after: 5 },
      { topic, partition: 1, before: 1, after: 5 },
    ])
    await run('group', 'reset', group, '--to-offset', '2', '-t', topic, '-p', '1')
    await run('group', 'reset', group, '--to-latest', '-t', topic, '-p', '0')
    const offsets = await mr.admin.fetchOffsets({ group })
    expect(offsets.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 10],
      [1, 2],
    ])
    expect(await run('group', 'delete', group)).toBe(`deleted ${group}\n`)
  })

  it('resets a group with members only by force', async () => {
    const one = member()
    await one.owns(`${topic}/0`, `${topic}/1`)
    const args = ['group', 'reset', group, '--to-latest', '--topic', topic]
    const { code, stderr } = await millrace(args, { env: { MILLRACE_URL: server.url } })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^millrace: GROUP_NOT_EMPTY: .+--force\n$/),
    })
    await run(...args, '--force')
    await one.owns(`${topic}/0`, `${topic}/1`)
    await one.leave()
  })

  it.each([
    [['reset', 'g'], 'where to?'],
    [['reset', 'g', '--to-latest', '--shift', '1'], 'only one place at a time'],
    [['reset', 'g', '--shift', 'x'], '--shift x'],
    [['reset', 'g', '--to-offset', '-1'], '--to-offset -1'],
    [['reset', 'g', '--to-time', '5'], '--to-time 5'],
    [['reset', 'g', '--to-latest', '--partition', '1'], '--partition'],
    [['reset', 'g', '--to-latest', '-t', 'a', '-t', 'b', '--partition', '1'], '--partition'],
    [['reset'], 'missing required argument'],
  ])('%j is wrong usage', async (args, said) => {
    const { code, stderr } = await millrace(['group', ...args], { env: { MILLRACE_URL: server.url } })
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(said) })
  })

  it.each([['describe'], ['delete'], ['reset']])('%s tells of a group that there is not', async (command) => {
    const to = command === 'reset' ? ['--to-latest'] : []
    const { code, stderr } = await millrace(['group', command, 'none', ...to], { env: { MILLRACE_URL: server.url } })
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^millrace: GROUP_NOT_FOUND: .+\n$/) })
  })
})

it('a group goes on after the server was killed', async () => {
  const data = await temporaryDirectory()
  const first = await serve('--data', data, '--log-level', 'error')
  const port = new URL(first.url).port
  await grpcCall(first.url, 'Topics', 'createTopic', { name: 'orders', partitions: 3 })
  const join = { group: 'billing', topics: ['orders'] }
  const one = new GroupMember(first.url, join)
  await one.owns('orders/0', 'orders/1', 'orders/2')
  expect(await one.commit('orders', 2, 0, 'kept')).toBeUndefined()
  await first.end('SIGKILL')
  expect((await one.outcome)?.status).toBe(14)

  const second = await serve('--data', data, '--log-level', 'error', '--http', `127.0.0.1:${port}`)
  const again = new GroupMember(second.url, join, one)
  await again.joined()
  expect(await again.commit('orders', 1, 0)).toBeUndefined()
  const { offsets } = await grpcCall(second.url, 'Groups', 'fetchOffsets', { group: 'billing' })
  expect(offsets).toMatchObject([{ partition: 1 }, { partition: 2, metadata: 'kept' }])
  expect(again.owned).toEqual(['orders/0', 'orders/1', 'orders/2'])
  await again.leave()
})
