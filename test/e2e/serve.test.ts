import { once } from 'node:events'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Millrace } from '@millrace/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { millrace, serve, startMillrace, temporaryDirectory } from './harness.ts'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('millrace serve', () => {
  it('takes a free port, tells it, and is ready by then', async () => {
    const server = await serve('--data', 'memory')
    expect(new URL(server.url).port).not.toBe('0')
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  })

  // Other systems do not tell the command line of a process in a file.
  it.skipIf(process.platform !== 'linux')(
    'has a heap with room from the start, in the process that was asked for',
    async () => {
      const server = startMillrace(['serve', '--data', 'memory', '--http', '127.0.0.1:0'])
      await once(server.stdout as Readable, 'data')
      const commandLine = await readFile(`/proc/${server.pid}/cmdline`, 'utf8')
      expect(commandLine.split('\0')).toEqual(
        expect.arrayContaining(['--initial-heap-size=128', '--min-semi-space-size=8']),
      )
    },
  )

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with code 0 on %s and leaves nothing behind', async (signal) => {
    const data = await temporaryDirectory()
    const readyFile = join(await temporaryDirectory(), 'ready.json')
    const server = await serve('--data', data, '--ready-file', readyFile)
    expect(await server.end(signal)).toEqual({ code: 0, signal: null })
    expect(isAlive(server.pid)).toBe(false)
    await expect(readFile(readyFile)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
  })

  it('reads its configuration again on SIGHUP, and goes on', async () => {
    const directory = await temporaryDirectory()
    const [config, log] = [join(directory, 'c.json'), join(directory, 'server.log')]
    const configure = (content: object | string) =>
      writeFile(config, typeof content === 'string' ? content : JSON.stringify(content))
    await configure({ data: 'memory', logFile: log, limits: { topics: 1 } })
    const server = await serve('--config', config)
    const hangUp = async (): Promise<{ level: number; msg: string; changed?: string[]; needRestart?: string[] }> => {
      await rename(log, `${log}.1`)
      process.kill(server.pid, 'SIGHUP')
      return JSON.parse(
        await vi.waitFor(async () => {
          const [line] = (await readFile(log, 'utf8')).split('\n')
          return line === undefined || line === '' ? Promise.reject(new Error('nothing is logged yet')) : line
        }, 10_000),
      )
    }
    const create = async (name: string): Promise<number> => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(`${server.url}/v1/topics`, { method: 'POST', headers, body: JSON.stringify({ name }) }))
        .status
    }
    expect([await create('a'), await create('b')]).toEqual([201, 429])

    await configure({ data: 'memory', logFile: log, logLevel: 'debug', limits: { topics: 2, openFiles: 100 } })
    expect(await hangUp()).toMatchObject({ changed: ['logLevel', 'limits.topics'], needRestart: ['limits.openFiles'] })
    expect([await create('b'), await create('c')]).toEqual([201, 429])
    expect(await readFile(log, 'utf8')).toContain('topic created')

    await configure({ data: 'memory', logFile: log, limits: { topics: 2, openFiles: 100 } })
    expect(await hangUp()).toMatchObject({ changed: ['logLevel'], needRestart: ['limits.openFiles'] })
    await configure({ data: 'memory', logFile: log, limits: { topics: 2 } })
    expect(await hangUp()).toMatchObject({ changed: [], needRestart: [] })

    await configure({ data: 'memory', logFile: log, limits: { topics: 'many' } })
    expect(await hangUp()).toMatchObject({ level: 50, msg: expect.stringContaining('limits.topics') })
    expect(await create('c')).toBe(429)
    expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  it('ends at once although clients follow, wait and keep connections open', async () => {
    // With such a grace it would never end if it waited for them.
    const server = await serve('--data', 'memory', '--limit-shutdown-grace-ms', String(2 ** 31 - 1))
    const client = new Millrace({ url: server.url })
    onTestFinished(() => client.close())
    await client.admin.createTopic({ name: 'orders' })
    await client.producer().send({ topic: 'orders', value: 'one' })
    const following = client.read({ topic: 'orders' })[Symbol.asyncIterator]()
    expect((await following.next()).value?.text()).toBe('one')
    const waiting = fetch(`${server.url}/v1/topics/orders/partitions/0/records?offset=1&waitMs=60000`)
    const idle = connect(Number(new URL(server.url).port), '127.0.0.1')
    onTestFinished(() => void idle.destroy())
    await once(idle, 'connect')
    await fetch(`${server.url}/healthz`)

    expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(await (await waiting).json()).toMatchObject({ records: [], nextOffset: 1 })
  })

  it('puts the bound address into the ready file while it serves', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory, 'ready.json')
    await writeFile(path, 'what a killed server left')
    const server = await serve('--data', 'memory', '--ready-file', path)
    const text = await readFile(path, 'utf8')
    expect(text.endsWith('\n')).toBe(true)
    const { host } = new URL(server.url)
    expect(JSON.parse(text)).toEqual({ url: server.url, http: host, data: 'memory', pid: server.pid })
    expect(await readdir(directory)).toEqual(['ready.json'])
  })

  it('prints where it listens, where the data is, and three commands to try', async () => {
    const data = await temporaryDirectory()
    const child = startMillrace(['--data', data, '--http', '127.0.0.1:0', '--log-level', 'silent'])
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += chunk
    })
    while (!text.includes('Ctrl-C')) await once(child.stdout!, 'data')
    expect(text).toMatch(/^Millrace serves REST and gRPC at http:\/\/127\.0\.0\.1:\d+\n/)
    expect(text).toContain(`Data: ${data}\n`)
    expect(text.match(/^ {2}npx millrace .* --url http:\/\/127\.0\.0\.1:\d+$/gm)).toHaveLength(3)
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([0, null])
  })

  it('logs JSON lines when nobody watches at a terminal', async () => {
    const server = await serve('--data', 'memory')
    await server.end('SIGTERM')
    const entries = server.lastLines.map((line) => JSON.parse(line))
    expect(entries.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['serving', 'shut down']))
  })
})

