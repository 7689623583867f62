import type { Socket } from 'node:net'

/** What a connection begins with. */
export type Opening = 'http1' | 'http2' | 'tls'

/** How every HTTP/2 connection begins; no HTTP/1.1 method does. */
const HTTP2_START = Buffer.from('PRI')
/** The type of a TLS record that holds a part of a handshake; no HTTP method begins with it. */
const TLS_HANDSHAKE = 0x16

/** What `start`, which is not empty, begins; undefined when more of it is needed. */
export function openingOf(start: Buffer): Opening | undefined {
  if (start[0] === TLS_HANDSHAKE) return 'tls'
  const compared = Math.min(start.length, HTTP2_START.length)
  if (start.compare(HTTP2_START, 0, compared, 0, compared) !== 0) return 'http1'
  return compared < HTTP2_START.length ? undefined : 'http2'
}

/**
 * Reads `socket` until it is known how it begins, puts back what was read, pauses it and calls `found`. A socket that
 * ends before that is destroyed.
 */
export function readOpening(socket: Socket, found: (opening: Opening) => void): void {
  let start: Buffer = Buffer.alloc(0)
  const stop = (): void => {
    socket.off('data', onData).off('end', onEnd)
  }
  const onEnd = (): void => {
    stop()
    socket.destroy()
  }
  const onData = (chunk: Buffer): void => {
    start = start.length === 0 ? chunk : Buffer.concat([start, chunk])
    const opening = openingOf(start)
    if (opening === undefined) return
    stop()
    socket.pause()
    socket.unshift(start)
    found(opening)
  }
  socket.on('data', onData).on('end', onEnd)
}
