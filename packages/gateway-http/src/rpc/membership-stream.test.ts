import { constants } from 'node:http2'
import { MillraceError } from '@millrace/record'
import { frameMessage, fromInt64, MEMBERSHIP_PATH, type millrace, toInt64, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeGroups, type FakeMember } from '../../test/fake-groups.ts'
import { type MemberCall, type RawClient, type RpcServer, serveRpc, until } from '../../test/rpc-harness.ts'

let groups: FakeGroups
let server: RpcServer
let client: RawClient

beforeEach(async () => {
  groups = new FakeGroups()
  server = await serveRpc({ groups, limits: { partitions: 1_000 } })
  client = server.connect()
})
afterEach(() => server.close())

/** A stream that has joined, and the member that the fake has for it. */
async function joined(join: millrace.v1.Join.$Properties = {}): Promise<{ stream: MemberCall; member: FakeMember }> {
  const stream = client.memberStream()
  const before = groups.members.length
  stream.join(join)
  expect(await stream.next()).toMatchObject({ event: 'joined' })
  return { stream, member: groups.members[before]! }
}

async function idsOf(stream: MemberCall, count: number): Promise<number[]> {
  const ids: number[] = []
  while (ids.length < count) ids.push(fromInt64((await stream.next())!.committed!.id))
  return ids
}

