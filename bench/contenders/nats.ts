import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, startProgram } from '../harness/processes.ts'
import type { Contender, Server } from './contender.ts'
import { acceptsConnections, freePort } from './ports.ts'

/** Where scripts/bench-install.mjs puts it. */
const INSTALLED = fileURLToPath(new URL('../../node_modules/.cache/bench-peers/nats-server', import.meta.url))

function server(name: 'nats' | 'nats-default', syncInterval: string | undefined, durability: string): Server {
  const program = existsSync(INSTALLED) ? INSTALLED : 'nats-server'
  return {
    name,
    settings: `file storage, sync_interval ${syncInterval ?? 'as it is (2 minutes)'}, streams with allow_atomic`,
    durability,
    missing: async () => ((await run(program, ['--version'])) === undefined ? 'no nats-server' : undefined),
    version: async () => /v(\d\S*)/.exec((await run(program, ['--version'])) ?? '')?.[1],
    async start({ directory, signal }) {
      const port = await freePort()
      const sync = syncInterval === undefined ? '' : `, sync_interval: ${syncInterval}`
      const config = join(directory, 'nats.conf')
      const store = JSON.stringify(join(directory, 'data'))
      await writeFile(config, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${store}${sync} }\n`)
      const isReady = (): Promise<boolean> => acceptsConnections(port)
      const started = await startProgram(program, ['-c', config], { signal, isReady })
      return { url: `nats://127.0.0.1:${port}`, ...started }
    },
  }
}

const client = new URL('../peers/nats.ts', import.meta.url)
const library = {
  name: '@nats-io/jetstream',
  usage:
    'batches with its batch publishing (at most 1,000 records), single records with publish; read by an ordered consumer with a callback',
}

export const nats: Contender = {
  name: 'nats',
  client,
  library,
  server: server('nats', 'always', 'after fsync of each record, or of each batch where it is published as one'),
}

export const natsDefault: Contender = {
  name: 'nats-default',
  client,
  library,
  server: server('nats-default', undefined, 'when it is written; synced every two minutes'),
}
