import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dropUnusableLink } from './node.mjs'
import { Complaint } from './project.mjs'

/**
 * Why `root` needs `npm ci`, in words; undefined when node_modules is what package-lock.json says. npm's own record of
 * what it installed, node_modules/.package-lock.json, is written last: an install that was cut off has none.
 */
export function reasonToInstall(root) {
  if (!existsSync(join(root, 'node_modules'))) return 'there is no node_modules'
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const installed = packagesOf(join(root, 'node_modules/.package-lock.json'))
  if (wanted === undefined) throw new Complaint('package-lock.json is missing or cannot be read')
  if (installed === undefined) return 'an earlier install did not end'
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue
    const there = installed[path]
    if (there === undefined && (entry.optional || entry.devOptional)) continue
    if (there === undefined || !isSame(entry, there)) return `package-lock.json has another ${path}`
    if (!existsSync(join(root, path))) return `${path} is gone`
  }
  return undefined
}

/** Brings node_modules in line with package-lock.json, when it is not. `children` runs npm. */
export async function install(root, children) {
  const reason = reasonToInstall(root)
  if (reason === undefined) return
  console.log(`Installing packages (${reason}) …`)
  const [command, ...args] = npmCommand()
  const { code } = await children.run(
    command,
    [...args, 'ci', '--include=dev', '--include=optional', '--loglevel=error'],
    { cwd: root },
  )
  if (code !== 0) throw new Complaint('npm ci failed; what it printed says why')
  dropUnusableLink(root)
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

function isSame(a, b) {
  return a.version === b.version && a.integrity === b.integrity && Boolean(a.link) === Boolean(b.link)
}

/** How to call npm: as the npm that runs this script was called, so that no shell and no PATH is needed. */
export function npmCommand() {
  const script = process.env.npm_execpath
  if (script?.endsWith('.js')) return [process.execPath, script]
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm']
}
