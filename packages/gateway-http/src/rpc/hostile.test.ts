import { constants } from 'node:http2'
import { ManualClock, seededRandom } from '@millrace/testkit'
import {
  decodeProduceAcks,
  FETCH_STREAM_PATH,
  frameMessage,
  frameProduceStreamRequest,
  MEMBERSHIP_PATH,
  PRODUCE_STREAM_PATH,
  UNARY,
} from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeGroups } from '../../test/fake-groups.ts'
import { batchOf, PORT_TIMERS, type RawClient, type RpcServer, serveRpc, until } from '../../test/rpc-harness.ts'

let clock: ManualClock
let server: RpcServer
let client: RawClient

beforeEach(async () => {
  clock = new ManualClock()
  const limits = { requestBytes: 100_000, inFlightBytesPerConnection: 200_000 }
  server = await serveRpc({ clock, limits, groups: new FakeGroups() })
  client = server.connect()
  await server.broker.topics.create({ name: 't', partitions: 1 })
})
afterEach(() => server.close())

const PATHS = [PRODUCE_STREAM_PATH, FETCH_STREAM_PATH, MEMBERSHIP_PATH, UNARY.produce.path]

function produceFrame(id: number): Buffer {
  const batch = batchOf(`v${id}`)
  return Buffer.concat(
    frameProduceStreamRequest({ id, topic: 't', partition: 0, acks: 'committed', batch, records: [] }),
  )
}

async function appended(): Promise<number> {
  const { partitions } = await server.broker.topics.describe('t')
  return partitions[0]!.highWatermark
}

describe.each(PATHS)('%s', (path) => {
  test('says when its input ends inside a message', async () => {
    const call = client.open(path)
    call.write([Buffer.from([0, 0, 0, 0, 9, 1, 2])])
    call.end()
    expect((await call.outcome).error?.code).toBe('INVALID_REQUEST')
  })

  test('refuses a message that is too large by what its frame announces', async () => {
    const call = client.open(path)
    call.write([Buffer.from([0, 0x7f, 0xff, 0xff, 0xff])])
    call.end()
    expect((await call.outcome).error?.code).toBe('REQUEST_TOO_LARGE')
  })

  test('refuses a compressed message', async () => {
    const call = client.open(path)
    call.write([Buffer.from([1, 0, 0, 0, 0])])
    call.end()
    expect((await call.outcome).error?.code).toBe('INVALID_REQUEST')
  })

  test('refuses a message that is none', async () => {
    const call = client.open(path)
    call.write([frameMessage(Buffer.alloc(20, 0xff))])
    call.end()
    expect((await call.outcome).error?.code).toBe('INVALID_REQUEST')
  })

  test('times out when a message stalls, and not while it moves', async () => {
    const call = client.open(path)
    const start = Buffer.from([0, 0, 0, 0x10, 0, 1, 2])
    for (const byte of start) {
      call.write([Buffer.from([byte])])
      await until(() => clock.pendingTimers > PORT_TIMERS)
      // The byte has come when the time since the last one no longer fires.
      await client.unary(UNARY.listTopics, {})
      clock.advance(server.limits.requestTimeoutMs - 1)
    }
    expect(call.stream.closed).toBe(false)
    clock.advance(1)
    call.end()
    expect((await call.outcome).error?.code).toBe('TIMED_OUT')
    await until(() => clock.pendingTimers === PORT_TIMERS)
  })

  test('bears a client that resets it at any time', async () => {
    for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_NO_ERROR]) {
      const call = client.open(path)
      call.write([produceFrame(1).subarray(0, 20)])
      await client.unary(UNARY.listTopics, {})
      call.stream.close(code)
      await call.outcome
    }
    await client.unary(UNARY.listTopics, {})
    expect(server.lines.filter(({ level }) => level !== 'debug')).toEqual([])
  })
})

