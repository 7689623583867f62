// `npm start`: installs what is missing, builds what is stale, serves. What follows `--` goes to `millrace serve`.
import { build } from './lib/build.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

// A heap that begins small is collected whole for every few megabytes of network data, at close to half of the server's
// processor time. V8 takes this on the command line alone; it is room to grow into, and most of it is never touched.
const HEAP = '--initial-heap-size=512'
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
