/**
 * A signal that follows the first one this closely is the same Ctrl-C: a terminal sends it to npm and to npm's child,
 * and npm hands it on to that child.
 */
const SAME_SIGNAL_MS = 500
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Listens for the signals that ask this process to end.
 * @param onSecond called when the user asks again, because ending cleanly takes too long
 * @returns `interrupted` is aborted at the first one; `stop` gives the signals their usual effect back
 */
export function listenForSignals(onSecond: () => void): { interrupted: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  let firstAtMs = 0
  const onSignal = (): void => {
    if (!controller.signal.aborted) {
      firstAtMs = performance.now()
      controller.abort()
    } else if (performance.now() - firstAtMs > SAME_SIGNAL_MS) {
      onSecond()
    }
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    interrupted: controller.signal,
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
