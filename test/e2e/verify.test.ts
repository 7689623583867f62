import { execFile } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Millrace } from '@millrace/client'
import { startServer } from '@millrace/server'
import { beforeEach, describe, expect, it } from 'vitest'
import { millrace, temporaryDirectory } from './harness.ts'

let data = ''

/** A data directory with a topic of several segments, whose server has ended in order. */
beforeEach(async () => {
  data = join(await temporaryDirectory(), 'data')
  const server = await startServer({ data, http: '127.0.0.1:0' })
  const client = new Millrace({ url: server.url })
  await client.admin.createTopic({
    name: 't',
    partitions: 1,
    config: { 'segment.bytes': '2048', 'index.interval.bytes': '256' },
  })
  const producer = client.producer()
  for (let record = 0; record < 20; record++) await producer.send({ topic: 't', value: `${record} ${'v'.repeat(300)}` })
  await client.close()
  await server.close()
})

const verify = (...args: string[]) => millrace(['verify', data, ...args])
const lines = (text: string) => text.split('\n').slice(0, -1)

/** Flips a bit of a file of the topic's first segment. */
async function damage(suffix: string, position: number): Promise<void> {
  const path = join(data, 't-0', `${'0'.repeat(20)}.${suffix}`)
  const content = await readFile(path)
  content.writeUInt8(content.readUInt8(position) ^ 1, position)
  await writeFile(path, content)
}

describe('millrace verify', () => {
  it('says so when all is well, and touches nothing', async () => {
    const before = await snapshotOf(data)
    const { code, stdout, stderr } = await verify()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^all is well: checked 1 topic, 3 partitions, batches: \d+, bytes: \d+\n$/)
    expect(await snapshotOf(data)).toEqual(before)
  })

  it('tells each finding in a line with its kind, file and byte, and exits with 1', async () => {
    await damage('log', 70)
    const { code, stdout, stderr } = await verify()
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(lines(stdout)).toEqual([
      expect.stringMatching(/^error corrupt-batch t-0\/0{20}\.log at byte 0: its CRC is wrong/),
      expect.stringMatching(/^error checksum-mismatch t-0\/0{20}\.crc: /),
      expect.stringMatching(/^2 errors: checked 1 topic, 3 partitions, /),
    ])
  })

  it('prints JSON for programs', async () => {
    await damage('index', 3)
    const { code, stdout } = await verify('--json')
    expect(code).toBe(1)
    expect(lines(stdout).map((line) => JSON.parse(line))).toEqual([
      { finding: expect.objectContaining({ kind: 'index-mismatch', severity: 'error', position: 0 }) },
      { summary: expect.objectContaining({ topics: 1, partitions: 3, errors: 1, notes: 0 }) },
    ])
  })

  it('refuses a directory that a server uses', async () => {
    const server = await startServer({ data, http: '127.0.0.1:0' })
    const { code, stdout, stderr } = await verify()
    await server.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^millrace: DATA_DIR_LOCKED: .+\n$/)
  })

  it('fails for a directory that is not there, and makes none', async () => {
    data = `${data}-none`
    const { code, stderr } = await verify()
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^millrace: DATA_DIR_INVALID: .+\n$/) })
    await expect(stat(data)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it.each([[['verify']], [['verify', '.', '--no-such-flag']]])('%j is wrong usage', async (args) => {
    expect(await millrace(args)).toMatchObject({ code: 2, stdout: '' })
  })

  it.runIf(process.platform === 'linux')('reads a directory that nobody may write to', async () => {
    await promisify(execFile)('chmod', ['-R', 'a-w', data])
    const { code, stdout } = await verify()
    await promisify(execFile)('chmod', ['-R', 'u+w', data])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^all is well/) })
  })
})

/** Every file below `directory`, with its content and when it was last written. */
async function snapshotOf(directory: string): Promise<Record<string, unknown>> {
  const files: Record<string, unknown> = {}
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name)
    const { mtimeMs, size } = await stat(path)
    files[name] = { mtimeMs, size }
  }
  return files
}
