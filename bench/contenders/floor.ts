import { fork } from 'node:child_process'
import { adopt, kill, stop } from '../harness/processes.ts'
import type { Contender } from './contender.ts'

/** The bare program: only the work that cannot be left out. */
export const floor: Contender = {
  name: 'floor',
  durability: 'acknowledges after fdatasync, shared by what arrived meanwhile',
  client: new URL('../clients/floor.ts', import.meta.url),
  storage: new URL('../storage/floor.ts', import.meta.url),
  missing: async () => undefined,
  async start({ directory, execArgv, signal }) {
    signal.throwIfAborted()
    const child = adopt(fork(new URL('../floor/server.ts', import.meta.url), [directory], { execArgv: [...execArgv] }))
    const port = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`the floor's server ended with ${code}`)))
      child.once('message', (message: { port: number }) => resolve(message.port))
    })
    return { url: `http://127.0.0.1:${port}`, pid: child.pid!, close: () => stop(child), kill: () => kill(child) }
  },
}
