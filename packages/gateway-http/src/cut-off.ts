import { constants, type ServerHttp2Stream } from 'node:http2'

/**
 * Ends a stream whose peer takes nothing. It is told so where it takes that much; but nothing waits for it, as `close`
 * alone would where the whole connection stands still, or where the stream was closed before and has something to send.
 */
export function cutOff(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_CANCEL)
  stream.destroy()
}
