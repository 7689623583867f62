import type { Readable } from 'node:stream'
import { type Clock, MillraceError } from '@millrace/record'

export interface BodyLimits {
  readonly maxBytes: number
  /** Time for the whole body. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Reads a request's body, over HTTP/1.1 and HTTP/2 alike. What is left of a body that is refused is read and thrown
 * away, so that the caller gets to see the answer; past another `maxBytes` the connection or stream is cut.
 * @param declaredBytes the Content-Length, where there is one
 * @throws MillraceError REQUEST_TOO_LARGE, TIMED_OUT, CANCELLED when the caller goes away
 */
export function readBody(payload: Readable, declaredBytes: number | undefined, limits: BodyLimits): Promise<Buffer> {
  const { maxBytes, timeoutMs, clock } = limits
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received = 0
    const onData = (chunk: Buffer): void => {
      received += chunk.length
      if (received > maxBytes) refuse(tooLarge(maxBytes))
      else chunks.push(chunk)
    }
    const onEnd = (): void => {
      stop()
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, received))
    }
    const onGone = (): void => refuse(new MillraceError('CANCELLED', 'the caller went away in the middle of the body'))
    const timer = clock.setTimer(timeoutMs, () =>
      refuse(new MillraceError('TIMED_OUT', `the body did not arrive within ${timeoutMs} ms`)),
    )
    const stop = (): void => {
      timer.cancel()
      payload.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
    }
    const refuse = (error: MillraceError): void => {
      stop()
      chunks.length = 0
      discard(payload, maxBytes)
      reject(error)
    }
    payload.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
    if (declaredBytes !== undefined && declaredBytes > maxBytes) refuse(tooLarge(maxBytes))
    else if (payload.destroyed) onGone()
  })
}

function tooLarge(maxBytes: number): MillraceError {
  return new MillraceError('REQUEST_TOO_LARGE', `the body is larger than the ${maxBytes} bytes that are allowed`, {
    details: { maxBytes },
  })
}

function discard(payload: Readable, maxBytes: number): void {
  let left = maxBytes
  payload.on('error', () => {})
  payload.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) payload.destroy()
  })
  payload.resume()
}
