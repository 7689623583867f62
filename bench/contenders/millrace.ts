import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProgram } from '../harness/processes.ts'
import type { Contender, Server } from './contender.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/cli/bin/millrace.mjs', import.meta.url))

/** The product as users start it: the built command, a process of its own. */
const server: Server = {
  name: 'millrace',
  settings: 'nothing but the data directory',
  durability: 'flush.policy=commit, the default: after one fdatasync, shared by what arrived while the last one ran',
  missing: async () => undefined,
  async version() {
    const text = await readFile(new URL('../../packages/cli/package.json', import.meta.url), 'utf8')
    return (JSON.parse(text) as { version: string }).version
  },
  async start({ directory, execArgv, signal }) {
    const readyFile = join(directory, 'ready.json')
    await rm(readyFile, { force: true })
    const options = ['--data', join(directory, 'data'), '--http', '127.0.0.1:0', '--ready-file', readyFile]
    let url = ''
    const started = await startProgram(process.execPath, [...execArgv, PROGRAM, 'serve', ...options], {
      signal,
      async isReady() {
        const line = await readFile(readyFile, 'utf8').catch(() => undefined)
        if (line !== undefined) url = (JSON.parse(line) as { url: string }).url
        return line !== undefined
      },
    })
    return { url, ...started }
  },
}

/** Through its own client. */
export const millrace: Contender = {
  name: 'millrace',
  server,
  client: new URL('../clients/millrace.ts', import.meta.url),
  storage: new URL('../storage/millrace.ts', import.meta.url),
}

/** With what any language has. */
export const millraceRest: Contender = {
  name: 'millrace-rest',
  server,
  client: new URL('../clients/rest.ts', import.meta.url),
}