test.each(PATHS)(
  '%s is refused from the start where it could not be read, and there is no room for it to wait',
  async (path) => {
    const full = await serveRpc({ limits: { inFlightBytesPerConnection: 1_000, unreadBytes: 0 } })
    try {
      await full.broker.topics.create({ name: 't', partitions: 1 })
      const greedy = full.connect()
      vi.spyOn(full.broker.produce, 'target').mockReturnValue(new Promise(() => {}))
      greedy.produceStream().send({ id: 1, batch: batchOf('v'.repeat(1_000)) })
      await until(() => full.gateway.stats().inFlightBytes > 1_000)
      const call = greedy.open(path)
      call.end()
      expect((await call.outcome).error?.code).toBe('LIMIT_REACHED')
    } finally {
      await full.close()
    }
  },
)

test('what came before a broken frame is stored and answered', async () => {
  const call = client.open(PRODUCE_STREAM_PATH)
  call.write([produceFrame(1), produceFrame(2), Buffer.from([9, 9, 9, 9, 9, 9])])
  const acks = [...decodeProduceAcks((await call.next())!)]
  expect(acks.map(({ id, error }) => [id, error])).toEqual([
    [1, undefined],
    [2, undefined],
  ])
  call.end()
  expect((await call.outcome).error?.code).toBe('INVALID_REQUEST')
  expect(await appended()).toBe(2)
})

describe('unfinished messages', () => {
  let small: RpcServer

  beforeEach(async () => {
    small = await serveRpc({ clock, limits: { unreadBytes: 200_000 } })
  })
  afterEach(() => small.close())

  /** Begins a message of 60,000 bytes on each of five calls and does not end it. @returns how the calls end then */
  async function begin(connect: () => RawClient): Promise<(string | undefined)[]> {
    const calls = Array.from({ length: 5 }, () => connect().open(PRODUCE_STREAM_PATH))
    for (const call of calls) {
      call.write([Buffer.concat([Buffer.from([0, 0, 0, 0xea, 0x60]), Buffer.alloc(59_000)])])
      await small.connect().unary(UNARY.listTopics, {})
    }
    const { unreadBytes } = small.gateway.stats()
    expect(unreadBytes).toBeLessThan(200_000)
    for (const call of calls) call.end()
    return Promise.all(calls.map(async (call) => (await call.outcome).error?.code))
  }

  test('are refused before they fill the memory', async () => {
    const one = small.connect()
    const codes = await begin(() => one)
    expect(new Set(codes)).toEqual(new Set(['LIMIT_REACHED', 'INVALID_REQUEST']))
    expect(small.gateway.stats().unreadBytes).toBe(0)
  })

  test("are every connection's right, one at a time", async () => {
    expect(new Set(await begin(() => small.connect()))).toEqual(new Set(['INVALID_REQUEST']))
  })
})

test('mutated frames never harm the server, and never another stream', async () => {
  const random = seededRandom(Number(process.env.MILLRACE_SEED ?? Date.now() & 0x7fff_ffff))
  try {
    const good = client.produceStream()
    for (let round = 0; round < 150; round++) {
      const call = client.open(random.pick(PATHS))
      const bytes = Buffer.concat([produceFrame(1), produceFrame(2), produceFrame(3)])
      for (let flips = random.int(1, 4); flips > 0; flips--) bytes[random.int(0, bytes.length - 1)] = random.int(0, 255)
      const cut = random.int(0, bytes.length)
      call.write([bytes.subarray(0, cut)])
      if (random.bool(0.2)) call.stream.close(constants.NGHTTP2_CANCEL)
      else call.stream.end(bytes.subarray(cut))
      await call.outcome
      good.send({ id: round, batch: batchOf('good') })
      expect(await good.next()).toMatchObject({ id: round, error: undefined })
    }
    expect(server.lines.filter(({ level }) => level !== 'debug')).toEqual([])
    const records = await server.broker.fetch.records('t', 0, { at: 'earliest' })
    const stray = records.records.map(({ value }) => String(value)).filter((value) => !/^(good|v[123])$/.test(value))
    expect(stray).toEqual([])
  } catch (error) {
    throw new Error(`seed ${random.seed} (repeat it with MILLRACE_SEED)`, { cause: error })
  }
})
