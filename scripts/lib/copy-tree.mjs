import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/**
 * Copies what git knows or would add of `root` to a new temporary folder, as a clone would have it after `npm ci`: its
 * node_modules points to the packages that are installed, and for our own packages to the copy's.
 * @returns the folder's path
 */
export function copyTree(root) {
  const copy = mkdtempSync(join(tmpdir(), 'millrace-copy-'))
  for (const path of filesOf(root)) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(root, path), join(copy, path))
  }
  linkModules(join(root, 'node_modules'), join(copy, 'node_modules'))
  linkOurs(copy)
  return copy
}

export function removeTree(copy) {
  rmSync(copy, { recursive: true, force: true, maxRetries: 3 })
}

function filesOf(root) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\0')
  return [...new Set(listed)].filter((path) => path !== '' && existsSync(join(root, path)))
}

function linkModules(from, to) {
  mkdirSync(join(to, '.bin'), { recursive: true })
  for (const name of readdirSync(from)) {
    if (name === '@millrace' || name === 'millrace') continue
    if (name === '.package-lock.json') cpSync(join(from, name), join(to, name))
    else if (!name.startsWith('.')) symlinkSync(join(from, name), join(to, name))
  }
  for (const name of readdirSync(join(from, '.bin'))) {
    if (name === 'millrace') continue
    symlinkSync(resolve(from, '.bin', readlinkSync(join(from, '.bin', name))), join(to, '.bin', name))
  }
}

function linkOurs(copy) {
  const modules = join(copy, 'node_modules')
  mkdirSync(join(modules, '@millrace'))
  for (const folder of readdirSync(join(copy, 'packages'))) {
    const manifest = JSON.parse(readFileSync(join(copy, 'packages', folder, 'package.json'), 'utf8'))
    symlinkSync(join(copy, 'packages', folder), join(modules, manifest.name))
    for (const [name, path] of Object.entries(manifest.bin ?? {})) {
      symlinkSync(join(copy, 'packages', folder, path), join(modules, '.bin', name))
    }
  }
}
