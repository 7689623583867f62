import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
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

/** A pattern for vitest that matches the test of this name alone; its parts may be joined by a space or by ` > `. */
export function exactly(title) {
  return `^\\s*${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '( > | )')}$`
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
