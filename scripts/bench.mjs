// `npm run bench`: installs and builds what is missing, then runs the benchmarks. What follows `--` goes to bench/run.ts.
import { build } from './lib/build.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

await run(async ({ children, node, env }) => {
  await build(ROOT, children, env)
  const { code } = await children.run(node, ['bench/run.ts', ...process.argv.slice(2)], { cwd: ROOT, env })
  return code ?? 1
})
