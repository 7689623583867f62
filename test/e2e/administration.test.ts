import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Millrace, type ReadRecord } from '@millrace/client'
import { type Clock, foregroundClock } from '@millrace/record'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { millrace, type Outcome, type RunOptions, serve, startProcess, temporaryDirectory } from './harness.ts'

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
  await done(['topic', 'create', topic, '--partitions', '2'])
})

const run = (args: string[], options: RunOptions = {}): Promise<Outcome> =>
  millrace(args, { ...options, env: { MILLRACE_URL: server.url, ...options.env } })

/** Runs a command that has to succeed and gives what it printed. */
async function done(args: string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(args, options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

function client(): Millrace {
  const mr = new Millrace({ url: server.url })
  onTestFinished(() => mr.close())
  return mr
}

describe('millrace topic alter', () => {
  it('changes settings and adds partitions, as describe says', async () => {
    const altered = await done([
      'topic',
      'alter',
      topic,
      '-p',
      '3',
      '-c',
      'retention.ms=60000',
      '-c',
      'flush.policy=os',
    ])
    expect(altered).toBe(await done(['topic', 'describe', topic]))
    expect(altered).toMatch(/^retention\.ms +60000$/m)
    const json = JSON.parse(await done(['topic', 'alter', topic, '--unset', 'flush.policy', '--json']))
    expect(json).toEqual(JSON.parse(await done(['topic', 'describe', topic, '--json'])))
    expect(json).toMatchObject({
      partitions: { length: 3 },
      config: { 'retention.ms': '60000', 'flush.policy': 'commit' },
    })
  })

  it.each([
    [['-p', '1'], 1, 'INVALID_PARTITIONS: '],
    [['-c', 'no.such=1'], 1, 'INVALID_CONFIG: '],
    [['--unset', 'no.such'], 1, 'INVALID_CONFIG: '],
    [['-p', '0'], 2, '--partitions 0: '],
    [['-p', 'x'], 2, '--partitions x: '],
    [['-c', 'x'], 2, '--config x: '],
    [['-c', 'flush.ms=1', '--unset', 'flush.ms'], 2, '--unset flush.ms: '],
    [[], 2, 'nothing to change: '],
  ])('refuses %j', async (args, code, message) => {
    const outcome = await run(['topic', 'alter', topic, ...args])
    expect(outcome).toMatchObject({ code, stdout: '' })
    expect(outcome.stderr).toMatch(new RegExp(`^millrace: ${message}.*\n$`))
  })
})

describe('added partitions', () => {
  it('are learned of by producers and groups that were there before', async () => {
    const mr = client()
    const producer = mr.producer()
    await producer.send({ topic, partition: 1, value: 'before' })
    const consumer = mr.consumer({ group: `g-${topic}`, topics: [topic] })
    const consumed: string[] = []
    const consuming = (async () => {
      for await (const record of consumer) {
        consumed.push(`${record.partition} ${record.text()}`)
        if (consumed.length === 3) return
      }
    })()
    // By another client: what this one knows is old.
    await done(['topic', 'alter', topic, '--partitions', '4'])
    await producer.send({ topic, partition: 3, value: 'after' })
    await expect(producer.send({ topic, partition: 4, value: 'x' })).rejects.toMatchObject({
      code: 'PARTITION_NOT_FOUND',
    })
    await mr.admin.alterTopic(topic, { partitions: 5 })
    await producer.send({ topic, partition: 4, value: 'own' })
    await consuming
    expect(consumed.sort()).toEqual(['1 before', '3 after', '4 own'])
  })

  it('join in where all partitions are followed', async () => {
    // Looks for added partitions come at once.
    const setTimer: Clock['setTimer'] = (delayMs, callback) =>
      foregroundClock.setTimer(delayMs === 10_000 ? 10 : delayMs, callback)
    const options = { url: server.url, keepaliveMs: 60_000 }
    const mr = new Millrace(options, { clock: { ...foregroundClock, setTimer } })
    onTestFinished(() => mr.close())
    await mr.admin.alterTopic(topic, { partitions: 2 })
    const reader = mr.read({ topic, from: 'latest' })
    const first = reader.next()
    const before = await untilRead(first, () => mr.producer().send({ topic, partition: 0, value: 'before' }))
    expect(before).toMatchObject({ partition: 0 })
    await mr.admin.alterTopic(topic, { partitions: 3 })
    await mr.producer().send({ topic, partition: 2, value: 'after' })
    const read: string[] = []
    for await (const record of reader) {
      read.push(`${record.partition} ${record.text()}`)
      if (record.partition === 2) break
    }
    expect(read.at(-1)).toBe('2 after')
  })
})

/** Writes until `next` has read something: a reader of the latest may begin after the first. */
async function untilRead(next: Promise<IteratorResult<ReadRecord, undefined>>, write: () => Promise<unknown>) {
  let isRead = false
  next.finally(() => {
    isRead = true
  })
  while (!isRead) await write()
  return (await next).value
}

describe('millrace topic offsets and delete-records', () => {
  it('find both ends, one end and a time, and move the beginning', async () => {
    const mr = client()
    for (const timestamp of [1_000, 2_000, 3_000])
      await mr.producer().send({ topic, partition: 1, value: 'x', timestamp })
    const offsets = async (...args: string[]) => JSON.parse(await done(['topic', 'offsets', topic, '--json', ...args]))
    expect(await offsets()).toEqual([
      { partition: 0, earliest: 0, latest: 0 },
      { partition: 1, earliest: 0, latest: 3 },
    ])
    expect(await offsets('-p', '1', '--at', '1500ms')).toEqual([
      { partition: 1, offset: 1, timestamp: 2_000, found: true },
    ])
    expect(await offsets('-p', '1', '--at', '4000ms')).toEqual([{ partition: 1, offset: 3, found: false }])
    expect(await done(['topic', 'offsets', topic, '--at', 'latest'])).toMatch(
      /^PARTITION +OFFSET +TIMESTAMP\n +0 +0 +-\n +1 +3 +-\n$/,
    )
    expect(await done(['topic', 'delete-records', topic, '-p', '1', '--before', '2'])).toBe(
      `partition 1 of ${topic} begins at offset 2\n`,
    )
    const again = await done(['topic', 'delete-records', topic, '-p', '1', '--before', '0', '--json'])
    expect(JSON.parse(again)).toEqual({ topic, partition: 1, logStartOffset: 2 })
    expect(await offsets('-p', '1', '--at', 'earliest')).toMatchObject([{ offset: 2 }])
    expect(await mr.admin.deleteRecords({ topic, partition: 1, before: 3 })).toEqual({ logStartOffset: 3 })
  })

  it.each([
    [['offsets', '--at', 'soon'], 2, '--at soon: '],
    [['offsets', '-p', '9'], 1, 'PARTITION_NOT_FOUND: '],
    [['delete-records', '-p', '0', '--before', '5'], 1, 'OFFSET_OUT_OF_RANGE: '],
    [['delete-records', '-p', '9', '--before', '0'], 1, 'PARTITION_NOT_FOUND: '],
    [['delete-records', '-p', '0', '--before', '-1'], 2, ''],
    [['delete-records', '-p', '0'], 2, '.*--before'],
    [['delete-records', '--before', '0'], 2, '.*--partition'],
  ])('refuse %j', async ([command, ...args], code, message) => {
    const outcome = await run(['topic', command!, topic, ...args])
    expect(outcome).toMatchObject({ code, stdout: '' })
    expect(outcome.stderr).toMatch(new RegExp(`^millrace: ${message}.*\n$`))
  })
})

describe('millrace consume', () => {
  it('prints by a template, byte for byte', async () => {
    await client()
      .producer()
      .send({ topic, partition: 1, key: 'k', value: Buffer.from([0xff, 0, 10]), headers: { h: 'x' } })
    const { stdout } = await run(['consume', topic, '--format', '%t/%p@%o\\t%k:%S %h|'])
    expect(stdout).toBe(`${topic}/1@0\tk:3 h=x|`)
  })

  it.each(['%q', 'x', '100%', '\\q'])('refuses the format %j with what there is', async (format) => {
    const { code, stderr } = await run(['consume', topic, '--format', format])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^millrace: --format.*(there are|allowed are) .*\n$/)
  })

  it('is a member of a group that commits what was printed, and no more', async () => {
    await done(['produce', topic, '-p', '0', 'a', 'b', 'c', 'd', 'e'])
    const consume = (limit: number) => done(['consume', topic, '--group', `g-${topic}`, '--limit', `${limit}`])
    expect(await consume(2)).toBe('a\nb\n')
    expect(await consume(3)).toBe('c\nd\ne\n')
    const group = JSON.parse(await done(['group', 'describe', `g-${topic}`, '--json']))
    expect(group.partitions).toContainEqual(expect.objectContaining({ partition: 0, committedOffset: 5, lag: 0 }))
  })

  it.each([
    [['--from', '5'], '--from 5: '],
    [['--partition', '0'], ''],
  ])('refuses --group with %j', async (args, message) => {
    const { code, stderr } = await run(['consume', topic, '--group', 'g', ...args])
    expect(code).toBe(2)
    expect(stderr).toMatch(new RegExp(`^millrace: ${message}.*--group.*\n$`))
  })

  it('does not wait for a topic that there is not', async () => {
    const { code, stderr } = await run(['consume', 'none', '--group', 'g'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^millrace: TOPIC_NOT_FOUND: /) })
  })
})