describe('a server that cannot start says why in a line', () => {
  const failing = (...args: string[]) => millrace(['serve', '--http', '127.0.0.1:0', '--log-level', 'error', ...args])

  it('when another one has the data directory', async () => {
    const data = await temporaryDirectory()
    await serve('--data', data)
    const { code, stderr } = await failing('--data', data)
    expect(stderr).toMatch(/^millrace: DATA_DIR_LOCKED: .*\n$/)
    expect(code).toBe(1)
  })

  it('when another program has the port', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const { code, stderr } = await failing('--data', 'memory', '--http', `127.0.0.1:${port}`)
    expect(stderr).toBe(
      `millrace: ADDRESS_UNAVAILABLE: cannot listen at 127.0.0.1:${port}: another program listens there\n`,
    )
    expect(code).toBe(1)
  })

  it('when the data directory is a file', async () => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, 'x')
    const { code, stderr } = await failing('--data', file)
    expect(stderr).toMatch(/^millrace: (DATA_DIR_INVALID|STORAGE_FAILED): .*\n$/)
    expect(code).toBe(1)
  })
})

describe('wrong usage ends with code 2 and names what is wrong', () => {
  it.each([
    [['serve', '--http', '0.0.0.0:0'], /http=0\.0\.0\.0:0: .*--allow-insecure/],
    [['serve', '--http', 'nowhere'], /--http=nowhere: allowed is HOST:PORT/],
    [['serve', '--log-level', 'loud'], /--log-level=loud: allowed is silent, error, warn, info, debug/],
    [['serve', '--limit-topics', '0'], /--limit-topics=0: allowed is a whole number from 1 to/],
    [
      ['serve', '--ready-file', '/nowhere/ready.json'],
      /--ready-file=\/nowhere\/ready\.json: cannot be written: ENOENT/,
    ],
    [['serve', '--kafka', 'off'], /unknown option '--kafka'/],
    [['serve', '--config', 'missing.json'], /configuration file .*missing\.json cannot be read/],
    [['serve', 'extra'], /too many arguments/],
    [['--data'], /argument missing/],
    [['topic'], /./],
    [['topic', 'create'], /missing required argument 'name'/],
    [['produce', 't', '--compression', 'zip'], /Allowed choices are none, gzip, snappy, lz4, zstd/],
    [['consume', 't', '--from', 'dawn'], /--from dawn: allowed is earliest, latest/],
    [['consume', 't', '--limit', '-1'], /./],
    [['consume', 't', '--url', 'nowhere'], /--url nowhere: allowed is an http or https URL/],
    [['produce', 't', '--file', '/nowhere/at/all'], /--file \/nowhere\/at\/all: cannot be read: ENOENT/],
  ] as [string[], RegExp][])('%j', async (args, message) => {
    const { code, stdout, stderr } = await millrace(args, { cwd: await temporaryDirectory() })
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('a variable that is not known', async () => {
    const { code, stderr } = await millrace(['serve'], { env: { MILLRACE_DATE: 'x' } })
    expect(stderr).toMatch(/^millrace: the variable MILLRACE_DATE=x is not known; there are MILLRACE_DATA, .*\n$/)
    expect(code).toBe(2)
  })

  it('a key of the file that is not known', async () => {
    const cwd = await temporaryDirectory()
    await writeFile(join(cwd, 'millrace.config.json'), '{"datum":"x"}')
    const { code, stderr } = await millrace([], { cwd })
    expect(stderr).toMatch(/^millrace: datum="x" in .*millrace\.config\.json is not a setting; there are data, .*\n$/)
    expect(code).toBe(2)
  })
})

describe('millrace config', () => {
  it('shows what serve would use and where it comes from', async () => {
    const cwd = await temporaryDirectory()
    await writeFile(join(cwd, 'millrace.config.json'), '{"logLevel":"warn","limits":{"topics":7},"http":"127.0.0.1:1"}')
    const env = { MILLRACE_HTTP: '127.0.0.1:2', MILLRACE_DATA: 'memory' }
    const table = await millrace(['config', '--data', 'other'], { cwd, env })
    expect(table.stdout).toMatch(/^data +other +--data$/m)
    expect(table.stdout).toMatch(/^http +127\.0\.0\.1:2 +MILLRACE_HTTP$/m)
    expect(table.stdout).toMatch(/^logLevel +warn +\/.*millrace\.config\.json: logLevel$/m)
    expect(table.stdout).toMatch(/^limits\.connections +\d+ +default$/m)
    const json = await millrace(['config', '--json'], { cwd, env })
    expect(JSON.parse(json.stdout)).toMatchObject({ data: 'memory', http: '127.0.0.1:2', limits: { topics: 7 } })
  })
})

describe('help', () => {
  it('has every setting with its flag', async () => {
    const { code, stdout } = await millrace(['serve', '--help'])
    expect(code).toBe(0)
    for (const flag of [
      '--data <DIR|memory>',
      '--http <HOST:PORT>',
      '--allow-insecure',
      '--limit-shutdown-grace-ms <N>',
    ]) {
      expect(stdout).toContain(flag)
    }
  })

  it('lists the commands, and the version is told', async () => {
    const { stdout } = await millrace(['--help'])
    for (const command of ['serve', 'topic', 'produce', 'consume', 'config']) expect(stdout).toContain(`\n  ${command}`)
    expect((await millrace(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
