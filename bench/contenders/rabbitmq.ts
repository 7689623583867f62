import { existsSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProgram } from '../harness/processes.ts'
import type { Contender } from './contender.ts'
import { acceptsConnections, freePort } from './ports.ts'

/** Where Debian puts it. The script in /usr/sbin wants to be root, this one does not. */
const HOME = '/usr/lib/rabbitmq'
const PROGRAM = join(HOME, 'bin/rabbitmq-server')

export const rabbitmq: Contender = {
  name: 'rabbitmq',
  client: new URL('../peers/rabbitmq.ts', import.meta.url),
  library: {
    name: 'rabbitmq-stream-js-client',
    usage:
      'send for each record, which it gathers into frames, and publisher confirms; read one chunk at a time, which keeps the order',
  },
  server: {
    name: 'rabbitmq',
    settings: 'streams, over the stream protocol; schedulers that do not spin while idle',
    durability: 'when it is written to the page cache; streams are never synced before an answer',
    missing: async () => (existsSync(PROGRAM) ? undefined : `no ${PROGRAM}`),
    version: async () =>
      readdirSync(join(HOME, 'lib'))
        .map((name) => /^rabbitmq_server-(.*)$/.exec(name)?.[1])
        .find((version) => version !== undefined),
    async start({ directory, signal }) {
      const [port, names, distribution] = [await freePort(), await freePort(), await freePort()]
      const path = (name: string): string => join(directory, name)
      await mkdir(path('data'))
      await writeFile(path('enabled_plugins'), '[rabbitmq_stream].')
      await writeFile(
        path('rabbitmq.conf'),
        `listeners.tcp = none
stream.listeners.tcp.1 = 127.0.0.1:${port}
stream.advertised_host = 127.0.0.1
stream.advertised_port = ${port}
`,
      )
      // Erlang's service of names, which would otherwise be started and stay for good.
      const epmd = await startProgram('epmd', ['-port', String(names), '-address', '127.0.0.1'], {
        signal,
        isReady: () => acceptsConnections(names),
      })
      const broker = await startProgram(PROGRAM, [], {
        signal,
        isReady: () => acceptsConnections(port),
        env: {
          HOME: directory,
          ERL_EPMD_PORT: String(names),
          RABBITMQ_NODENAME: 'bench@localhost',
          RABBITMQ_DIST_PORT: String(distribution),
          RABBITMQ_MNESIA_BASE: path('data'),
          RABBITMQ_LOG_BASE: path('log'),
          RABBITMQ_ENABLED_PLUGINS_FILE: path('enabled_plugins'),
          RABBITMQ_CONFIG_FILE: path('rabbitmq.conf'),
          RABBITMQ_CONF_ENV_FILE: '/dev/null',
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
            '+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
          // So that the script becomes the broker, in place of starting it.
          RUNNING_UNDER_SYSTEMD: 'true',
        },
      })
      // An orderly end takes seconds, for data that nobody needs any more.
      const kill = async (): Promise<void> => {
        await broker.kill()
        await epmd.kill()
      }
      return { url: `rabbitmq-stream://127.0.0.1:${port}`, pid: broker.pid, close: kill, kill }
    },
  },
}
