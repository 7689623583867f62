export type ServerName =
  | 'floor'
  | 'millrace'
  | 'redis'
  | 'redis-everysec'
  | 'nats'
  | 'nats-default'
  | 'kafka'
  | 'rabbitmq'
  | 'fastify'

export type ContenderName = ServerName | 'millrace-rest' | 'kafkajs'

export interface StartOptions {
  /** A directory of its own: empty, or one that a server of it was started in before. */
  readonly directory: string
  /** Arguments for node, where the server is a Node.js program. */
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

/** What a contender's client program talks to. Contenders with the same one share it while it runs. */
export interface Server {
  readonly name: ServerName
  /** What is set other than its defaults, in a few words. */
  readonly settings: string
  /** When it acknowledges. */
  readonly durability: string
  /** Why it cannot run here; undefined when it can. */
  missing(): Promise<string | undefined>
  /** Its version; `undefined` for what has none of its own. */
  version(): Promise<string | undefined>
  /** Starts it on a free loopback port and returns when it is ready. */
  start(options: StartOptions): Promise<RunningServer>
}

/** Something that is measured: a server with a client program for it. */
export interface Contender {
  readonly name: ContenderName
  readonly server: Server
  /** The client program; see `workloads/serve-client.ts`. */
  readonly client: URL
  /** The package in `peers/` that the client program needs, and how it is used. */
  readonly library?: { readonly name: string; readonly usage: string }
  /** The program that does storage tasks in its own process; see `harness/client-program.ts`. */
  readonly storage?: URL
}
