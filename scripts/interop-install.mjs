// Installs what `npm run test:interop` needs and is not there: on Debian and its kin a JDK, Maven and Chromium, with
// apt-get, and then Apache Kafka's tools, with Maven. Elsewhere it says what to install.
import { aptInstall, hasApt } from './lib/apt.mjs'
import { chromium } from './lib/chromium.mjs'
import { hasJava, hasMaven, OLDEST_JAVA, resolveTools } from './lib/kafka-tools.mjs'
import { run } from './lib/main.mjs'
import { Complaint, ROOT } from './lib/project.mjs'

await run(async ({ children }) => {
  const packages = [
    ...(hasJava() ? [] : ['default-jdk-headless']),
    ...(hasMaven() ? [] : ['maven']),
    ...(chromium() === undefined ? ['chromium'] : []),
  ]
  if (packages.length > 0) {
    if (!hasApt()) {
      throw new Complaint(`There is no apt-get: install a JDK of ${OLDEST_JAVA} or newer, Maven, and Chromium`)
    }
    await aptInstall(packages, children)
  }
  if (!hasJava()) throw new Complaint(`The Java that apt-get has is older than ${OLDEST_JAVA}`)
  if (!(await resolveTools(ROOT, children))) throw new Complaint('mvn failed; what it printed says why')
  console.log('All that npm run test:interop needs is there')
  return 0
})
