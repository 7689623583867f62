import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import {
  FROM_SOURCE,
  millrace,
  type Outcome,
  type RunOptions,
  run as runProgram,
  startMillrace,
  startProcess,
  temporaryDirectory,
} from './harness.ts'

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/millrace.mjs', import.meta.url))

let server: ServerProcess
let topic = ''
let topics = 0

beforeAll(async () => {
  server = await startProcess('--data', 'memory', '--log-level', 'error')
})
afterAll(async () => {
  await server.end('SIGKILL')
})
beforeEach(async () => {
  topics += 1
  topic = `t${topics}`
  await run(['topic', 'create', topic, '--config', 'max.message.bytes=10000'])
})

const run = (args: string[], options: RunOptions = {}): Promise<Outcome> =>
  millrace(args, { ...options, env: { MILLRACE_URL: server.url } })
const produce = (args: string[], options: RunOptions = {}) => run(['produce', topic, ...args], options)
const values = async () => (await run(['consume', topic])).stdout.split('\n').slice(0, -1)

async function fileOf(text: string): Promise<string> {
  const path = join(await temporaryDirectory(), 'lines')
  await writeFile(path, text)
  return path
}

/** Runs `millrace` with its streams as the shell redirects them. */
const inShell = (args: string[], redirection: string) =>
  runProgram('/bin/sh', ['-c', `exec "$0" "$@" ${redirection}`, process.execPath, ...FROM_SOURCE, COMMAND, ...args])

const BIG = 'x'.repeat(20_000)
const json = (...ids: number[]) => ids.map((id) => `{"id":${id}}\n`).join('')

describe('a line that cannot be used', () => {
  it('ends the sending; what was before it is stored, what was not sent is told', async () => {
    const file = await fileOf(`${json(1, 2)}{"id"\n${json(4, 5)}`)
    const { code, stdout, stderr } = await produce(['--key-field', 'id', '--file', file])
    expect(stderr).toMatch(/^millrace: INVALID_REQUEST: line 3: not JSON, which --key-field needs: .+\n$/)
    expect(stdout).toBe(
      `produced 2 records to ${topic}\n  partition 0: 2 records, offset 0 to 1\n` +
        '  failed: 1 line\n  not sent: 2 lines from line 4 on\n',
    )
    expect(code).toBe(1)
    expect(await values()).toEqual(['{"id":1}', '{"id":2}'])
  })

  it('is left out with --skip-bad', async () => {
    const input = `${json(1)}\n[]\n${json(4)}${BIG}\n${json(6)}`
    const { code, stdout, stderr } = await produce(['--key-field', 'id', '--skip-bad', '--json'], { input })
    expect(code).toBe(1)
    expect(stderr.match(/^millrace: INVALID_REQUEST: line \d+: .+$/gm)).toHaveLength(3)
    expect(JSON.parse(stdout)).toMatchObject({
      stored: 3,
      failed: 3,
      notSent: null,
      failures: [2, 3, 5].map((line) => ({ fromLine: line, toLine: line, code: 'INVALID_REQUEST' })),
    })
    expect(await values()).toEqual(['{"id":1}', '{"id":4}', '{"id":6}'])
  })

  it('or that the topic finds too large is told by its number, not by that of its batch', async () => {
    const input = `one\ntwo\n${BIG}\nfour\n`
    const { code, stdout, stderr } = await produce(['--json'], { input })
    expect(stderr).toMatch(/^millrace: BATCH_TOO_LARGE: line 3: .+\n$/)
    expect(stderr).not.toContain('records failed')
    expect(JSON.parse(stdout)).toMatchObject({ stored: 3, failed: 1, notSent: null })
    expect(code).toBe(1)
    expect(await values()).toEqual(['one', 'two', 'four'])
  })

  it('is told while the input goes on, and ends it', async () => {
    const child = startMillrace(['produce', topic, '--json', '--url', server.url])
    const output = once(child.stdout!, 'data')
    const message = once(child.stderr!, 'data')
    child.stdin?.write(`one\n${BIG}\n`)
    expect(String(await message)).toMatch(/^millrace: BATCH_TOO_LARGE: line 2: .+\n$/)
    expect(JSON.parse(String(await output))).toMatchObject({
      stored: 1,
      failed: 1,
      notSent: { fromLine: 3, lines: null },
    })
    expect(await once(child, 'close')).toEqual([1, null])
  })

  it('among many: a rerun from the line that was told completes the input', async () => {
    const lines = Array.from({ length: 60_000 }, (_, index) => (index === 20_000 ? BIG : `line ${index}`))
    const file = await fileOf(`${lines.join('\n')}\n`)
    const { stdout } = await produce(['--file', file, '--json'])
    const { stored, failed, notSent } = JSON.parse(stdout)
    expect(failed).toBe(1)
    const { fromLine, lines: left } = notSent ?? { fromLine: lines.length + 1, lines: 0 }
    expect(stored + failed + left).toBe(lines.length)
    expect(fromLine).toBe(stored + failed + 1)
    if (left > 0) await produce([], { input: `${lines.slice(fromLine - 1).join('\n')}\n` })
    expect(await values()).toEqual(lines.filter((line) => line !== BIG))
  })

  it('among values is told by its place', async () => {
    const { code, stderr, stdout } = await produce(['one', BIG])
    expect(stderr).toMatch(/^millrace: BATCH_TOO_LARGE: value 2: .+\n$/)
    expect(stdout).toContain('  failed: 1 value\n  not sent: none\n')
    expect(code).toBe(1)
  })
})

describe('lines that nobody takes', () => {
  it('fail together, with the range', async () => {
    const { code, stdout, stderr } = await produce(['--partition', '7', '--skip-bad'], { input: 'a\nb\nc\n' })
    expect(stderr).toMatch(/^millrace: PARTITION_NOT_FOUND: lines 1 to 3: .+\n$/)
    expect(stdout).toMatch(/^produced 0 records to t\d+\n {2}failed: 3 lines\n {2}not sent: .+\n$/)
    expect(code).toBe(1)
  })
})

it('counts what is left of standard input where that is a file', async () => {
  const file = await fileOf(`${json(1)}\n${json(3, 4, 5)}`)
  const outcome = await inShell(['produce', topic, '--key-field', 'id', '--url', server.url], `< '${file}'`)
  expect(outcome).toMatchObject({ code: 1, stdout: expect.stringContaining('  not sent: 3 lines from line 3 on\n') })
})

it.runIf(process.platform === 'linux')('an input that breaks off is told, after what became of its lines', async () => {
  // A file that can be opened and not be read.
  const { code, stdout, stderr } = await produce(['--file', '/proc/self/mem'])
  expect(stdout).toBe(`produced 0 records to ${topic}\n  failed: 0 lines\n  not sent: everything from line 1 on\n`)
  expect(stderr).toMatch(/^millrace: cannot read on: EIO: .+\n$/)
  expect(code).toBe(1)
})

describe('--tombstone', () => {
  it('stores a null value for the key, and reads no input', async () => {
    expect(await produce(['--key', 'c42', '--tombstone'], { input: 'not read\n' })).toMatchObject({
      code: 0,
      stdout: `produced 1 record to ${topic}\n  partition 0: 1 record, offset 0\n`,
    })
    expect(JSON.parse((await run(['consume', topic, '--json'])).stdout)).toMatchObject({ key: 'c42', value: null })
  })
})
