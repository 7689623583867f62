/**
 * A signal that follows the first one this closely is the same Ctrl-C: a terminal sends it to npm and to npm's child,
 * and npm hands it on to that child.
 */
const SAME_SIGNAL_MS = 500
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The signals that this process listens for. */
export interface Signals {
  /** Aborted when one asks this process to end. */
  readonly interrupted: AbortSignal
  /** Has SIGHUP call `handler` instead of ending the process; undefined: it ends it again. */
  onHangUp(handler: (() => void) | undefined): void
  /** Gives the signals their usual effect back. */
  stop(): void
}

/**
 * Listens for the signals that ask this process to end.
 * @param onSecond called when the user asks again, because ending cleanly takes too long
 */
export function listenForSignals(onSecond: () => void): Signals {
  const controller = new AbortController()
  let firstAtMs = 0
  let hangUp: (() => void) | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && hangUp !== undefined && !controller.signal.aborted) {
      hangUp()
    } else if (!controller.signal.aborted) {
      firstAtMs = performance.now()
      controller.abort()
    } else if (performance.now() - firstAtMs > SAME_SIGNAL_MS) {
      onSecond()
    }
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    interrupted: controller.signal,
    onHangUp: (handler) => {
      hangUp = handler
    },
    stop: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    },
  }
}

/** Returns once `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
