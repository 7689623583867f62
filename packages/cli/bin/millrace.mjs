#!/usr/bin/env node
// Starts the `millrace` command. Plain JavaScript without static imports, so that an old Node.js can say what it lacks.
// A clone that was not built runs its TypeScript sources, as does `node --conditions=development`.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`millrace needs Node.js 22.18 or later; this is ${process.versions.node}\n`)
  process.exit(1)
}
// A heap that begins small is collected whole for every few megabytes of network data, at close to half of the server's
// processor time. V8 takes its first size on the command line alone; it is room to grow into, most of it never touched.
// A process with a channel to its parent would lose that; its parent can give the flag.
const HEAP = '--initial-heap-size=128'
const [command = 'serve'] = process.argv.slice(2)
const serves = command === 'serve' || command.startsWith('-')
if (serves && process.execve !== undefined && process.platform !== 'win32' && !process.connected) {
  const sized = process.execArgv.some((flag) => flag.startsWith('--initial-heap-size'))
  if (!sized) process.execve(process.execPath, [process.execPath, HEAP, ...process.execArgv, ...process.argv.slice(1)])
}
const { existsSync } = await import('node:fs')
const built = new URL('../dist/main.js', import.meta.url)
const source = new URL('../src/main.ts', import.meta.url)
const asked = process.execArgv.some((flag) => /^(--conditions|-C)[= ]?development$/.test(flag))
const fromSource = existsSync(source) && (asked || !existsSync(built))
if (fromSource && !asked) {
  const { registerHooks } = await import('node:module')
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: ['development', ...context.conditions] }),
  })
}
const { main } = await import(fromSource ? source.href : built.href)
process.exitCode = await main(process.argv.slice(2))
