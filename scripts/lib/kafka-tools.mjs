import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** The oldest Java that Apache Kafka's tools run on. */
export const OLDEST_JAVA = 17

/** The major version of the `java` on the PATH; undefined when there is none that runs. */
export function javaVersion() {
  const { status, stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' })
  const major = status === 0 ? /version "(\d+)/.exec(stderr)?.[1] : undefined
  return major === undefined ? undefined : Number(major)
}

/** Whether there is a `java` on the PATH that is new enough. */
export function hasJava() {
  return (javaVersion() ?? 0) >= OLDEST_JAVA
}

/** Whether there is an `mvn` on the PATH. */
export function hasMaven() {
  return spawnSync('mvn', ['--version'], { stdio: 'ignore' }).status === 0
}

/**
 * Where the tools of this checkout's pom.xml are kept, in a folder that git ignores. Its name has a hash of the pom, so
 * that another version gets a folder of its own. It is there only when it is complete.
 */
export function toolsFolder(root) {
  const hash = createHash('sha256')
    .update(readFileSync(pomOf(root)))
    .digest('hex')
    .slice(0, 12)
  return join(root, 'node_modules/.cache/kafka-tools', hash)
}

/** Why the suite cannot run, in words; undefined when all that it needs is there or Maven can get it. */
export function reasonToSkip(root) {
  const java = javaVersion()
  if (java === undefined) return `there is no Java; ${OLDEST_JAVA} or newer is needed`
  if (java < OLDEST_JAVA) return `Java is ${java}; ${OLDEST_JAVA} or newer is needed`
  if (existsSync(toolsFolder(root)) || hasMaven()) return undefined
  return "there is no Maven, which gets Apache Kafka's tools"
}

/**
 * Has Maven put the tools and what they need into their folder, unless they are there. Checksums that do not fit are
 * failures.
 * @returns whether they are there
 */
export async function resolveTools(root, children) {
  const folder = toolsFolder(root)
  if (existsSync(folder)) return true
  console.log("Getting Apache Kafka's tools from Maven Central …")
  const begun = `${folder}.${process.pid}`
  mkdirSync(begun, { recursive: true })
  const args = [
    '--batch-mode',
    '--quiet',
    '--strict-checksums',
    '-Dstyle.color=never',
    '--file',
    pomOf(root),
    'dependency:copy-dependencies',
  ]
  const { code } = await children.run('mvn', [...args, '-DincludeScope=runtime', `-DoutputDirectory=${begun}`])
  if (code === 0 && !existsSync(folder)) renameSync(begun, folder)
  else rmSync(begun, { recursive: true })
  return code === 0
}

function pomOf(root) {
  return join(root, 'test/interop/kafka-tools/pom.xml')
}
