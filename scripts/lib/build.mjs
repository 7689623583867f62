import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Complaint } from './project.mjs'

/**
 * Generates and compiles what is stale: turbo knows what is, by the contents of the inputs. Where turbo has no program
 * for this machine, everything is made anew.
 */
export async function build(root, children, env) {
  const turbo = turboProgram(root)
  if (turbo === undefined) {
    console.log('turbo does not run on this machine: generating and building everything')
    await step(root, children, env, ['scripts/generate.mjs'])
    await step(root, children, env, ['node_modules/typescript/bin/tsc', '-b', '--force'])
    return
  }
  const { code, output } = await children.run(turbo, ['run', 'build', '--output-logs=errors-only', '--ui=stream'], {
    cwd: root,
    env: { ...env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' },
    capture: true,
  })
  if (code !== 0) fail(output)
}

async function step(root, children, env, args) {
  const { code, output } = await children.run('node', args, { cwd: root, env, capture: true })
  if (code !== 0) fail(output)
}

function fail(output) {
  console.error(output)
  throw new Complaint('the build failed')
}

function turboProgram(root) {
  const platform = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform]
  const processor = { x64: '64', arm64: 'arm64' }[process.arch]
  const program = process.platform === 'win32' ? 'turbo.exe' : 'turbo'
  const path = join(root, 'node_modules/@turbo', `${platform}-${processor}`, 'bin', program)
  return existsSync(path) ? path : undefined
}
