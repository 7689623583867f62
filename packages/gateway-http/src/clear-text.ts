import type { Socket } from 'node:net'
import { MillraceError } from '@millrace/record'
import type { Opening } from './first-bytes.ts'
import { rawAnswer } from './rest/problem.ts'

const REASON = 'this port speaks TLS only: use https://'

/** Frame types and error codes of RFC 9113. */
const SETTINGS = 4
const GOAWAY = 7
const INADEQUATE_SECURITY = 12

/** Tells a client that speaks clear text to a port of TLS what is wrong, in its own protocol, and ends our side. */
export function refuseClearText(socket: Socket, opening: Exclude<Opening, 'tls'>): void {
  socket.end(opening === 'http2' ? http2Answer() : rawAnswer(new MillraceError('INVALID_REQUEST', REASON)))
  // Were something left unread, its peer might lose the answer to a reset.
  socket.resume()
}

/** The settings that every connection begins with, and its end. */
function http2Answer(): Buffer {
  const end = Buffer.alloc(8 + REASON.length)
  end.writeUInt32BE(INADEQUATE_SECURITY, 4)
  end.write(REASON, 8, 'latin1')
  return Buffer.concat([frame(SETTINGS, Buffer.alloc(0)), frame(GOAWAY, end)])
}

/** A frame on stream 0. */
function frame(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header.writeUInt8(type, 3)
  return Buffer.concat([header, payload])
}
