// `npm start`: installs what is missing, builds what is stale, serves. What follows `--` goes to `millrace serve`.
import { build } from './lib/build.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

// As bin/millrace.mjs would start it anew with, if it had no channel to this process.
const HEAP = '--initial-heap-size=128'
const followParent = new URL('lib/follow-parent.mjs', import.meta.url).href

await run(
  async ({ children, node, env }) => {
    await build(ROOT, children, env)
    const args = [HEAP, '--import', followParent, 'packages/cli/bin/millrace.mjs', 'serve', ...process.argv.slice(2)]
    const { code, signal } = await children.run(node, args, { cwd: ROOT, env, channel: true, final: true })
    if (code !== null) return code
    // A signal that comes before the server listens for it ends it just as well.
    if (children.stopSignal !== undefined && signal !== 'SIGKILL') return 0
    console.error(`The server was ended by ${signal}`)
    return 1
  },
  { stoppedCode: () => 0 },
)
