import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** One or more attacks that go on in a process of their own, until `end`. */
export class AttackerProcess {
  private readonly child: ChildProcess

  private constructor(child: ChildProcess) {
    this.child = child
  }

  static async start(url: string, names: readonly string[]): Promise<AttackerProcess> {
    const program = fileURLToPath(new URL('attacker.ts', import.meta.url))
    const child = fork(program, [url, ...names], { execArgv: ['--conditions=development'] })
    await once(child, 'message')
    return new AttackerProcess(child)
  }

  /** @returns what each attack did */
  async end(): Promise<Record<string, Record<string, number>>> {
    const told = once(this.child, 'message')
    this.child.send('end')
    const [{ counts }] = (await told) as [{ counts: Record<string, Record<string, number>> }]
    if (this.child.exitCode === null) await once(this.child, 'exit')
    return counts
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