const none = (id: number): millrace.v1.MemberRequest.$Properties => ({ commit: { id: toInt64(id), offsets: [] } })
const gate = (): { readonly opened: Promise<void>; open(): void } => {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

describe('a member', () => {
  test('joins with what it says, and is told what it must know', async () => {
    const stream = client.memberStream()
    stream.send({
      join: {
        group: 'g',
        memberId: 'm1',
        memberEpoch: 4,
        instanceId: 'i1',
        topicPattern: 'orders-.*',
        assignor: 'range',
        sessionTimeoutMs: 9_000,
        rebalanceTimeoutMs: 20_000,
        owned: [{ topic: 't', partitions: [0, 3] }],
        clientId: 'host-1',
      },
    })
    expect((await stream.next())?.joined).toMatchObject({
      memberId: 'm1',
      memberEpoch: 5,
      heartbeatIntervalMs: 3_000,
      sessionTimeoutMs: 9_000,
    })
    expect(groups.members[0]?.request).toEqual({
      group: 'g',
      memberId: 'm1',
      memberEpoch: 4,
      instanceId: 'i1',
      subscription: { pattern: 'orders-.*' },
      assignor: 'range',
      sessionTimeoutMs: 9_000,
      rebalanceTimeoutMs: 20_000,
      owned: [{ topic: 't', partitions: [0, 3] }],
      clientId: 'host-1',
    })
  })

  test('may leave out what has a default', async () => {
    const { member } = await joined()
    expect(member.request).toMatchObject({
      memberEpoch: 0,
      instanceId: undefined,
      subscription: { topics: ['t'] },
      assignor: 'uniform',
      sessionTimeoutMs: 0,
      rebalanceTimeoutMs: 0,
      owned: [],
    })
  })

  test('is heard in the order in which it speaks', async () => {
    const { stream, member } = await joined()
    stream.send(
      { heartbeat: {} },
      { owned: { memberEpoch: 3, partitions: [{ topic: 't', partitions: [1, 2] }] } },
      { commit: { id: toInt64(1), offsets: [{ topic: 't', partition: 1, offset: toInt64(2 ** 40) }] } },
      { heartbeat: {} },
    )
    expect(await idsOf(stream, 1)).toEqual([1])
    expect(member.calls).toEqual(['heartbeat', 'owned 3 t/1,2', `commit t/1@${2 ** 40}`, 'heartbeat'])
  })

  test('is told its assignments after it has joined, however early they come', async () => {
    const { opened, open } = gate()
    groups.joins = opened
    const stream = client.memberStream()
    stream.join()
    await until(() => groups.members.length === 1)
    groups.members[0]?.listener.assigned(2, [{ topic: 't', partitions: [0] }])
    stream.send({ heartbeat: {} })
    open()
    expect(await stream.next()).toMatchObject({ joined: { memberEpoch: 1 } })
    expect(await stream.next()).toMatchObject({ assignment: { memberEpoch: 2, partitions: [{ topic: 't' }] } })
    groups.members[0]?.listener.assigned(3, [])
    expect(await stream.next()).toMatchObject({ assignment: { memberEpoch: 3, partitions: [] } })
  })

  test('has each commit answered under its id, also those that fail', async () => {
    const { stream } = await joined()
    groups.commitOf = async ([offset]) => {
      if (offset?.offset === 2) throw new MillraceError('PARTITION_NOT_OWNED', 'no', { details: { partition: 0 } })
      if (offset?.offset === 3) throw new Error('secret')
    }
    for (const id of [1, 2, 3, 4]) stream.commit(id)
    const answers = new Map<number, millrace.v1.Error | null>()
    while (answers.size < 4) {
      const { committed } = (await stream.next())!
      answers.set(fromInt64(committed!.id), committed!.error)
    }
    expect([answers.get(1), answers.get(4)]).toEqual([null, null])
    expect(answers.get(2)).toMatchObject({ code: 'PARTITION_NOT_OWNED', details: { partition: '0' } })
    expect(answers.get(3)).toMatchObject({ code: 'INTERNAL', message: expect.not.stringContaining('secret') })
    // Each failure stands in the log once.
    expect(server.lines.map(({ fields }) => (fields as { id?: string }).id).sort()).toEqual(['2', '3'])
  })

  test('leaves, and its call ends well when that is done and its commits are answered', async () => {
    const left = gate()
    const stored = gate()
    groups.leaves = left.opened
    groups.commitOf = () => stored.opened
    const { stream, member } = await joined()
    stream.send(none(1), { leave: { forGood: true } })
    await until(() => member.calls.length === 2)
    expect(member.calls[1]).toBe('leave for good')
    left.open()
    // What it says after that nobody hears.
    stream.send({ heartbeat: {} }, { leave: {} })
    stored.open()
    expect(await idsOf(stream, 1)).toEqual([1])
    expect((await stream.call.endAfterServer()).error).toBeUndefined()
    expect(member.calls).toHaveLength(2)
  })

  test('that leaves gets to do so while the server shuts down', async () => {
    const { opened, open } = gate()
    groups.leaves = opened
    const { stream, member } = await joined()
    stream.send({ leave: {} })
    await until(() => member.calls.length === 1)
    const closed = server.gateway.close(10_000)
    open()
    expect((await stream.call.endAfterServer()).error).toBeUndefined()
    client.destroy()
    await closed
  })

  test('may leave before it has joined', async () => {
    const { opened, open } = gate()
    groups.joins = opened
    const stream = client.memberStream()
    stream.join()
    stream.send({ leave: {} })
    await until(() => groups.members.length === 1)
    open()
    expect((await stream.call.endAfterServer()).messages).toEqual([])
    expect(groups.members[0]?.calls).toEqual(['leave'])
  })

  test('learns that its membership is over, after the answers to its commits', async () => {
    const { opened, open } = gate()
    groups.commitOf = () => opened
    const { stream, member } = await joined()
    stream.commit(1)
    await until(() => member.calls.length === 1)
    member.listener.ended(new MillraceError('UNKNOWN_MEMBER', 'too long silent'))
    member.listener.assigned(9, [])
    open()
    expect(await idsOf(stream, 1)).toEqual([1])
    expect((await stream.call.endAfterServer()).error).toMatchObject({ code: 'UNKNOWN_MEMBER' })
    expect((await stream.call.outcome).messages).toHaveLength(2)
  })

  test('that cannot join is told why', async () => {
    groups.failure = new MillraceError('INSTANCE_ID_IN_USE', 'taken')
    const stream = client.memberStream()
    stream.join()
    expect((await stream.call.endAfterServer()).error).toMatchObject({ code: 'INSTANCE_ID_IN_USE' })
  })

  test.each([undefined, 'LIMIT_REACHED'] as const)(
    'has a call for as long as its join takes, however soon it ends its side (%s)',
    async (code) => {
      const { opened, open } = gate()
      groups.joins = opened
      if (code !== undefined) groups.failure = new MillraceError(code, 'no')
      const stream = client.memberStream()
      let isOver = false
      void stream.call.outcome.then(() => {
        isOver = true
      })
      stream.join()
      stream.call.end()
      await until(() => groups.members.length === 1)
      // Streams after it, on the same connection, have come and gone.
      for (let count = 0; count < 5; count++) {
        const { call } = client.memberStream()
        call.end()
        await call.outcome
      }
      expect(isOver).toBe(false)
      open()
      const { messages, error } = await stream.call.outcome
      expect([messages, error?.code]).toEqual([[], code])
      expect(groups.members[0]?.calls).toEqual(code === undefined ? ['disconnected'] : [])
    },
  )

  test.each([true, false])(
    'that joins is told at once that the server shuts down (its side is open: %s)',
    async (isOpen) => {
      const { opened, open } = gate()
      groups.joins = opened
      const stream = client.memberStream()
      stream.join()
      if (!isOpen) stream.call.end()
      await until(() => groups.members.length === 1)
      const closed = server.gateway.close(10_000)
      const { error } = await (isOpen ? stream.call.endAfterServer() : stream.call.outcome)
      expect(error?.code).toBe('SHUTTING_DOWN')
      open()
      client.destroy()
      await closed
    },
  )
})

describe('the connection of a member', () => {
  test.each(['reset', 'cut', 'ended by the client', 'ended by garbage', 'ended by a shutdown'])(
    'that is %s leaves the member in its group',
    async (how) => {
      const { stream, member } = await joined()
      if (how === 'reset') stream.call.stream.close(constants.NGHTTP2_CANCEL)
      else if (how === 'cut') client.destroy()
      else if (how === 'ended by the client') stream.call.end()
      else if (how === 'ended by garbage') stream.call.write([Buffer.from([7, 7, 7, 7, 7, 7])])
      else void server.gateway.close(1_000)
      await until(() => member.calls.length > 0)
      expect(member.calls).toEqual(['disconnected'])
    },
  )

  test('that breaks before it has joined leaves no member that thinks it is connected', async () => {
    const { opened, open } = gate()
    groups.joins = opened
    const stream = client.memberStream()
    stream.join()
    await until(() => groups.members.length === 1)
    stream.call.stream.close(constants.NGHTTP2_CANCEL)
    await stream.call.outcome
    const second = client.memberStream()
    second.join()
    await until(() => groups.members.length === 2)
    open()
    await until(() => groups.members[0]!.calls.length === 1)
    expect(groups.members[0]?.calls).toEqual(['disconnected'])
    expect(groups.members[1]?.calls).toEqual([])
  })

  test('says at a shutdown that the server shuts down, after the answers to commits', async () => {
    const { opened, open } = gate()
    groups.commitOf = () => opened
    const { stream, member } = await joined()
    stream.commit(1)
    await until(() => member.calls.length === 1)
    const closed = server.gateway.close(10_000)
    open()
    expect(await idsOf(stream, 1)).toEqual([1])
    expect((await stream.call.endAfterServer()).error).toMatchObject({ code: 'SHUTTING_DOWN' })
    client.destroy()
    await closed
  })
})

describe('bounds', () => {
  test('a member with many commits under way is not read from until some are answered', async () => {
    const { opened, open } = gate()
    groups.commitOf = () => opened
    const { stream, member } = await joined()
    const send = async (first: number): Promise<void> => {
      // One by one, so that they do not come in one piece.
      for (let id = first; id < first + 40; id++) {
        stream.commit(id)
        await client.unary(UNARY.listGroups, {})
      }
    }
    await send(0)
    expect(member.calls).toHaveLength(32)
    open()
    expect(await idsOf(stream, 40)).toHaveLength(40)
    expect(member.calls).toHaveLength(40)
  })

  test('a member that commits without end and reads no answer gets to send no more', async () => {
    const { stream } = await joined()
    stream.call.stream.pause()
    let sent = 0
    // Until the client itself is told to wait, for good.
    for (let idle = 0; idle < 200; ) {
      if (stream.call.stream.writableNeedDrain) {
        idle++
        await new Promise((resolve) => setImmediate(resolve))
      } else {
        idle = 0
        stream.commit(sent++)
        if (sent > 1_000_000) throw new Error('the server reads on and on')
      }
    }
    stream.call.stream.resume()
    expect(await idsOf(stream, sent)).toEqual(Array.from({ length: sent }, (_, id) => id))
  })

  test('a call that has ended its input leaves room for others that are not read from', async () => {
    const roomy = await serveRpc({ groups, limits: { unreadBytes: 1_600_000 } })
    const other = roomy.connect()
    try {
      const { opened, open } = gate()
      groups.commitOf = async () => {
        await opened
        // An answer that the connection does not take at once.
        throw new MillraceError('STORAGE_FAILED', 'x'.repeat(2_000_000))
      }
      const ended = other.memberStream()
      ended.join()
      await ended.next()
      ended.commit(1)
      await until(() => groups.members[0]!.calls.length === 1)
      ended.call.end()
      await until(() => groups.members[0]!.calls.includes('disconnected'))
      open()
      await ended.call.outcome
      const stored = gate()
      groups.commitOf = () => stored.opened
      const held = other.memberStream()
      held.join()
      await held.next()
      for (let id = 0; id < 40; id++) held.commit(id)
      await until(() => groups.members[1]!.calls.length >= 32)
      stored.open()
      expect(await idsOf(held, 40)).toHaveLength(40)
    } finally {
      await roomy.close()
    }
  })

  test('a member that does not read keeps only its newest assignment', async () => {
    const { stream, member } = await joined()
    stream.call.stream.pause()
    const partitions = Array.from({ length: 1_000 }, (_, partition) => partition)
    const last = 3_000
    for (let epoch = 1; epoch <= last; epoch++) {
      member.listener.assigned(epoch, [{ topic: 't'.repeat(200), partitions }])
      await new Promise((resolve) => setImmediate(resolve))
    }
    stream.call.stream.resume()
    const epochs: number[] = []
    while (epochs.at(-1) !== last) epochs.push((await stream.next())!.assignment!.memberEpoch)
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b))
    expect(epochs.length).toBeLessThan(last)
  })
})

