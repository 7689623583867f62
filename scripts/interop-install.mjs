// Installs what `npm run test:interop` needs and is not there: on Debian and its kin a JDK and Maven, with apt-get, and
// then Apache Kafka's tools, with Maven. Elsewhere it says what to install.
import { existsSync } from 'node:fs'
import { hasJava, hasMaven, OLDEST_JAVA, resolveTools } from './lib/kafka-tools.mjs'
import { run } from './lib/main.mjs'
import { Complaint, ROOT } from './lib/project.mjs'

await run(async ({ children }) => {
  const packages = [...(hasJava() ? [] : ['default-jdk-headless']), ...(hasMaven() ? [] : ['maven'])]
  if (packages.length > 0) await aptInstall(packages, children)
  if (!hasJava()) throw new Complaint(`The Java that apt-get has is older than ${OLDEST_JAVA}`)
  if (!(await resolveTools(ROOT, children))) throw new Complaint('mvn failed; what it printed says why')
  console.log('All that npm run test:interop needs is there')
  return 0
})

async function aptInstall(packages, children) {
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Complaint(`There is no apt-get: install a JDK of ${OLDEST_JAVA} or newer, and Maven`)
  }
  console.log(`Installing ${packages.join(', ')} …`)
  const asRoot = process.getuid() === 0 ? [] : ['sudo']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]) {
    const [command, ...rest] = [...asRoot, 'apt-get', '--quiet', ...args]
    const { code } = await children.run(command, rest, { env })
    if (code !== 0) throw new Complaint(`apt-get ${args[0]} failed; what it printed says why`)
  }
}
