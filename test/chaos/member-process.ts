import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type HistoryEvent, nowMs } from './history.ts'

const PROGRAM = fileURLToPath(new URL('member-program.ts', import.meta.url))
/** What a member printed last that was no event, to tell why it ended. */
const KEPT_LINES = 30

/** What a member is told to be. */
export interface MemberTask {
  readonly url: string
  readonly group: string
  readonly topic: string
  /** Where a pipe writes to; undefined: a worker that only handles. */
  readonly output: string | undefined
  /** Names the member in the history. */
  readonly name: string
  /** Names its place: whoever takes it over has the same transactional id. */
  readonly slot: number
  readonly sessionTimeoutMs: number
}

/** A member of a group in a process of its own, which can be stopped, continued and killed. */
export class MemberProcess {
  readonly name: string
  private readonly child: ChildProcess
  private readonly note: (event: HistoryEvent) => void
  private readonly lines: string[] = []
  private readonly ended: Promise<unknown>
  private isAskedToEnd = false
  isStopped = false

  constructor(task: MemberTask, note: (event: HistoryEvent) => void) {
    this.name = task.name
    this.note = note
    this.child = spawn(process.execPath, ['--conditions=development', PROGRAM, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const events = createInterface({ input: this.child.stdout! })
    events.on('line', (line) => note(JSON.parse(line) as HistoryEvent))
    createInterface({ input: this.child.stderr! }).on('line', (line) => {
      this.lines.push(line)
      if (this.lines.length > KEPT_LINES) this.lines.shift()
    })
    this.ended = Promise.all([once(this.child, 'exit'), once(events, 'close')])
  }

  /** Why the process ended although nobody asked it to; undefined: it did not. */
  get failure(): string | undefined {
    const { exitCode, signalCode } = this.child
    if (this.isAskedToEnd || (exitCode === null && signalCode === null)) return undefined
    return `member ${this.name} ended with ${signalCode ?? exitCode}:\n${this.lines.join('\n')}`
  }

  stop(): void {
    // What it does until the signal reaches it may count or not.
    this.child.kill('SIGSTOP')
    this.isStopped = true
    this.halted()
  }

  continue(): void {
    this.child.kill('SIGCONT')
    this.isStopped = false
  }

  async kill(): Promise<void> {
    this.isAskedToEnd = true
    this.child.kill('SIGKILL')
    await this.ended
    this.halted()
  }

  /** Lets it commit what it handled and leave; killed when that takes too long. */
  async leave(withinMs: number): Promise<void> {
    this.isAskedToEnd = true
    if (this.child.connected) this.child.send('leave')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), withinMs)
    await this.ended
    clearTimeout(timer)
    this.halted()
  }

  private halted(): void {
    this.note({ kind: 'halted', at: nowMs(), member: this.name })
  }
}
