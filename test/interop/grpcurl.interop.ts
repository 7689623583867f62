import { describe, expect, test } from 'vitest'
import { type Outcome, run, serve, temporaryDirectory } from '../e2e/harness.ts'

const GRPCURL = process.env.MILLRACE_GRPCURL

describe.skipIf(GRPCURL === undefined)('grpcurl, without files', () => {
  /** What it prints, when it worked. */
  async function ask(url: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await grpcurl(url, ...args)
    expect(code, stderr).toBe(0)
    return stdout
  }

  /** Options stand before the address, names after it. */
  function grpcurl(url: string, ...args: string[]): Promise<Outcome> {
    const names = args.findIndex((arg, at) => !arg.startsWith('-') && !args[at - 1]?.startsWith('-'))
    const cut = names === -1 ? args.length : names
    return run(GRPCURL ?? '', ['-plaintext', ...args.slice(0, cut), new URL(url).host, ...args.slice(cut)])
  }

  async function start(): Promise<string> {
    const server = await serve('--data', await temporaryDirectory(), '--log-level', 'silent')
    return server.url
  }

  test('lists and describes every service, call and message', async () => {
    const url = await start()
    const services = (await ask(url, 'list')).trim().split('\n')
    expect(services).toEqual(
      expect.arrayContaining(['millrace.v1.Topics', 'millrace.v1.Records', 'grpc.health.v1.Health']),
    )
    let messages = 0
    for (const service of services) {
      const calls = (await ask(url, 'list', service)).trim().split('\n')
      const described = await ask(url, 'describe', service)
      for (const call of calls) expect(described).toContain(`rpc ${call.split('.').at(-1)} (`)
      for (const name of new Set([...described.matchAll(/\.([\w.]+) \)/g)].map(([, found = '']) => found))) {
        expect(await ask(url, 'describe', name)).toContain(`${name} is a message:`)
        messages++
      }
    }
    expect(messages).toBeGreaterThan(40)
  }, 240_000)

  test('shows the comments, the types and which fields are optional', async () => {
    const url = await start()
    expect(await ask(url, 'describe', 'millrace.v1.Topics.CreateTopic')).toContain('// Makes a topic.')
    expect(await ask(url, 'describe', 'millrace.v1.CreateTopicRequest')).toContain('map<string, string> config = 3;')
    expect(await ask(url, 'describe', 'millrace.v1.Record')).toContain('// Absent: no key.\n  optional bytes key = 1;')
    expect(await ask(url, 'describe', 'millrace.v1.ACKS_NONE')).toContain('ACKS_NONE = 1')
  })

  test('makes a topic, writes to it and reads it', async () => {
    const url = await start()
    const call = async (name: string, request: object) =>
      JSON.parse(await ask(url, '-emit-defaults', '-d', JSON.stringify(request), `millrace.v1.${name}`))
    const { topic } = await call('Topics/CreateTopic', { name: 'orders', config: { 'retention.ms': '60000' } })
    expect(topic).toMatchObject({ name: 'orders', partitions: 1 })
    const value = Buffer.from('hello').toString('base64')
    const { results } = await call('Records/Produce', { topic: 'orders', records: [{ value }, { value }] })
    expect(results).toMatchObject([{ offset: '0' }, { offset: '1' }])
    const fetched = await call('Records/Fetch', { topic: 'orders', partition: 0 })
    expect(fetched).toMatchObject({ nextOffset: '2', highWatermark: '2' })
    expect(Buffer.from(fetched.batches, 'base64').toString('latin1')).toContain('hello')
  })

  test('sees the code of a failure, and the health', async () => {
    const url = await start()
    const failed = await grpcurl(url, '-v', '-d', '{"name":"none"}', 'millrace.v1.Topics/DescribeTopic')
    expect(failed.code).not.toBe(0)
    expect(failed.stdout + failed.stderr).toMatch(/NotFound/)
    expect(failed.stdout + failed.stderr).toContain('TOPIC_NOT_FOUND')
    expect(JSON.parse(await ask(url, 'grpc.health.v1.Health/Check'))).toEqual({ status: 'SERVING' })
    const watched = await grpcurl(url, '-max-time', '1', 'grpc.health.v1.Health/Watch')
    expect(watched.stdout).toContain('SERVING')
    expect(watched.stderr).toContain('DeadlineExceeded')
  })
})
