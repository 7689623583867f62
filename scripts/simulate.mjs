// `npm run simulate`: looks for crashes that break a promise, for as long as it is told. What follows `--` goes to
// test/simulation/simulate.ts.
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

await run(async ({ children, node, env }) => {
  const args = ['--conditions=development', 'test/simulation/simulate.ts', ...process.argv.slice(2)]
  const { code } = await children.run(node, args, { cwd: ROOT, env })
  return code ?? 1
})
