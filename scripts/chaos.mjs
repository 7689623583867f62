// `npm run chaos`: a group, its writers and a server, with members killed and stopped, connections cut and the server
// killed, for as long as it is told; what came of it is checked. What follows `--` goes to test/chaos/main.ts.
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

await run(async ({ children, node, env }) => {
  const args = ['--conditions=development', 'test/chaos/main.ts', ...process.argv.slice(2)]
  const { code } = await children.run(node, args, { cwd: ROOT, env })
  return code ?? 1
})
