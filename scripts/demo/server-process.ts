import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Ends the server when this process is gone, whatever ended it. */
const FOLLOW_PARENT = new URL('../lib/follow-parent.mjs', import.meta.url).href
/** Output of the server that is kept, to tell what happened when it ends unasked. */
const KEPT_LINES = 200

export interface ServerProcessOptions {
  /** What follows `millrace serve`. */
  readonly args: readonly string[]
  /** Flags for Node.js, such as `--conditions=development`, which runs the sources. */
  readonly nodeFlags?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** A `millrace serve` in a process of its own. */
export class ServerProcess {
  readonly url: string
  readonly pid: number
  private readonly child: ChildProcess
  private readonly log: readonly string[]
  private readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>

  private constructor(
    child: ChildProcess,
    line: { url: string; pid: number },
    log: readonly string[],
    ended: ServerProcess['ended'],
  ) {
    this.child = child
    this.url = line.url
    this.pid = line.pid
    this.log = log
    this.ended = ended
  }

  /**
   * Starts a server; when it returns, the server is ready.
   * @throws Error when the process ends before; the message holds its last lines
   */
  static async start({
    args,
    nodeFlags = [],
    cwd = ROOT,
    env = process.env,
  }: ServerProcessOptions): Promise<ServerProcess> {
    const command = join(ROOT, 'packages/cli/bin/millrace.mjs')
    const child = spawn(
      process.execPath,
      [...nodeFlags, '--import', FOLLOW_PARENT, command, 'serve', '--json', ...args],
      { cwd, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    )
    const log: string[] = []
    keepLines(child, 'stderr', (line) => {
      log.push(line)
      if (log.length > KEPT_LINES) log.shift()
    })
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
    const ready = new Promise<{ url: string; pid: number }>((resolve) => {
      keepLines(child, 'stdout', (line) => resolve(JSON.parse(line)))
    })
    const line = await Promise.race([
      ready,
      ended.then(({ code, signal }) => {
        throw new Error(`the server ended with ${signal ?? `exit code ${code}`} before it was ready\n${log.join('\n')}`)
      }),
    ])
    return new ServerProcess(child, line, log, ended)
  }

  /** The last lines that the server logged. */
  get lastLines(): readonly string[] {
    return this.log
  }

  /** Sends a signal and waits until the process is gone. A process that is gone is left alone. */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill(signal)
    return this.ended
  }
}

function keepLines(child: ChildProcess, name: 'stdout' | 'stderr', onLine: (line: string) => void): void {
  let rest = ''
  child[name]?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
}
