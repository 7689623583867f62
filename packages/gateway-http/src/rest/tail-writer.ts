import type { ServerResponse } from 'node:http'
import type { Clock, Limits, Logger } from '@millrace/record'
import { IdleTimer } from '../rpc/idle-timer.ts'
import type { Unsent } from '../unsent.ts'
import { cutOffResponse, isGone, PIECE_BYTES, type Response } from './response.ts'

export interface TailWriterOptions {
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly unsent: Unsent
}

/**
 * Writes an endless answer, and waits for its client with each piece, so that nothing but that piece piles up. A client
 * that takes nothing for `stalledReaderTimeoutMs` is cut off.
 */
export class TailWriter {
  private readonly response: Response
  private readonly unsent: Unsent
  private readonly stalled: IdleTimer
  private isGone: boolean
  private wake: (() => void) | undefined

  constructor(response: Response, { clock, limits, logger, unsent }: TailWriterOptions) {
    this.response = response
    this.isGone = isGone(response)
    this.unsent = unsent
    this.stalled = new IdleTimer(clock, limits.stalledReaderTimeoutMs, () => {
      const { stalledReaderTimeoutMs } = limits
      logger.info({ stalledReaderTimeoutMs }, 'a live tail was cut off: its client does not read')
      cutOffResponse(response)
    })
    // Every broken answer is also closed.
    response.on('error', (error: Error) => logger.debug({ err: error }, 'a live tail failed'))
    response.once('close', () => {
      this.isGone = true
      this.stalled.dispose()
      this.wake?.()
    })
  }

  /** Resolves when the client has taken all of the text, or is gone. */
  write(text: string): Promise<void> {
    // Not a part of what waits, which would keep the text beside its bytes.
    return this.writeBytes(Buffer.from(text))
  }

  private async writeBytes(bytes: Buffer): Promise<void> {
    this.unsent.add(bytes.length)
    let left = bytes.length
    try {
      while (left > 0 && !this.isGone) {
        const from = bytes.length - left
        const piece = bytes.subarray(from, from + PIECE_BYTES)
        await this.writePiece(piece)
        this.unsent.add(-piece.length)
        left -= piece.length
      }
    } finally {
      this.unsent.add(-left)
    }
  }

  /** Ends the answer in order. */
  end(): void {
    if (this.isGone) return
    // What the client has not taken by now still waits for it.
    this.stalled.start()
    this.response.end()
  }

  private writePiece(piece: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = undefined
        this.stalled.stop()
        resolve()
      }
      this.stalled.start()
      // The overload for both kinds of response is not callable as a union.
      const response = this.response as ServerResponse
      response.write(piece, () => this.wake?.())
    })
  }
}
