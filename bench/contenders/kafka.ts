import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasJava, OLDEST_JAVA, toolsFolder } from '../../scripts/lib/kafka-tools.mjs'
import { ROOT } from '../../scripts/lib/project.mjs'
import { run, startProgram } from '../harness/processes.ts'
import type { Contender, Server } from './contender.ts'
import { acceptsConnections, freePort } from './ports.ts'

/** What Kafka's own kafka-server-start.sh and kafka-run-class.sh give the JVM. */
const JVM = ['-Xmx1G', '-Xms1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']
const JVM_MORE = ['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-XX:MaxInlineLevel=15']

const server: Server = {
  name: 'kafka',
  settings: 'KRaft, one node that is broker and controller, heap and JVM options of kafka-server-start.sh (1 GiB)',
  durability: 'acks=all: when it is written to the page cache; never synced before an answer',
  async missing() {
    if (!hasJava()) return `no Java of ${OLDEST_JAVA} or newer`
    return existsSync(toolsFolder(ROOT)) ? undefined : 'no jars of Apache Kafka'
  },
  async version() {
    return readdirSync(toolsFolder(ROOT))
      .map((name) => /^kafka-clients-(.*)\.jar$/.exec(name)?.[1])
      .find((version) => version !== undefined)
  },
  async start({ directory, signal }) {
    const [port, controller] = [await freePort(), await freePort()]
    const config = join(directory, 'server.properties')
    await writeFile(config, propertiesOf(join(directory, 'data'), port, controller))
    const java = [...JVM, ...JVM_MORE, '-Djava.awt.headless=true', '-cp', join(toolsFolder(ROOT), '*')]
    const id = randomBytes(16).toString('base64url')
    const format = [...java, 'kafka.tools.StorageTool', 'format', '--standalone', '--cluster-id', id, '-c', config]
    if ((await run('java', format)) === undefined) throw new Error("Kafka's storage could not be formatted")
    const isReady = (): Promise<boolean> => acceptsConnections(port)
    const started = await startProgram('java', [...java, 'kafka.Kafka', config], { signal, isReady })
    // An orderly end takes seconds, for data that nobody needs any more.
    return { url: `127.0.0.1:${port}`, ...started, close: started.kill }
  },
}

export const kafka: Contender = {
  name: 'kafka',
  server,
  client: new URL('../peers/kafka.ts', import.meta.url),
  library: {
    name: '@platformatic/kafka',
    usage:
      'acks=all; batches as one send each, many single records through its stream, which batches them; read in fetches of 1 MiB',
  },
}

export const kafkajs: Contender = {
  name: 'kafkajs',
  server,
  client: new URL('../peers/kafkajs.ts', import.meta.url),
  library: { name: 'kafkajs', usage: 'acks=all; one send for a batch; read with eachBatch in fetches of 1 MiB' },
}

/** As config/server.properties of the release, for one node and without a wait before groups begin. */
function propertiesOf(directory: string, port: number, controller: number): string {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
    listeners,
    'advertised.listeners': listeners,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': directory,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
