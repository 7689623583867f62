import { isGone, type Response } from './response.ts'

/** The requests that wait for data. A wait ends early when its client goes away or when the server drains. */
export class Waits {
  private readonly open = new Set<AbortController>()
  private ended = false

  /** Runs `wait` with a signal that is aborted when nobody wants, or may have, the answer any longer. */
  async run<T>(response: Response, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    if (this.ended || isGone(response)) abort()
    response.once('close', abort)
    this.open.add(controller)
    try {
      return await wait(controller.signal)
    } finally {
      response.off('close', abort)
      this.open.delete(controller)
    }
  }

  /** Ends all waits, and every later one at once. */
  endAll(): void {
    this.ended = true
    for (const controller of this.open) controller.abort()
  }
}
