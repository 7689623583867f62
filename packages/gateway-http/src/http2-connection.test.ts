import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
import { DEFAULT_LIMITS } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { Http2Connection } from './http2-connection.ts'
import { InFlight } from './in-flight.ts'

const KiB = 1_024
const LIMITS = { ...DEFAULT_LIMITS, streamWindowBytes: 1_024 * KiB, connectionWindowBytes: 8_192 * KiB }

function made(connections = 1) {
  const windows: number[] = []
  const session = {
    destroyed: false,
    setLocalWindowSize() {},
    settings({ initialWindowSize }: { initialWindowSize: number }, onAck: () => void) {
      windows.push(initialWindowSize)
      onAck()
    },
  }
  const inFlight = new InFlight(LIMITS)
  const connection = new Http2Connection({
    session: session as unknown as ServerHttp2Session,
    socket: { bytesRead: 0, bytesWritten: 0 },
    address: '10.0.0.1',
    limits: LIMITS,
    clock: new ManualClock(),
    inFlight,
    connections,
    isWary: false,
    onNoise() {},
  })
  const open = (): Readable => {
    const stream = Object.assign(new Readable({ read() {} }), { endAfterHeaders: false })
    connection.opened(stream as unknown as ServerHttp2Stream)
    return stream
  }
  return { connection, windows, inFlight, open }
}

test('streams share the window of their connection as long as they are open', async () => {
  const { connection, windows, open } = made()
  connection.look()
  const streams = Array.from({ length: 32 }, open)
  for (const stream of streams) stream.destroy()
  await new Promise((resolve) => setImmediate(resolve))
  connection.look()
  connection.look()
  expect(windows).toEqual([1_024 * KiB, 512 * KiB, 256 * KiB, 1_024 * KiB])
})

test('connections share what their streams may be sent', () => {
  const { connection, windows } = made(64)
  connection.look()
  expect(windows).toEqual([256 * KiB])
})

test('small chunks are forgotten once they were read', () => {
  const { connection, inFlight, open } = made()
  const stream = open()
  for (let count = 0; count < 1_000; count++) stream.push(Buffer.from('x'))
  expect(inFlight.unreadBytes).toBeGreaterThan(0)
  stream.read()
  connection.look()
  expect(inFlight.unreadBytes).toBe(0)
})
