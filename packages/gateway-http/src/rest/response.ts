import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { cutOff, isClosed } from '../stream-end.ts'

/** Of either version of HTTP. Those of HTTP/2 have some of their members, such as `destroyed`, in their types only. */
export type Response = ServerResponse | Http2ServerResponse

/** A client that takes as little as this within `stalledReaderTimeoutMs` is slow but not stalled. */
export const PIECE_BYTES = 65_536

/** Whether nobody can get this answer any more; its 'close' has been emitted, or is about to be. */
export function isGone(response: Response): boolean {
  return 'stream' in response ? isClosed(response.stream) : response.destroyed
}

/** The socket, or the session of HTTP/2, that a request came on. */
export function connectionOf(response: Response): object {
  return ('stream' in response ? response.stream.session : response.socket) ?? response
}

/** Ends an answer that its client does not take: it would not take an ending either. */
export function cutOffResponse(response: Response): void {
  if ('stream' in response) cutOff(response.stream)
  else response.destroy()
}
