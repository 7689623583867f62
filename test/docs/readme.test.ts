import { type ChildProcess, execFile, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyTree, removeTree } from '../../scripts/lib/copy-tree.mjs'
import { type FencedBlock, fencedBlocks, looksLike, shownCommands } from './fenced-blocks.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const DOCUMENTED_PORT = 7070
const COMMAND_TIMEOUT_MS = 30_000
const START_TIMEOUT_MS = 120_000
/** Blocks that show something and are not to be typed. */
const SHOWN_ONLY = new Set(['text', 'json'])
/** A program that goes on until Ctrl-C. It is started in two terminals. */
const GOES_ON = "process.once('SIGINT'"
/** What tells how things stand among programs that run beside: they may take a moment until it is as shown. */
const TELLS_OF_OTHERS = /millrace group (list|describe)/
const blocks = fencedBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8'))
const commands = blocks.filter(({ language }) => !SHOWN_ONLY.has(language))

/** A reader of the README at a terminal, in a copy of the repository and on a port of their own. */
class Reader {
  readonly copy = copyTree(ROOT)
  /** A project of their own beside it. */
  private readonly project = `${this.copy}-project`
  private readonly port: number
  private npm: ChildProcess | undefined
  private readonly programs: string[] = []
  private readonly terminals: ChildProcess[] = []

  constructor(port: number) {
    this.port = port
  }

  /** Does what a block says; fails when that fails or prints something else than is shown. */
  async follow(block: FencedBlock): Promise<void> {
    switch (block.language) {
      case 'sh':
        if (block.text.trim() === 'npm start') return this.start()
        await this.shell(block.text)
        return
      case 'console':
        for (const { command, output } of shownCommands(block.text)) {
          let actual = await this.shell(command)
          const untilMs = Date.now() + COMMAND_TIMEOUT_MS
          while (TELLS_OF_OTHERS.test(command) && !looksLike(output, actual) && Date.now() < untilMs) {
            actual = await this.shell(command)
          }
          if (!looksLike(output, actual)) expect(actual.trim()).toBe(output)
        }
        return
      case 'ts':
        return this.program(block)
      default:
        throw new Error(`line ${block.line}: nobody knows how to run ${block.language || 'a block without a language'}`)
    }
  }

  /** Fails when a program that was run has a type error. */
  async checkTypes(): Promise<void> {
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--types', 'node']
    const language = ['--target', 'es2024', '--module', 'nodenext']
    const tsc = 'node_modules/typescript/bin/tsc'
    await this.execute(process.execPath, [tsc, ...options, ...language, ...this.programs])
  }

  async close(): Promise<void> {
    const { npm } = this
    try {
      for (const program of this.terminals) await interrupt(program)
      await this.stop()
    } finally {
      for (const child of [npm, ...this.terminals]) child?.kill('SIGKILL')
      removeTree(this.project)
      removeTree(this.copy)
    }
  }

  /** `npm start` in a terminal of its own. When it was running already, it is ended first, as Ctrl-C would. */
  private async start(): Promise<void> {
    await this.stop()
    const npm = spawn('npm', ['start'], { cwd: this.copy, env: this.env(), stdio: ['ignore', 'pipe', 'pipe'] })
    this.npm = npm
    let output = ''
    const serves = new Promise<void>((resolve, reject) => {
      const read = (chunk: unknown): void => {
        output += String(chunk)
        if (output.includes(`http://127.0.0.1:${this.port}`)) resolve()
      }
      npm.stdout?.on('data', read)
      npm.stderr?.on('data', read)
      npm.on('exit', () => reject(new Error(`npm start ended:\n${output}`)))
    })
    await serves
  }

  private async stop(): Promise<void> {
    const { npm } = this
    this.npm = undefined
    if (npm === undefined || npm.exitCode !== null || npm.signalCode !== null) return
    await interrupt(npm)
  }

  /** Imports packages in the project that was made beside the copy. */
  async importInProject(...names: string[]): Promise<void> {
    const code = names.map((name) => `await import('${name}')`).join('; ')
    await this.execute(process.execPath, ['--input-type=module', '--eval', code], this.project)
  }

  private async shell(command: string): Promise<string> {
    const args = ['-euo', 'pipefail', '-c', this.rewrite(command)]
    return this.execute('bash', args)
  }

  private async program({ text, line }: FencedBlock): Promise<void> {
    const file = `readme-line-${line}.ts`
    writeFileSync(join(this.copy, file), this.rewrite(text))
    this.programs.push(file)
    if (!text.includes(GOES_ON)) {
      await this.execute(process.execPath, [file])
      return
    }
    for (let terminal = 0; terminal < 2; terminal++) {
      const options: SpawnOptions = { cwd: this.copy, env: this.env(), stdio: 'ignore' }
      this.terminals.push(spawn(process.execPath, [file], options))
    }
  }

  private async execute(command: string, args: readonly string[], cwd = this.copy): Promise<string> {
    const options = { cwd, env: this.env(), timeout: COMMAND_TIMEOUT_MS, maxBuffer: 2 ** 24 }
    const { stdout } = await promisify(execFile)(command, [...args], options)
    return stdout
  }

  private rewrite(text: string): string {
    return text
      .replaceAll(String(DOCUMENTED_PORT), String(this.port))
      .replaceAll('../my-project', this.project)
      .replaceAll('../millrace/', `${this.copy}/`)
  }

  /** What a terminal has, without what npm and vitest put there. */
  private env(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(npm_|MILLRACE_|VITEST|NODE_ENV$|TURBO_HASH$)/i.test(name),
    )
    const address = `127.0.0.1:${this.port}`
    return { ...Object.fromEntries(own), MILLRACE_HTTP: address, MILLRACE_URL: `http://${address}` }
  }
}

/** Ends a program as Ctrl-C does; it must end well. */
async function interrupt(program: ChildProcess): Promise<void> {
  const ended = once(program, 'exit')
  program.kill('SIGINT')
  expect(await ended).toEqual([0, null])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Whether the README's reader has what its commands need beside Node.js. On CI they must. */
function hasTools(): boolean {
  if (process.env.CI !== undefined) return true
  const curl = spawnSync('curl', ['--version'], { encoding: 'utf8' })
  return curl.stdout?.includes('HTTP2') && spawnSync('bash', ['--version']).status === 0
}

describe.skipIf(!hasTools())('README.md, where there are bash and curl', () => {
  const done = new Set<FencedBlock>()
  let reader: Reader

  beforeAll(async () => {
    reader = new Reader(await freePort())
  })
  afterAll(() => reader.close())

  test('has commands', () => expect(commands.length).toBeGreaterThan(5))

  test.each(commands.map((block) => [`line ${block.line}: ${block.text.split('\n')[0]}`, block] as const))(
    '%s',
    async (_, block) => {
      await reader.follow(block)
      done.add(block)
    },
    START_TIMEOUT_MS,
  )

  test("leads to a project of one's own that has the packages", () =>
    reader.importInProject('@millrace/client', 'millrace'))

  test('has programs without type errors', () => reader.checkTypes(), START_TIMEOUT_MS)

  test('has none that was not run', () => {
    const missed = commands.filter((block) => !done.has(block))
    expect(missed.map(({ line, text }) => `line ${line}: ${text}`)).toEqual([])
  })
})
