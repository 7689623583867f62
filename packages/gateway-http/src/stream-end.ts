import { constants, type ServerHttp2Stream } from 'node:http2'

/*
 * Streams of HTTP/2 end in two steps. One that was reset, by either side, is closed: nothing can be sent on it any more,
 * and Node.js throws where somebody begins to answer. Destroyed it is later, and then its 'close' comes, which gives
 * back what it held.
 */

/** Whether nothing can be sent on a stream any more. */
export function isClosed(stream: ServerHttp2Stream): boolean {
  return stream.closed || stream.destroyed
}

/**
 * Whether a stream has gone from its connection and stays here. Node.js destroys one that its peer reset with NO_ERROR
 * once everything that came was read and everything was sent: never, where nobody goes on reading, or sending is of no
 * use. Not even the end of its connection would bring it down.
 */
export function isStranded(stream: ServerHttp2Stream): boolean {
  // Idle is what Node.js calls a stream that the connection does not know any more.
  return stream.closed && !stream.destroyed && stream.state.state === constants.NGHTTP2_STREAM_STATE_IDLE
}

/**
 * Ends a stream whose peer takes nothing. It is told so where it takes that much; but nothing waits for it, as `close`
 * alone would where the whole connection stands still, or where the stream was closed before and has something to send.
 */
export function cutOff(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_CANCEL)
  stream.destroy()
}