describe('hostile input', () => {
  const many = Array.from({ length: 1_001 }, (_, partition) => partition)
  const join = { join: { group: 'g', memberId: 'm', topics: ['t'] } }

  test.each<[string, string, readonly millrace.v1.MemberRequest.$Properties[]]>([
    ['owned before join', 'INVALID_REQUEST', [{ owned: {} }]],
    ['a commit before join', 'INVALID_REQUEST', [none(1)]],
    ['a heartbeat before join', 'INVALID_REQUEST', [{ heartbeat: {} }]],
    ['a leave before join', 'INVALID_REQUEST', [{ leave: {} }]],
    ['no action', 'INVALID_REQUEST', [{}]],
    ['no action after join', 'INVALID_REQUEST', [join, {}]],
    ['two joins', 'INVALID_REQUEST', [join, join]],
    ['owned before it has joined', 'INVALID_REQUEST', [join, { owned: {} }]],
    ['names and a pattern', 'INVALID_SUBSCRIPTION', [{ join: { ...join.join, topicPattern: 'x' } }]],
    [
      'too many owned partitions',
      'REQUEST_TOO_LARGE',
      [{ join: { ...join.join, owned: [{ topic: 't', partitions: many }] } }],
    ],
    ['too many topics', 'REQUEST_TOO_LARGE', [{ join: { ...join.join, topics: many.map(String) } }]],
  ])('%s ends the call with %s', async (_, code, requests) => {
    const stream = client.memberStream()
    stream.send(...requests)
    expect((await stream.call.endAfterServer()).error).toMatchObject({ code })
    expect(server.lines.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  test('more partitions than there may be are not owned', async () => {
    const { stream, member } = await joined()
    stream.send({ owned: { memberEpoch: 1, partitions: [{ topic: 't', partitions: many }] } })
    expect((await stream.call.endAfterServer()).error).toMatchObject({ code: 'REQUEST_TOO_LARGE' })
    expect(member.calls).toEqual(['disconnected'])
  })

  test('a commit of more offsets than there may be fails alone', async () => {
    const { stream, member } = await joined()
    stream.send({ commit: { id: toInt64(1), offsets: many.map((partition) => ({ topic: 't', partition })) } })
    expect((await stream.next())?.committed?.error?.code).toBe('REQUEST_TOO_LARGE')
    stream.commit(2)
    expect(await idsOf(stream, 1)).toEqual([2])
    expect(member.calls).toHaveLength(1)
  })

  test('a number that cannot be kept exactly is refused', async () => {
    const { stream } = await joined()
    const huge = { ...toInt64(0), high: 0x7fff_ffff, low: -1 } as ReturnType<typeof toInt64>
    stream.send({ commit: { id: toInt64(1), offsets: [{ topic: 't', partition: 0, offset: huge }] } })
    expect((await stream.next())?.committed?.error?.code).toBe('NUMBER_NOT_EXACT')
  })

  test('a message that is larger than any member needs is refused', async () => {
    const call = client.open(MEMBERSHIP_PATH)
    call.write([frameMessage(Buffer.alloc(262_145))])
    expect((await call.endAfterServer()).error).toMatchObject({ code: 'REQUEST_TOO_LARGE' })
  })
})
