// `npm run check`: types, lint, import rules and generated code, without the tests.
import { CHECKS, runChecks } from './lib/checks.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

await run(async ({ children, node, env }) => {
  const failed = await runChecks(CHECKS, { root: ROOT, children, node, env })
  return failed.length === 0 ? 0 : 1
})
