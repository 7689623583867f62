/** How long to wait between attempts. */
export interface BackoffOptions {
  /** The wait after the first failure, before jitter. */
  readonly initialMs: number
  /** The longest wait, before jitter. */
  readonly maxMs: number
}

export const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 50, maxMs: 2_000 }

/** Gives the wait before attempt number `attempt` (1: the first retry), in ms. */
export type Backoff = (attempt: number) => number

/**
 * Waits that double from `initialMs` to `maxMs`, each of them shortened or lengthened at random by up to a quarter, so
 * that clients that failed together do not come back together.
 * @param random gives numbers from 0 up to but not including 1
 */
export function createBackoff({ initialMs, maxMs }: BackoffOptions, random: () => number): Backoff {
  return (attempt) => {
    const plainMs = Math.min(maxMs, initialMs * 2 ** Math.min(attempt - 1, 30))
    return plainMs * (0.75 + random() / 2)
  }
}
