export type ContenderName = 'floor' | 'millrace'

export interface StartOptions {
  /** A directory of its own: empty, or one that a server of it was started in before. */
  readonly directory: string
  /** Arguments for node, where the contender is a Node.js program. */
  readonly execArgv: readonly string[]
  readonly signal: AbortSignal
}

/** A running server. */
export interface RunningServer {
  readonly url: string
  readonly pid: number
  close(): Promise<void>
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
}

/** Something that is measured: a server with a client program for it. */
export interface Contender {
  readonly name: ContenderName
  /** When it acknowledges. */
  readonly durability: string
  /** Why it cannot be measured here; undefined when it can. */
  missing(): Promise<string | undefined>
  /** Starts a server on a free loopback port and returns when it is ready. */
  start(options: StartOptions): Promise<RunningServer>
  /** The client program; see `harness/client-program.ts`. */
  readonly client: URL
  /** The program that does storage tasks in its own process; see `harness/client-program.ts`. */
  readonly storage: URL
}
