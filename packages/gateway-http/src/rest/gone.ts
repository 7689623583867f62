import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { isClosed } from '../stream-end.ts'

/** Whether nobody can get this answer any more; its 'close' has been emitted, or is about to be. */
export function isGone(response: ServerResponse | Http2ServerResponse): boolean {
  // Those of HTTP/2 have `destroyed` in their types only.
  return 'stream' in response ? isClosed(response.stream) : response.destroyed
}
