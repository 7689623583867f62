import { run, startProgram } from '../harness/processes.ts'
import type { Contender, Server } from './contender.ts'
import { acceptsConnections, freePort } from './ports.ts'

function server(name: 'redis' | 'redis-everysec', appendfsync: 'always' | 'everysec', durability: string): Server {
  return {
    name,
    settings: `appendonly yes, appendfsync ${appendfsync}, no snapshots`,
    durability,
    missing: async () => ((await run('redis-server', ['--version'])) === undefined ? 'no redis-server' : undefined),
    version: async () => /v=(\S+)/.exec((await run('redis-server', ['--version'])) ?? '')?.[1],
    async start({ directory, signal }) {
      const port = await freePort()
      const settings = { bind: '127.0.0.1', port, dir: directory, appendonly: 'yes', appendfsync, save: '' }
      const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)])
      const isReady = (): Promise<boolean> => acceptsConnections(port)
      const started = await startProgram('redis-server', args, { signal, isReady })
      return { url: `redis://127.0.0.1:${port}`, ...started }
    },
  }
}

const client = new URL('../peers/redis.ts', import.meta.url)
const library = {
  name: 'redis',
  usage: 'batches as one pipeline of XADD; read with pages of 5,000 of XRANGE, at the tail with XREAD BLOCK',
}

export const redis: Contender = {
  name: 'redis',
  client,
  library,
  server: server('redis', 'always', 'after fsync, shared by what arrived in one turn of its event loop'),
}

export const redisEverysec: Contender = {
  name: 'redis-everysec',
  client,
  library,
  server: server('redis-everysec', 'everysec', 'at once; synced every second'),
}