describe('millrace completion', () => {
  const words = async (...line: string[]) =>
    (await done(['complete', '--', ...line])).split('\n').map((text) => text.split('\t')[0])

  it.each(['bash', 'zsh', 'fish', 'powershell'])('prints a script for %s', async (shell) => {
    expect(await done(['completion', shell])).toContain('millrace complete')
  })

  it('completes commands, options, choices, and names of topics', async () => {
    expect(await words('topic', 'de')).toEqual(['describe', 'delete-records', 'delete', ':4', ''])
    expect(await words('topic', 'alter', 'x', '--par')).toEqual(['--partitions', ':4', ''])
    expect(await words('topic', 'describe', topic)).toContain(topic)
    expect(await words('consume', '')).toContain(topic)
  })

  it('has no names without a server, and does not fail', async () => {
    const { code, stdout, stderr } = await run(['complete', '--', 'consume', ''], {
      env: { MILLRACE_URL: 'http://127.0.0.1:1' },
    })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: ':4\n', stderr: '' })
  })

  it('knows no other shell', async () => {
    expect((await run(['completion', 'tcsh'])).code).toBe(2)
  })
})

describe('millrace dump', () => {
  it("shows a live server's files, and damage with exit code 1", async () => {
    const data = join(await temporaryDirectory(), 'data')
    const live = await serve('--data', data, '--log-level', 'error')
    const env = { MILLRACE_URL: live.url }
    await run(['topic', 'create', 'orders'], { env })
    await run(['produce', 'orders', 'one', 'two', '-k', 'k', '-H', 'h=1'], { env })
    const [name] = (await readdir(join(data, 'orders-0'))).filter((file) => file.endsWith('.log'))
    const file = join(data, 'orders-0', name!)
    expect(await done(['dump', file, '--records'])).toMatch(
      /^at 0 .* offsets 0 to 1 +records 2 .* crc [0-9a-f]{8} ok\n +0 .* key "k" +value "one" +headers "h"="1"\n +1 .*\n$/,
    )
    const lines = (await done(['dump', file, '--records', '--json']))
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { kind: 'batch', baseOffset: 0, isCrcValid: true },
      { kind: 'record', offset: 0, key: 'k', value: 'one', headers: [{ key: 'h', value: '1' }] },
      { kind: 'record', offset: 1, value: 'two' },
    ])
    await live.end('SIGTERM')
    const content = await readFile(file)
    content.writeUInt8(content.readUInt8(70) ^ 1, 70)
    await writeFile(file, content)
    const { code, stdout, stderr } = await run(['dump', file])
    expect({ code, stderr }).toEqual({ code: 1, stderr: `millrace: ${file}: 1 place damaged\n` })
    expect(stdout).toMatch(/^at 0 .* crc [0-9a-f]{8} WRONG\nDAMAGE at 0: the CRC is wrong; nothing whole follows\n$/)
  })

  it.each(['none.log', '00000000000000000000.log', 'package.json'])('refuses %s', async (file) => {
    const { code, stderr } = await run(['dump', file])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^millrace: INVALID_REQUEST: .+\n$/) })
  })
})
