import { openLocalEngine } from '@millrace/engine-local'
import { memoryDisk } from '@millrace/log'
import { type Server, startServer } from '@millrace/server'
import { ManualClock } from '@millrace/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Fault, FaultyDisk } from './faulty-disk.ts'
import { grpcCall } from './grpc.ts'
import { SPEAKERS } from './speakers.ts'

const speak = SPEAKERS['HTTP/2']!
/** Longer than the engine waits between two looks at a disk that failed. */
const PROBE_MS = 5_000

async function start(disk: FaultyDisk, clock: ManualClock): Promise<Server> {
  const server = await startServer({
    http: '127.0.0.1:0',
    openEngine: ({ logger, limits }) => openLocalEngine({ disk, dataDir: '/data', clock, logger, limits }),
  })
  onTestFinished(() => server.close())
  return server
}

const produce = (url: string, value: string) =>
  speak(url, { method: 'POST', path: '/v1/topics/orders/records', body: JSON.stringify({ records: [{ value }] }) })

/** All values of the partition; one answer need not hold all of them. */
async function stored(url: string): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0; ; ) {
    const { body } = await speak(url, { path: `/v1/topics/orders/partitions/0/records?offset=${offset}` })
    const { records, nextOffset, highWatermark } = body as {
      records: { value: string }[]
      nextOffset: number
      highWatermark: number
    }
    values.push(...records.map(({ value }) => value))
    if (nextOffset >= highWatermark) return values
    expect(nextOffset).toBeGreaterThan(offset)
    offset = nextOffset
  }
}

describe.each([
  ['full', 'DISK_FULL', 'DISK_FULL'],
  ['half-written', 'STORAGE_FAILED', 'STORAGE_FAILED'],
  // Before the second try the file must be replaced, which fails as well: nothing of that one was written.
  ['sync-fails', 'COMMIT_UNKNOWN', 'STORAGE_FAILED'],
] as [Fault, string, string][])('while the disk is %s', (fault, code, nextCode) => {
  it('produces fail with a clear error, nothing of them is served, /readyz says so, and all is well afterwards', async () => {
    const clock = new ManualClock()
    const disk = new FaultyDisk(memoryDisk())
    const server = await start(disk, clock)
    const { url } = server
    await speak(url, { method: 'POST', path: '/v1/topics', body: '{"name":"orders"}' })
    expect(await produce(url, 'before')).toMatchObject({ status: 200 })

    disk.fault = fault
    const refused = await produce(url, 'refused '.repeat(50))
    expect(refused).toMatchObject({ status: 507, type: 'application/problem+json', body: { code } })
    const records = [{ value: Buffer.from('refused') }]
    const overGrpc = await grpcCall(url, 'Records', 'produce', { topic: 'orders', records })
    expect(overGrpc.results[0]).toMatchObject({ error: { code: nextCode } })
    expect(await speak(url, { path: '/readyz' })).toMatchObject({ status: 503, body: { code: 'NOT_READY' } })
    expect(await speak(url, { path: '/healthz' })).toMatchObject({ status: 200 })
    expect(await stored(url)).toEqual(['before'])

    disk.fault = undefined
    clock.advance(PROBE_MS)
    await expect.poll(async () => (await speak(url, { path: '/readyz' })).status).toBe(200)
    expect(await produce(url, 'after')).toMatchObject({ status: 200, body: { results: [{ offset: 1 }] } })
    expect(await stored(url)).toEqual(['before', 'after'])

    await server.close()
    const next = await start(disk, clock)
    expect(await stored(next.url)).toEqual(['before', 'after'])
  })

  it('a topic is not half made', async () => {
    const clock = new ManualClock()
    const disk = new FaultyDisk(memoryDisk())
    const server = await start(disk, clock)
    disk.fault = fault
    const create = () => speak(server.url, { method: 'POST', path: '/v1/topics', body: '{"name":"orders"}' })
    expect((await create()).status).toBe(507)
    expect((await speak(server.url, { path: '/v1/topics/orders' })).status).toBe(404)

    disk.fault = undefined
    clock.advance(PROBE_MS)
    expect((await create()).status).toBe(201)
    expect(await produce(server.url, 'after')).toMatchObject({ status: 200, body: { results: [{ offset: 0 }] } })
  })
})
