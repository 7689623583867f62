import type { IncomingMessage } from 'node:http'
import { constants, type Http2ServerRequest } from 'node:http2'
import { type Clock, MillraceError } from '@millrace/record'
import { type Noise, noiseOf } from '../noise.ts'
import { BodyBuffer } from './body-buffer.ts'

export interface BodyLimits {
  readonly maxBytes: number
  /** Time for the whole body. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Whether bodies of so many more bytes may be in memory. */
  readonly takes: (bytes: number) => boolean
}

/**
 * Reads a request's body, over HTTP/1.1 and HTTP/2 alike. What is left of a body that is refused is for `discardBody`.
 * @param declaredBytes the Content-Length, where there is one
 * @param done is called once: with the body, or with REQUEST_TOO_LARGE, LIMIT_REACHED, TIMED_OUT, or CANCELLED when the
 *   caller goes away
 */
export function readBody(
  payload: IncomingMessage | Http2ServerRequest,
  declaredBytes: number | undefined,
  { maxBytes, timeoutMs, clock, takes }: BodyLimits,
  done: (failure: MillraceError | null, body?: Buffer) => void,
): void {
  const body = new BodyBuffer()
  const noise = noiseAround(payload)
  let isDone = false
  // The listeners stay: to take them off costs more than to let them be called once more.
  const finish = (failure: MillraceError | null, whole?: Buffer): void => {
    if (isDone) return
    isDone = true
    timer.cancel()
    body.clear()
    done(failure, whole)
  }
  const onGone = (): void => {
    if (!isDone) finish(new MillraceError('CANCELLED', 'the caller went away in the middle of the body'))
  }
  const timer = clock.setTimer(timeoutMs, () =>
    finish(new MillraceError('TIMED_OUT', `the body did not arrive within ${timeoutMs} ms`)),
  )
  payload
    .on('data', (chunk: Buffer) => {
      if (isDone) return
      noise?.received(chunk.length, false)
      if (body.length + chunk.length > maxBytes) finish(tooLarge(maxBytes))
      else if (!takes(chunk.length)) finish(new MillraceError('LIMIT_REACHED', 'too many bodies are in memory'))
      else body.push(chunk)
    })
    .on('end', () => {
      if (!isDone) finish(null, body.whole())
    })
    .on('error', onGone)
    .on('close', onGone)
  if (declaredBytes !== undefined && declaredBytes > maxBytes) finish(tooLarge(maxBytes))
  else if (payload.destroyed) onGone()
}

function tooLarge(maxBytes: number): MillraceError {
  return new MillraceError('REQUEST_TOO_LARGE', `the body is larger than the ${maxBytes} bytes that are allowed`, {
    details: { maxBytes },
  })
}

/**
 * Reads what is left of the body of a request that is refused, and throws it away, so that its sender gets to see the
 * answer: one that is still sending when its stream is closed may not look at it. Past `maxBytes`, or when the time is
 * up, it is cut off.
 */
export function discardBody(
  payload: IncomingMessage | Http2ServerRequest,
  { maxBytes, timeoutMs, clock }: Omit<BodyLimits, 'takes'>,
): void {
  if (payload.complete || payload.destroyed) return
  let left = maxBytes
  const noise = noiseAround(payload)
  const timer = clock.setTimer(timeoutMs, () => refuseRest(payload))
  const stop = (): void => timer.cancel()
  const onData = (chunk: Buffer): void => {
    noise?.received(chunk.length, false)
    left -= chunk.length
    if (left < 0) refuseRest(payload)
  }
  payload.on('data', onData).on('end', stop).on('close', stop)
}

function noiseAround(payload: IncomingMessage | Http2ServerRequest): Noise | undefined {
  return 'stream' in payload ? noiseOf(payload.stream.session) : undefined
}

/** Of a connection with other requests on it, only the one stream is ended; without an error, as it was answered. */
function refuseRest(payload: IncomingMessage | Http2ServerRequest): void {
  if ('stream' in payload) payload.stream.close(constants.NGHTTP2_NO_ERROR)
  else payload.destroy()
}
