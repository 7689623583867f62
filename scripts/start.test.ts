import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WatchPost, watchedProgram } from './testing/watch-post.ts'

const scripts = dirname(fileURLToPath(import.meta.url))

/** A project with this repository's scripts, and a server, a build and an npm that only report what happens to them. */
class Project {
  readonly root = mkdtempSync(join(tmpdir(), 'millrace-start-'))
  private readonly post: WatchPost
  private readonly started: ChildProcess[] = []
  output = ''

  constructor(post: WatchPost) {
    this.post = post
    cpSync(join(scripts, 'start.mjs'), join(this.root, 'scripts/start.mjs'))
    cpSync(join(scripts, 'lib'), join(this.root, 'scripts/lib'), { recursive: true })
    this.write('package.json', JSON.stringify({ private: true, scripts: { start: 'exec node scripts/start.mjs' } }))
    this.write('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages: {} }))
    this.write('node_modules/.package-lock.json', JSON.stringify({ packages: {} }))
    this.write('scripts/generate.mjs', '')
    this.write('node_modules/typescript/bin/tsc', '')
    this.write('packages/cli/bin/millrace.mjs', watchedProgram('server', 'process.exit(0)'))
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), content)
  }

  run(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const env = { ...process.env, WATCH_PORT: String(this.post.port), ...options.env }
    const child = spawn(command, args, { ...options, cwd: this.root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (this.output += String(chunk)))
    this.started.push(child)
    return child
  }

  close(): void {
    for (const child of this.started) child.kill('SIGKILL')
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** Exit code and signal of a process that is ending. */
async function ended(child: ChildProcess): Promise<[number | null, string | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return [child.exitCode, child.signalCode]
}

let post: WatchPost
let project: Project

beforeEach(async () => {
  post = await WatchPost.open()
  project = new Project(post)
})

afterEach(() => {
  project.close()
  post.close()
})

describe.skipIf(process.platform === 'win32')('npm start', () => {
  test('hands what follows -- to the server', async () => {
    const npm = project.run('npm', ['start', '--', '--http', '127.0.0.1:0'])
    const { detail } = await post.report('server', 'ready')
    expect(detail).toMatchObject({ args: ['serve', '--http', '127.0.0.1:0'] })
    npm.kill('SIGTERM')
    await ended(npm)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('ends with 0 and leaves no server when npm gets %s', async (signal) => {
    const npm = project.run('npm', ['start'])
    await post.report('server', 'ready')
    npm.kill(signal)
    expect(await ended(npm)).toEqual([0, null])
    await post.report('server', 'gone')
    expect(post.eventsOf('server')).toEqual(['ready', signal, 'gone'])
  })

  test('tells the server once when a terminal interrupts the whole group', async () => {
    const npm = project.run('npm', ['start'], { detached: true })
    await post.report('server', 'ready')
    process.kill(-npm.pid!, 'SIGINT')
    // npm gets the signal too, and it is its own affair whether it ends by it or waits for what it runs.
    expect([
      [0, null],
      [null, 'SIGINT'],
    ]).toContainEqual(await ended(npm))
    await post.report('server', 'gone')
    expect(post.eventsOf('server')).toEqual(['ready', 'SIGINT', 'gone'])
  })

  test('leaves no server when npm is killed', async () => {
    const npm = project.run('npm', ['start'])
    await post.report('server', 'ready')
    npm.kill('SIGKILL')
    await post.report('server', 'gone')
    expect(post.eventsOf('server')).toEqual(['ready', 'SIGTERM', 'gone'])
  })

  test('leaves no server when the script is killed', async () => {
    const script = project.run(process.execPath, ['scripts/start.mjs'])
    await post.report('server', 'ready')
    script.kill('SIGKILL')
    await post.report('server', 'gone')
    expect(post.eventsOf('server')).toEqual(['ready', 'SIGTERM', 'gone'])
  })

  test('stops while it installs', async () => {
    project.write('npm.mjs', watchedProgram('npm', 'process.exit(1)'))
    project.write('npm-cli.js', "import('./npm.mjs')")
    rmSync(join(project.root, 'node_modules/.package-lock.json'))
    const env = { ...process.env, npm_execpath: join(project.root, 'npm-cli.js') }
    const script = project.run(process.execPath, ['scripts/start.mjs'], { env })
    const { detail } = await post.report('npm', 'ready')
    expect(detail).toMatchObject({ args: ['ci', '--include=dev', '--include=optional', '--loglevel=error'] })
    script.kill('SIGTERM')
    expect(await ended(script)).toEqual([0, null])
    await post.report('npm', 'gone')
    expect(post.eventsOf('npm')).toEqual(['ready', 'SIGTERM', 'gone'])
    expect(post.eventsOf('server')).toEqual([])
  })

  test('stops while it builds, and takes along what the build started', async () => {
    project.write('grandchild.mjs', watchedProgram('grandchild', ''))
    project.write(
      'build.mjs',
      `import { spawn } from 'node:child_process'
      spawn(process.execPath, ['grandchild.mjs'], { stdio: 'ignore' })
      ${watchedProgram('build', 'process.exit(1)')}`,
    )
    project.write('scripts/generate.mjs', "import '../build.mjs'")
    const script = project.run(process.execPath, ['scripts/start.mjs'])
    await post.report('build', 'ready')
    await post.report('grandchild', 'ready')
    script.kill('SIGTERM')
    expect(await ended(script)).toEqual([0, null])
    await post.report('grandchild', 'gone')
    expect(post.eventsOf('build')).toEqual(['ready', 'SIGTERM', 'gone'])
    expect(post.eventsOf('server')).toEqual([])
  })

  test('has the exit code of a server that fails, and of a build that does', async () => {
    project.write('packages/cli/bin/millrace.mjs', 'process.exit(2)')
    expect(await ended(project.run(process.execPath, ['scripts/start.mjs']))).toEqual([2, null])
    project.write('scripts/generate.mjs', "throw new Error('no proto')")
    expect(await ended(project.run(process.execPath, ['scripts/start.mjs']))).toEqual([1, null])
    expect(project.output).toContain('no proto')
    expect(project.output).toContain('the build failed')
  })
})
