import { type ChildProcess, execFile, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningServer, StartOptions } from '../contenders/contender.ts'
import type { Figures, Progress, TaskAnswer, TaskMessage } from './tasks.ts'

const STOP_AFTER_MS = 10_000
const LOOK_EVERY_MS = 1
const READY_WITHIN_MS = 60_000
const OUTPUT_KEPT = 4_000
/** Clock ticks per second in /proc/PID/stat; 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Sees to it that `child` does not outlive this process. */
export function adopt(child: ChildProcess): ChildProcess {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Asks `child` to end, and makes it end when it does not. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_AFTER_MS)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}

/** Ends `child` with SIGKILL. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** Runs a program to its end. @returns what it printed; undefined where it is not there or fails */
export function run(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, [...args], (error, stdout) => resolve(error === null ? stdout : undefined))
  })
}

/** Starts a Node.js program that tells its port over its channel. */
export async function startForked(
  program: URL,
  args: readonly string[],
  { execArgv, signal }: StartOptions,
): Promise<RunningServer> {
  signal.throwIfAborted()
  const child = adopt(fork(program, args, { execArgv: [...execArgv] }))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)))
    child.once('message', (message: { port: number }) => resolve(message.port))
  })
  return { url: `http://127.0.0.1:${port}`, pid: child.pid!, close: () => stop(child), kill: () => kill(child) }
}

/**
 * Starts any other program and waits until it is ready.
 * @throws Error with the end of what it printed, when it ends before, or takes too long
 */
export async function startProgram(
  program: string,
  args: readonly string[],
  options: {
    readonly isReady: () => Promise<boolean>
    readonly signal: AbortSignal
    readonly env?: Readonly<Record<string, string>>
  },
): Promise<Omit<RunningServer, 'url'>> {
  const { isReady, signal, env } = options
  signal.throwIfAborted()
  const child = adopt(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } }))
  const output = lastOutput(child)
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  const deadlineMs = performance.now() + READY_WITHIN_MS
  while (!(await isReady())) {
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}:\n${output()}`)
    if (performance.now() > deadlineMs || signal.aborted) {
      await stop(child)
      throw new Error(`${program} is not ready:\n${output()}`)
    }
    await sleep(LOOK_EVERY_MS)
  }
  return { pid: child.pid!, close: () => stop(child), kill: () => kill(child) }
}

/** Reads what `child` prints. @returns a function that tells the end of it */
function lastOutput(child: ChildProcess): () => string {
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk).slice(-OUTPUT_KEPT)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => output
}

/** The most memory that a process ever had (VmHWM), in bytes; undefined where /proc does not tell. */
export function peakMemoryBytes(pid: number): number | undefined {
  const line = readProc(pid, 'status')?.match(/^VmHWM:\s+(\d+) kB$/m)
  return line?.[1] === undefined ? undefined : Number(line[1]) * 1024
}

/** Processor time that a process used so far, its threads included, in ms; undefined where /proc does not tell. */
export function cpuMs(pid: number): number | undefined {
  // The fields after the command, which may hold spaces and parentheses itself.
  const fields = readProc(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ')
  return fields === undefined ? undefined : ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return undefined
  }
}

export interface ClientRun {
  readonly figures: Figures
  /** Processor time of the client process for the whole task, in ms. */
  readonly cpuMs: number
}

/** Starts a client program, lets it do `message`, and ends it. */
export async function runClient(
  program: URL,
  message: TaskMessage,
  options: {
    execArgv: readonly string[]
    progress: Progress
    signal: AbortSignal
    env?: Readonly<Record<string, string>> | undefined
  },
): Promise<ClientRun> {
  const { execArgv, progress, signal, env } = options
  signal.throwIfAborted()
  // Peers' clients warn of this and that, which matters only when they fail.
  const child = adopt(fork(program, { execArgv: [...execArgv], env: { ...process.env, ...env }, silent: true }))
  const output = lastOutput(child)
  try {
    return await new Promise<ClientRun>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      child.on('error', reject)
      child.on('exit', (code, killed) => reject(new Error(`the client ended with ${killed ?? code}:\n${output()}`)))
      child.on('message', (answer: TaskAnswer) => {
        if ('done' in answer) progress(answer.done)
        else if ('figures' in answer) resolve(answer)
        else reject(new Error(`${describe(message.task)}: ${answer.error}\n${output()}`))
      })
      child.send(message)
    })
  } finally {
    // The program ends by itself once nobody talks to it, and so writes its profile.
    if (child.connected) child.disconnect()
    await stopped(child)
  }
}

function describe(task: TaskMessage['task']): string {
  return Object.entries(task)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_AFTER_MS)
  await once(child, 'exit')
  clearTimeout(timer)
}
