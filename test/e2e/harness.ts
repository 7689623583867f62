import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { ServerProcess } from '../../scripts/demo/server-process.ts'

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/millrace.mjs', import.meta.url))
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/millrace-tests', import.meta.url))
/** The sources are tested, built or not. */
export const FROM_SOURCE = ['--conditions=development']

/** This process's environment without what it says to Millrace, and with a cache that makes starts cheap. */
export function plainEnvironment(): Record<string, string | undefined> {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'))
  return { ...Object.fromEntries(others), NODE_COMPILE_CACHE: COMPILE_CACHE }
}

/** A directory that goes when the test ends. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Starts `millrace serve` on a free port; it is killed when the test ends, if it still runs. */
export async function serve(...args: string[]): Promise<ServerProcess> {
  const server = await startProcess(...args)
  onTestFinished(async () => {
    await server.end('SIGKILL')
  })
  return server
}

/** The same for those who end the server themselves. */
export function startProcess(...args: string[]): Promise<ServerProcess> {
  const http = args.includes('--http') ? [] : ['--http', '127.0.0.1:0']
  return ServerProcess.start({ args: [...http, ...args], nodeFlags: FROM_SOURCE, env: plainEnvironment() })
}

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string | Buffer | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
}

/** Runs `millrace` with these arguments to its end. */
export async function millrace(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(process.execPath, [...FROM_SOURCE, COMMAND, ...args], options)
}

/** A `millrace` that goes on, to be looked at and ended by the test. */
export function startMillrace(args: readonly string[]): ReturnType<typeof spawn> {
  const child = spawn(process.execPath, [...FROM_SOURCE, COMMAND, ...args], { env: plainEnvironment() })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], { input, env, cwd }: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...plainEnvironment(), ...env } })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
  })
}
