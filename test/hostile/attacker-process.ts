import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What each attack did. */
type AttackCounts = Record<string, Record<string, number>>

/** One or more attacks that go on in a process of their own, until `end`. */
export class AttackerProcess {
  private readonly child: ChildProcess
  /** Resolves when each attack has done something. */
  readonly begun: Promise<void>
  private readonly counts: Promise<AttackCounts>

  private constructor(child: ChildProcess) {
    this.child = child
    const begun = Promise.withResolvers<void>()
    const counted = Promise.withResolvers<AttackCounts>()
    this.begun = begun.promise
    this.counts = counted.promise
    child.on('message', (message: 'begun' | { readonly counts: AttackCounts }) => {
      if (message === 'begun') begun.resolve()
      else counted.resolve(message.counts)
    })
  }

  static async start(url: string, names: readonly string[]): Promise<AttackerProcess> {
    const program = fileURLToPath(new URL('attacker.ts', import.meta.url))
    const child = fork(program, [url, ...names], { execArgv: ['--conditions=development'] })
    await once(child, 'message')
    return new AttackerProcess(child)
  }

  /** @returns what each attack did */
  async end(): Promise<AttackCounts> {
    this.child.send('end')
    const counts = await this.counts
    if (this.child.exitCode === null) await once(this.child, 'exit')
    return counts
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
