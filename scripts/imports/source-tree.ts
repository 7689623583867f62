import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

/** Folders that hold source code. */
const ROOMS = ['packages', 'scripts', 'test', 'bench', 'examples']
const SOURCE = /\.(ts|mts|cts|js|mjs|cjs)$/
const NOT_SOURCE = new Set(['node_modules', 'dist', 'data', 'fixtures'])

/** Every source file under `root`, found by walking its folders; relative paths with slashes. */
export function findSources(root: string): string[] {
  return ROOMS.filter((room) => existsSync(`${root}/${room}`))
    .flatMap((room) => sourcesIn(root, room))
    .sort()
}

function sourcesIn(root: string, folder: string): string[] {
  return readdirSync(`${root}/${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    const isOutside = NOT_SOURCE.has(entry.name) || entry.name.startsWith('.')
    if (entry.isDirectory()) return isOutside ? [] : sourcesIn(root, path)
    return SOURCE.test(entry.name) ? [path] : []
  })
}

/**
 * The source files that git knows or would add, which exist; undefined where `root` is not in a git repository.
 * @throws Error when git fails
 */
export function listSources(root: string): string[] | undefined {
  if (!existsSync(`${root}/.git`)) return undefined
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...ROOMS]
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\0')
  return [...new Set(listed)]
    .filter((path) => SOURCE.test(path) && !path.includes('/fixtures/') && existsSync(`${root}/${path}`))
    .sort()
}
