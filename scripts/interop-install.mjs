// Installs what `npm run test:interop` needs and is not there: on Debian and its kin a JDK, Maven, Chromium and
// Go, with apt-get, and then Apache Kafka's tools, with Maven, and grpcurl, with Go. Elsewhere it says what to install.
import { aptInstall, hasApt } from './lib/apt.mjs'
import { chromium } from './lib/chromium.mjs'
import { grpcurl, hasGo, installGrpcurl } from './lib/grpcurl.mjs'
import { hasJava, hasMaven, OLDEST_JAVA, resolveTools } from './lib/kafka-tools.mjs'
import { run } from './lib/main.mjs'
import { Complaint, ROOT } from './lib/project.mjs'

await run(async ({ children }) => {
  const packages = [
    ...(hasJava() ? [] : ['default-jdk-headless']),
    ...(hasMaven() ? [] : ['maven']),
    ...(chromium() === undefined ? ['chromium'] : []),
    ...(grpcurl(ROOT) === undefined && !hasGo() ? ['golang-go'] : []),
  ]
  if (packages.length > 0) {
    if (!hasApt()) {
      throw new Complaint(`There is no apt-get: install a JDK of ${OLDEST_JAVA} or newer, Maven, Chromium, and Go`)
    }
    await aptInstall(packages, children)
  }
  if (!hasJava()) throw new Complaint(`The Java that apt-get has is older than ${OLDEST_JAVA}`)
  if (!(await resolveTools(ROOT, children))) throw new Complaint('mvn failed; what it printed says why')
  if (grpcurl(ROOT) === undefined && !(await installGrpcurl(ROOT, children))) {
    throw new Complaint('go install failed; what it printed says why')
  }
  console.log('All that npm run test:interop needs is there')
  return 0
})
