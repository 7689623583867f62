import type { Readable } from 'node:stream'
import { Millrace } from '@millrace/client'
import { Option } from 'commander'
import { UsageError } from './failure.ts'
import type { Output } from './output.ts'
import { clientTls, type TlsOptions } from './tls-options.ts'

export const DEFAULT_URL = 'http://127.0.0.1:7070'

/** A person waits: a server that is not there is told of sooner than to a program. */
const CONNECT_TIMEOUT_MS = 3_000

/** What a command works with. */
export interface Context {
  readonly stdin: Readable
  readonly out: Output
  /** Prints a line for people, to standard error. */
  note(line: string): void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborted when the user asks the command to end, by SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal
  /** Has SIGHUP call `handler` instead of ending the command; undefined: it ends it again. */
  onHangUp(handler: (() => void) | undefined): void
  /** Aborted then, and when nobody reads the command's output any more. */
  readonly signal: AbortSignal
}

/** The options of every command that talks to a server. */
export interface ClientOptions extends TlsOptions {
  readonly url?: string
  readonly json?: true
}

export function urlOption(): Option {
  return new Option('--url <URL>', `server to talk to (MILLRACE_URL, or ${DEFAULT_URL})`)
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for programs')
}

/**
 * Runs `use` with a client, and closes it whatever happens.
 * @throws UsageError when the URL of the server is not one; what `use` fails with
 */
export async function withClient<T>(
  context: Context,
  options: ClientOptions,
  use: (client: Millrace) => Promise<T>,
): Promise<T> {
  const url = serverUrl(context, options)
  const tls = await clientTls(context, options)
  const client = new Millrace({ url, tls, connectTimeoutMs: CONNECT_TIMEOUT_MS })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

function serverUrl({ env }: Context, options: ClientOptions): URL {
  const given = options.url ?? env.MILLRACE_URL ?? DEFAULT_URL
  const url = URL.parse(given)
  const isServer = url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
  if (isServer) return url
  const name = options.url === undefined ? `MILLRACE_URL=${given}` : `--url ${given}`
  throw new UsageError(`${name}: allowed is an http or https URL without a path, such as ${DEFAULT_URL}`)
}

/** Reads a whole number from `min` on, for an option of that name. */
export function wholeNumber(flag: string, text: string, min: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= min) return number
  throw new UsageError(`${flag} ${text}: allowed is a whole number from ${min} on`)
}
