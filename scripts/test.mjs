// `npm test`: installs and builds what is missing, checks types, lint, import rules and generated code, runs all tests.
// What follows `--` goes to vitest: `npm test -- packages/record`.
import { build } from './lib/build.mjs'
import { CHECKS, runCheck, runChecks } from './lib/checks.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

// turbo has generated, built and checked by then.
const insideTurbo = process.env.TURBO_HASH !== undefined

await run(async ({ children, node, env }) => {
  const context = { root: ROOT, children, node, env }
  const failed = []
  if (!insideTurbo) {
    // Before the build, which would freshen what is stale.
    const [fresh, ...others] = CHECKS
    if (!(await runCheck(fresh, context))) failed.push(fresh.name)
    await build(ROOT, children, env)
    failed.push(...(await runChecks(others, context)))
  }
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)]
  const { code } = await children.run(node, vitest, { cwd: ROOT, env })
  if (failed.length > 0) console.error(`Failed before the tests: ${failed.join(', ')}`)
  return code === 0 && failed.length === 0 ? 0 : 1
})
