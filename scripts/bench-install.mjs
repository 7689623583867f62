// Installs the peers that `npm run bench` compares with and that are not there; bench/peers.md tells of each. What cannot
// be installed is named at the end; the benchmarks do without it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { aptInstall, hasApt } from './lib/apt.mjs'
import { npmCommand, reasonToInstall } from './lib/install.mjs'
import { hasJava, hasMaven, resolveTools } from './lib/kafka-tools.mjs'
import { run } from './lib/main.mjs'
import { Complaint, ROOT } from './lib/project.mjs'

const NATS = 'github.com/nats-io/nats-server/v2@v2.15.2'
const NATS_FOLDER = join(ROOT, 'node_modules/.cache/bench-peers')
const CLIENTS = join(ROOT, 'bench/peers')

await run(async ({ children, env }) => {
  const failures = []
  const attempt = async (what, action) => {
    try {
      if ((await action()) === false) failures.push(`${what}: what was printed above says why`)
    } catch (error) {
      if (!(error instanceof Complaint)) throw error
      failures.push(`${what}: ${error.message}`)
    }
  }
  const succeeds = async (...command) => (await children.run(...command)).code === 0

  await attempt("the peers' clients", async () => {
    if (reasonToInstall(CLIENTS) === undefined) return true
    console.log("Installing the peers' clients …")
    const [command, ...args] = npmCommand()
    return succeeds(command, [...args, 'ci', '--loglevel=error'], { cwd: CLIENTS, env })
  })
  await attempt('Redis, RabbitMQ, Java, Maven', async () => {
    const packages = [
      ...(runs('redis-server', '--version') ? [] : ['redis-server']),
      ...(existsSync('/usr/lib/rabbitmq/bin/rabbitmq-server') ? [] : ['rabbitmq-server']),
      ...(hasJava() ? [] : ['default-jdk-headless']),
      ...(hasMaven() ? [] : ['maven']),
    ]
    if (packages.length === 0) return
    if (!hasApt()) throw new Complaint(`there is no apt-get to install ${packages.join(', ')} with`)
    await aptInstall(packages, children)
  })
  await attempt('NATS', async () => {
    if (existsSync(join(NATS_FOLDER, 'nats-server')) || runs('nats-server', '--version')) return true
    if (!runs('go', 'version')) throw new Complaint('there is neither a nats-server nor a Go to build it with')
    console.log(`Building ${NATS} …`)
    return succeeds('go', ['install', NATS], { env: { ...env, GOBIN: NATS_FOLDER } })
  })
  await attempt('Kafka', async () => {
    if (!hasJava() || !hasMaven()) throw new Complaint('it needs Java and Maven')
    return resolveTools(ROOT, children)
  })
  for (const failure of failures) console.error(`Missing: ${failure}`)
  if (failures.length === 0) console.log('All peers are there')
  return failures.length === 0 ? 0 : 1
})

function runs(program, ...args) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
