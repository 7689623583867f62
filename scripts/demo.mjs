// `npm run demo`: produces a real history through a server that is killed meanwhile, and shows that all of it comes
// back. `npm run demo -- --file FILE` takes the lines of a text file instead.
import { build } from './lib/build.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

await run(async ({ children, node, env }) => {
  await build(ROOT, children, env)
  const cwd = process.env.INIT_CWD ?? process.cwd()
  const { code } = await children.run(node, [`${ROOT}/scripts/demo/demo.ts`, ...process.argv.slice(2)], { cwd, env })
  return code ?? 1
})
