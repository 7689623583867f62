/** HTTP/2 by hand (RFC 9113), to say what no library would. */

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { none: 0, endStream: 1, ack: 1, endHeaders: 4 } as const

/** One frame; `length` may lie. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
  length = payload.length,
) {
  const head = Buffer.allocUnsafe(9)
  head.writeUIntBE(length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** How a client begins: the preface and its settings. */
export function preface(settings: Readonly<Record<number, number>> = {}): Buffer {
  return Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settingsFrame(settings)])
}

export const SETTING = { headerTableSize: 1, initialWindowSize: 4, maxFrameSize: 5 } as const

export function settingsFrame(settings: Readonly<Record<number, number>> = {}): Buffer {
  const payload = Object.entries(settings).map(([id, value]) => {
    const entry = Buffer.allocUnsafe(6)
    entry.writeUInt16BE(Number(id), 0)
    entry.writeUInt32BE(value, 2)
    return entry
  })
  return frame(FRAME.settings, FLAG.none, 0, Buffer.concat(payload))
}

export function windowUpdate(stream: number, increment: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(increment, 0)
  return frame(FRAME.windowUpdate, FLAG.none, stream, payload)
}

export function reset(stream: number, code = 8): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(code, 0)
  return frame(FRAME.reset, FLAG.none, stream, payload)
}

export function ping(isAck = false): Buffer {
  return frame(FRAME.ping, isAck ? FLAG.ack : FLAG.none, 0, Buffer.alloc(8, 1))
}

export function data(stream: number, bytes: Buffer, endsStream = false): Buffer {
  return frame(FRAME.data, endsStream ? FLAG.endStream : FLAG.none, stream, bytes)
}

export interface HeaderOptions {
  readonly endsStream?: boolean
  readonly endsHeaders?: boolean
}

/** A whole HEADERS frame of plain, never indexed literals. */
export function headers(
  stream: number,
  fields: readonly (readonly [string, string])[],
  { endsStream = false, endsHeaders = true }: HeaderOptions = {},
): Buffer {
  const flags = (endsStream ? FLAG.endStream : 0) | (endsHeaders ? FLAG.endHeaders : 0)
  return frame(FRAME.headers, flags, stream, headerBlock(fields))
}

export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0x10]), literal(name), literal(value)]))
}

/** HPACK's string: its length in 7 bits and more, then the bytes. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const prefix: number[] = []
  if (bytes.length < 127) prefix.push(bytes.length)
  else {
    prefix.push(127)
    let rest = bytes.length - 127
    for (; rest >= 128; rest = Math.floor(rest / 128)) prefix.push((rest % 128) + 128)
    prefix.push(rest)
  }
  return Buffer.concat([Buffer.from(prefix), bytes])
}

/** What a gRPC call begins with. */
export function callFields(path: string): [string, string][] {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ]
}

export function getFields(path: string): [string, string][] {
  return [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
  ]
}
