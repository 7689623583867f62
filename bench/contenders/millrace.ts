import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { adopt, kill, stop } from '../harness/processes.ts'
import type { Contender } from './contender.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/cli/bin/millrace.mjs', import.meta.url))
const LOOK_EVERY_MS = 1
const READY_WITHIN_MS = 30_000

/** The product as users start it: the built command, a process of its own, nothing configured but the data directory. */
export const millrace: Contender = {
  name: 'millrace',
  durability: 'flush.policy=commit: acknowledges after fdatasync, shared by what arrived meanwhile',
  client: new URL('../clients/millrace.ts', import.meta.url),
  storage: new URL('../storage/millrace.ts', import.meta.url),
  missing: async () => undefined,
  async start({ directory, execArgv, signal }) {
    signal.throwIfAborted()
    const readyFile = join(directory, 'ready.json')
    await rm(readyFile, { force: true })
    const options = ['--data', join(directory, 'data'), '--http', '127.0.0.1:0', '--ready-file', readyFile]
    const child = adopt(
      spawn(process.execPath, [...execArgv, PROGRAM, 'serve', ...options], { stdio: ['ignore', 'pipe', 'pipe'] }),
    )
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk).slice(-4_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    const deadlineMs = performance.now() + READY_WITHIN_MS
    for (;;) {
      const line = await readFile(readyFile, 'utf8').catch(() => undefined)
      if (line !== undefined) {
        const { url } = JSON.parse(line) as { url: string }
        return { url, pid: child.pid!, close: () => stop(child), kill: () => kill(child) }
      }
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${output}`)
      if (performance.now() > deadlineMs || signal.aborted) {
        await stop(child)
        throw new Error(`the server is not ready:\n${output}`)
      }
      await sleep(LOOK_EVERY_MS)
    }
  },
}
