// `npm run mutants`: puts each fault of test/mutants into a copy of the tree and runs the test that must catch it. Fails
// when a fault survives, a patch does not apply, or a test fails without the fault. What follows `--` names the faults
// to try; without, all are.
import { join } from 'node:path'
import { copyTree, removeTree } from './lib/copy-tree.mjs'
import { run } from './lib/main.mjs'
import { clearReport, exactly, readMutants, readReport, verdictOn, withPatch } from './lib/mutants.mjs'
import { Complaint, ROOT } from './lib/project.mjs'

const GOOD = 'caught'
/** A fault that makes its test loop for ever is killed after this time. */
const TEST_TIMEOUT_MS = 180_000
const asked = process.argv.slice(2)

await run(async ({ children, node, env }) => {
  const mutants = readMutants(ROOT).filter(({ name }) => asked.length === 0 || asked.includes(name))
  if (mutants.length === 0) throw new Complaint(`There is no such fault in test/mutants: ${asked.join(', ')}`)
  const copy = copyTree(ROOT)
  /** How tests went without any fault. */
  const withoutFault = new Map()
  const reportFile = join(copy, 'mutant-report.json')

  async function runTest({ test, title }) {
    clearReport(reportFile)
    const args = ['node_modules/vitest/vitest.mjs', 'run', test, '-t', exactly(title)]
    const report = ['--reporter=json', `--outputFile=${reportFile}`]
    await children.run(node, [...args, ...report], { cwd: copy, env, capture: true, timeoutMs: TEST_TIMEOUT_MS })
    return verdictOn(readReport(reportFile), title)
  }

  async function tryMutant(mutant) {
    const key = `${mutant.test}: ${mutant.title}`
    if (!withoutFault.has(key)) withoutFault.set(key, await runTest(mutant))
    const without = withoutFault.get(key)
    if (without === 'missing') return 'no such test'
    if (without === 'failed') return 'the test fails without the fault'
    const result = await withPatch(copy, mutant.patch, async () => ({ verdict: await runTest(mutant) }))
    if (result.problem !== undefined) return `the patch does not apply: ${result.problem.split('\n')[0]}`
    if (result.verdict === 'missing') return 'the faulty code does not load'
    return result.verdict === 'failed' ? GOOD : 'SURVIVED'
  }

  try {
    let bad = 0
    for (const mutant of mutants) {
      const outcome = await tryMutant(mutant)
      if (outcome !== GOOD) bad++
      console.log(`${outcome === GOOD ? '✓' : '✗'} ${outcome.padEnd(8)}  ${mutant.fault}`)
      console.log(`              ${mutant.test}: ${mutant.title}`)
    }
    console.log(`${mutants.length - bad} of ${mutants.length} faults are caught`)
    return bad === 0 ? 0 : 1
  } finally {
    removeTree(copy)
  }
})
