import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * The faults of test/mutants: patches, each with a header that says what the fault is and which test must catch it.
 *
 *     Fault: the sync is left out
 *     Test: packages/log/src/committer.test.ts
 *     Name: what was acknowledged survives a power cut
 *
 * `Name` is the test's whole name: its describe blocks and itself, with a space between.
 * @throws Error when a header lacks something
 */
export function readMutants(root) {
  const folder = join(root, 'test/mutants')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => {
      const patch = join(folder, name)
      const header = readFileSync(patch, 'utf8').split(/^diff --git /m)[0]
      const field = (key) => {
        const value = new RegExp(`^${key}: (.+)$`, 'm').exec(header)?.[1]?.trim()
        if (value === undefined) throw new Error(`${patch} has no line "${key}: …" before its diff`)
        return value
      }
      return {
        name: name.replace(/\.patch$/, ''),
        patch,
        fault: field('Fault'),
        test: field('Test'),
        title: field('Name'),
      }
    })
}

/** Runs `git apply` in `folder`; undefined when it worked, otherwise what git says. */
export function applyPatch(folder, patch, options = []) {
  // The folder counts as it is, whatever repository it may lie in.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(folder) }
  const { status, stderr } = spawnSync('git', ['apply', ...options, patch], { cwd: folder, env, encoding: 'utf8' })
  return status === 0 ? undefined : stderr.trim()
}

/**
 * Copies what git knows or would add of `root` to a new temporary folder. Its node_modules points to the packages that
 * are installed, and for our own packages to the copy's.
 */
export function copyTree(root) {
  const copy = mkdtempSync(join(tmpdir(), 'millrace-mutants-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  for (const path of new Set(listed.split('\0').filter(Boolean))) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(root, path), join(copy, path), { errorOnExist: false, force: true })
  }
  const modules = join(copy, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!isOurs(name) && !name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  mkdirSync(join(modules, '@millrace'))
  for (const folder of readdirSync(join(copy, 'packages'))) {
    const { name } = JSON.parse(readFileSync(join(copy, 'packages', folder, 'package.json'), 'utf8'))
    symlinkSync(join(copy, 'packages', folder), join(modules, name))
  }
  return copy
}

/**
 * Makes `run` happen with the patch applied to the copy, and takes the patch back.
 * @returns what `run` gives, or `{ problem }` when the patch does not apply
 */
export async function withPatch(copy, patch, run) {
  const problem = applyPatch(copy, patch)
  if (problem !== undefined) return { problem }
  const result = await run()
  const stuck = applyPatch(copy, patch, ['--reverse'])
  if (stuck !== undefined) throw new Error(`${patch} cannot be taken back: ${stuck}`)
  return result
}

/**
 * What vitest's JSON report says of one test: `passed`, `failed`, or `missing` when no test of this name ran, for
 * example because its file could not be loaded.
 */
export function verdictOn(report, title) {
  const results = report.testResults.flatMap((file) => file.assertionResults)
  const named = results.filter(({ fullName }) => fullName.trim() === title)
  if (named.some(({ status }) => status === 'failed')) return 'failed'
  return named.some(({ status }) => status === 'passed') ? 'passed' : 'missing'
}

export function exactly(title) {
  return `^\\s*${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`
}

export function removeTree(copy) {
  rmSync(copy, { recursive: true, force: true })
}

export function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}

export function clearReport(path) {
  writeFileSync(path, '')
}

function isOurs(name) {
  return name === '@millrace' || name === 'millrace'
}
