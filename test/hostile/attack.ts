import type { ErrorCode } from '@millrace/record'
import { HostileSocket, type Target } from './hostile-socket.ts'

/** What an attack did, in its own words: `{ resets: 12000, cut: 3 }`. */
export class Counts {
  private readonly counts = new Map<string, number>()

  add(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by)
  }

  get isEmpty(): boolean {
    return this.counts.size === 0
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.counts)
  }
}

export interface AttackContext {
  readonly target: Target
  /** Ends it. */
  readonly signal: AbortSignal
  readonly counts: Counts
  /** What `withConnections` asks for in a handshake; undefined: it makes none. */
  readonly alpn?: string | undefined
}

/** Something that a client should not do. */
export interface Attack {
  readonly name: string
  /** What it is after, for the table. */
  readonly does: string
  /** The codes that the server may answer with, where it is counted (`code X`). */
  readonly codes?: readonly ErrorCode[]
  /** Speaks to a port of TLS without TLS. */
  readonly isRaw?: boolean
  /** What its connections speak; over TLS they ask for it. */
  readonly protocol?: 'h2' | 'http/1.1'
  run(context: AttackContext): Promise<void>
}

/**
 * Keeps `width` connections at work: one that the server ends is followed by another, until the attack is over.
 * @param use what to do with a connection; when it returns, the connection is closed
 */
export async function withConnections(
  { target, signal, counts, alpn }: AttackContext,
  width: number,
  use: (connection: HostileSocket, index: number) => Promise<void>,
): Promise<void> {
  const one = async (index: number): Promise<void> => {
    while (!signal.aborted) {
      const connection = new HostileSocket(target, alpn)
      counts.add('connections')
      const stop = (): void => connection.destroy()
      signal.addEventListener('abort', stop, { once: true })
      try {
        await use(connection, index)
        if (connection.isClosed && !signal.aborted) counts.add('ended by the server')
      } finally {
        signal.removeEventListener('abort', stop)
        connection.destroy()
      }
      // A server that refuses connections is not asked in a tight loop.
      await pause(signal, 5)
    }
  }
  await Promise.all(Array.from({ length: width }, (_, index) => one(index)))
}

/** Waits so long, or until `signal`. */
export function pause(signal: AbortSignal, ms: number): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
