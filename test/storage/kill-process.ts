import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { FROM_SOURCE, plainEnvironment } from '../e2e/harness.ts'

/** What a program said until it died or ended. */
export interface Said<Event> {
  readonly events: readonly Event[]
  readonly isKilled: boolean
  /** What it printed on standard error. */
  readonly errors: string
}

/**
 * Runs a program that tells what it does with JSON lines on standard output, until it dies by SIGKILL or ends.
 * @param output path of the file that its standard output is, so that nothing of what it said is lost
 * @throws Error when it ends by another signal
 */
export async function runToItsEnd<Event>(
  program: string,
  args: readonly string[],
  output: string,
): Promise<Said<Event>> {
  const file = openSync(output, 'w')
  const child = spawn(process.execPath, [...FROM_SOURCE, program, ...args], {
    env: plainEnvironment(),
    stdio: ['ignore', file, 'pipe'],
  })
  closeSync(file)
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (_, killedBy) => resolve(killedBy))
  })
  if (signal !== null && signal !== 'SIGKILL') throw new Error(`the program ended by ${signal}:\n${errors}`)
  const lines = readFileSync(output, 'utf8').split('\n').slice(0, -1)
  return { events: lines.map((line) => JSON.parse(line) as Event), isKilled: signal === 'SIGKILL', errors }
}
