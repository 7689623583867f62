import type { Clock, Limits, Logger } from '@millrace/record'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Answers } from '../answers.ts'
import { connectionOf, cutOffResponse, isGone, PIECE_BYTES } from './response.ts'

/** Smaller answers cost little beside what a request costs anyway. */
const SMALL_BYTES = 1_024
/** What changes nothing may be refused after its work was done. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

export interface UntakenOptions {
  readonly answers: Answers
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether the call itself counts its answer until it is taken. */
    isAnswerCounted: boolean
  }
}

/** Counts answers until their clients have taken them, and cuts off those who do not. */
export function countUntaken(app: FastifyInstance, { answers, clock, limits, logger }: UntakenOptions): void {
  app.decorateRequest('isAnswerCounted', false)
  app.addHook('onSend', (request, reply, payload, done) => {
    const bytes = bytesOf(reply, payload)
    // A 'close' that has been would not come again.
    if (bytes <= SMALL_BYTES || isGone(reply.raw)) {
      done(null, payload)
      return
    }
    let release: (() => void) | undefined
    if (!request.isAnswerCounted) {
      if (SAFE_METHODS.has(request.method)) answers.checkRoom(bytes)
      release = answers.hold(connectionOf(reply.raw), Math.min(bytes, heldBytes(payload)))
    }
    const { stalledReaderTimeoutMs } = limits
    const timer = clock.setTimer(stalledReaderTimeoutMs * Math.ceil(bytes / PIECE_BYTES), () => {
      logger.info(
        { call: request.route?.call, bytes, stalledReaderTimeoutMs },
        'an answer was cut off: its client does not read',
      )
      cutOffResponse(reply.raw)
    })
    reply.raw.once('close', () => {
      release?.()
      timer.cancel()
    })
    done(null, payload)
  })
}

/** How long the answer is; 0 where nobody knows. */
function bytesOf(reply: FastifyReply, payload: unknown): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload)
  if (Buffer.isBuffer(payload)) return payload.length
  return Number(reply.getHeader('content-length') ?? 0)
}

/** How much of it is in memory at once. */
function heldBytes(payload: unknown): number {
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? Number.POSITIVE_INFINITY : PIECE_BYTES
}
