import type { Clock } from '@millrace/record'

/** Calls `listener` when `signal` aborts. Returns what takes the listener off again. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => {}
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

/** Resolves after `delayMs`; rejects with the signal's reason when it aborts before. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = clock.setTimer(delayMs, () => {
      forget()
      resolve()
    })
    const forget = onAbort(signal, () => {
      timer.cancel()
      reject(signal?.reason)
    })
  })
}

/** The outcome of `promise`, unless `signal` aborts before: then its reason. What `promise` stands for goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const forget = onAbort(signal, () => reject(signal.reason))
    promise.then(resolve, reject).finally(forget)
  })
}

/** Resolves when `signal` aborts; never without one. */
export function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve()
    else onAbort(signal, () => resolve())
  })
}
