import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { millrace, type Outcome, type RunOptions, startMillrace, startProcess, temporaryDirectory } from './harness.ts'

let server: ServerProcess
let topic = ''
let topics = 0

beforeAll(async () => {
  server = await startProcess('--data', 'memory', '--log-level', 'error')
})
afterAll(async () => {
  await server.end('SIGKILL')
})
beforeEach(() => {
  topics += 1
  topic = `t${topics}`
})

const run = (args: string[], options: RunOptions = {}): Promise<Outcome> =>
  millrace(args, { ...options, env: { MILLRACE_URL: server.url } })

/** Runs a command that has to succeed and gives what it printed. */
async function done(args: string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(args, options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

const create = (...args: string[]) => done(['topic', 'create', topic, ...args])
const lines = (text: string) => text.split('\n').slice(0, -1)
const jsonLines = (text: string) => lines(text).map((line) => JSON.parse(line))

describe('millrace topic', () => {
  it('creates, lists, describes and deletes, for people', async () => {
    expect(await create('--partitions', '2', '--config', 'segment.bytes=2048')).toBe(
      `created ${topic} with 2 partitions\n`,
    )
    expect(await done(['topic', 'list'])).toMatch(new RegExp(`^TOPIC +PARTITIONS +CREATED\n(.*\n)*${topic} +2 +20`))
    const described = await done(['topic', 'describe', topic])
    expect(described).toMatch(/^PARTITION +FIRST OFFSET +END OFFSET +BYTES\n +0 +0 +0 +0\n +1 +0 +0 +0$/m)
    expect(described).toMatch(/^segment\.bytes +2048$/m)
    expect(await done(['topic', 'delete', topic])).toBe(`deleted ${topic}\n`)
    expect(await done(['topic', 'list', '--json'])).not.toContain(`"${topic}"`)
  })

  it('prints JSON for programs', async () => {
    const created = JSON.parse(await create('--json'))
    expect(created).toMatchObject({ name: topic, partitions: 1, id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(JSON.parse(await done(['topic', 'list', '--json']))).toContainEqual(created)
    expect(JSON.parse(await done(['topic', 'describe', topic, '--json']))).toMatchObject({
      name: topic,
      partitions: [{ partition: 0, highWatermark: 0 }],
      config: { 'flush.policy': 'commit' },
    })
    expect(JSON.parse(await done(['topic', 'delete', topic, '--json']))).toEqual({ deleted: topic })
  })

  it.each([
    [['describe', 'none'], 'TOPIC_NOT_FOUND'],
    [['delete', 'none'], 'TOPIC_NOT_FOUND'],
    [['create', '../x'], 'INVALID_TOPIC_NAME'],
    [['create', 'x', '--config', 'segment.bytes=1'], 'INVALID_CONFIG'],
    [['create', 'x', '--partitions', '1000000'], 'INVALID_PARTITIONS'],
  ])('%j fails in one line with the code', async (args, code) => {
    const outcome = await run(['topic', ...args])
    expect(outcome.stderr).toMatch(new RegExp(`^millrace: ${code}: .+\n$`))
    expect(outcome.code).toBe(1)
  })
})

describe('millrace produce', () => {
  it('takes values from its arguments', async () => {
    await create()
    expect(await done(['produce', topic, 'one', 'two', '', '--key', 'k', '-H', 'a=1', '-H', 'a=', '-H', 'b=x=y'])).toBe(
      `produced 3 records to ${topic}\n  partition 0: 3 records, offset 0 to 2\n`,
    )
    const records = jsonLines(await done(['consume', topic, '--json']))
    expect(records.map(({ key, value }) => [key, value])).toEqual([
      ['k', 'one'],
      ['k', 'two'],
      ['k', ''],
    ])
    expect(records[0]).toMatchObject({
      topic,
      partition: 0,
      offset: 0,
      headers: [
        { key: 'a', value: '1' },
        { key: 'a', value: '' },
        { key: 'b', value: 'x=y' },
      ],
    })
  })

  it('takes lines from standard input, whatever bytes they have', async () => {
    await create()
    const input = Buffer.concat([Buffer.from('a\n\n'), Buffer.from([0xff, 0x00, 0x0d, 0x0a]), Buffer.from('last')])
    expect(JSON.parse(await done(['produce', topic, '--json'], { input }))).toEqual({
      topic,
      stored: 4,
      failed: 0,
      notSent: null,
      partitions: [{ partition: 0, records: 4, firstOffset: 0, lastOffset: 3 }],
      failures: [],
    })
    const records = jsonLines(await done(['consume', topic, '--format', 'json']))
    expect(records.map(({ value, valueBase64 }) => value ?? valueBase64)).toEqual(['a', '', '/wA=', 'last'])
  })

  it('takes the lines of a file and gives them back byte for byte', async () => {
    await create()
    const path = join(await temporaryDirectory(), 'lines')
    const text = Array.from(
      { length: 50_000 },
      (_, index) => `${index} ${randomBytes(index % 40).toString('hex')}\n`,
    ).join('')
    await writeFile(path, text)
    expect(await done(['produce', topic, '--file', path, '--compression', 'zstd'])).toContain('produced 50000 records')
    const sum = (content: string) => createHash('sha256').update(content).digest('hex')
    expect(sum(await done(['consume', topic]))).toBe(sum(text))
  })

  it('finds keys in a field of JSON lines, or by an expression', async () => {
    await create()
    const json = '{"user":"ann","n":1}\n{"user":7}\n{"n":2}\n'
    const byField = await run(['produce', topic, '--key-field', 'user'], { input: json })
    expect(byField).toMatchObject({ code: 0, stderr: 'millrace: --key-field found no key in 1 line\n' })
    const byRegex = await run(['produce', topic, '--key-regex', 'id=(\\d+)'], { input: 'GET /?id=42\nGET /\nHEAD /\n' })
    expect(byRegex).toMatchObject({ code: 0, stderr: 'millrace: --key-regex found no key in 2 lines\n' })
    expect(lines(await done(['consume', topic, '--format', 'key-value']))).toEqual([
      'ann\t{"user":"ann","n":1}',
      '7\t{"user":7}',
      '\t{"n":2}',
      '42\tGET /?id=42',
      '\tGET /',
      '\tHEAD /',
    ])
  })

  it('sends equal keys to one partition, and all to the one that is named', async () => {
    await create('--partitions', '4')
    await done(['produce', topic, '--key-regex', '^\\w'], { input: 'a1\nb1\nc1\nd1\na2\nb2\nc2\nd2\n' })
    const byKey = new Map<string, Set<number>>()
    for (const { key, partition } of jsonLines(await done(['consume', topic, '--json']))) {
      byKey.set(key, (byKey.get(key) ?? new Set()).add(partition))
    }
    expect([...byKey.values()].map(({ size }) => size)).toEqual([1, 1, 1, 1])
    await done(['produce', topic, 'here', '--partition', '3'])
    expect(lines(await done(['consume', topic, '--partition', '3'])).at(-1)).toBe('here')
  })

  it('fails in one line when there is no topic, and says nothing went in', async () => {
    const { code, stdout, stderr } = await run(['produce', 'none', 'value'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^millrace: TOPIC_NOT_FOUND: .+\n$/)
  })

  it('fails when there is no server', async () => {
    const { code, stderr } = await millrace(['produce', topic, 'value', '--url', 'http://127.0.0.1:1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^millrace: CONNECTION_FAILED: .+\n$/)
  })

  it('sends what was read when it is interrupted', async () => {
    await create()
    const child = startMillrace(['produce', topic, '--json', '--url', server.url])
    child.stdin?.write('first\nsecond\nno end')
    await expect.poll(async () => lines(await done(['consume', topic])).length, { timeout: 10_000 }).toBe(2)
    const output = once(child.stdout!, 'data')
    child.kill('SIGINT')
    expect(JSON.parse(String(await output))).toMatchObject({ stored: 2, notSent: { fromLine: 3, lines: null } })
    expect(await once(child, 'close')).toEqual([1, null])
  })
})

describe('millrace consume', () => {
  it('begins where it is told', async () => {
    await create()
    const before = Date.now()
    await done(['produce', topic, 'a', 'b', 'c'])
    const from = async (where: string[]) => lines(await done(['consume', topic, '--from', ...where]))
    const all = ['a', 'b', 'c']
    const expected: [where: string[], values: string[]][] = [
      [['earliest'], all],
      [['1'], ['b', 'c']],
      [
        ['0', '--limit', '2'],
        ['a', 'b'],
      ],
      [[`${before}ms`], all],
      [[new Date(before).toISOString()], all],
      [['2999-01-01'], []],
    ]
    const got = await Promise.all(expected.map(([where]) => from(where)))
    expect(got).toEqual(expected.map(([, records]) => records))
  })

  it.each([
    [[], '99', /^partition (0 of t\d+ has offsets 0 to 1, the next is 2|1 of t\d+ has no records, the next is 0)$/],
    [['--partition', '0'], '99', /^partition 0 of t\d+ has offsets 0 to 1, the next is 2$/],
    [['--partition', '1'], '1795219616682', /^partition 1 of .+, the next is 0; did you mean 1795219616682ms\?$/],
  ] as [string[], string, RegExp][])(
    'says which partition lacks the offset: %j --from %s',
    async (args, from, message) => {
      await create('--partitions', '2')
      await done(['produce', topic, 'a', 'b', '--partition', '0'])
      const { code, stderr } = await run(['consume', topic, '--from', from, ...args])
      expect(code).toBe(1)
      expect(/^millrace: OFFSET_OUT_OF_RANGE: (.*)\n$/.exec(stderr)?.[1]).toMatch(message)
    },
  )

  it('follows, and ends with code 0 on SIGINT', async () => {
    await create()
    const child = startMillrace(['consume', topic, '--follow', '--url', server.url])
    await done(['produce', topic, 'one'])
    expect(String((await once(child.stdout!, 'data'))[0])).toBe('one\n')
    const next = once(child.stdout!, 'data')
    await done(['produce', topic, 'two'])
    expect(String((await next)[0])).toBe('two\n')
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([0, null])
  })

  it('ends quietly when its reader goes away', async () => {
    await create()
    await done(['produce', topic], { input: `${'x'.repeat(100)}\n`.repeat(20_000) })
    const child = startMillrace(['consume', topic, '--follow', '--url', server.url])
    let complaint = ''
    child.stderr?.on('data', (chunk) => {
      complaint += chunk
    })
    await once(child.stdout!, 'data')
    child.stdout?.destroy()
    expect(await once(child, 'close')).toEqual([0, null])
    expect(complaint).toBe('')
  })
})
