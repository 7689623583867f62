import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine, EnginePartition } from '@millrace/engine'
import { createMemoryEngine } from '@millrace/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { type ServerOptions, startServer } from './server.ts'

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-server-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

async function start(options: ServerOptions = {}) {
  const server = await startServer({ data: 'memory', http: '127.0.0.1:0', ...options })
  onTestFinished(() => server.close())
  return server
}

/** A memory engine that tells when a read of it ends and when it is closed. */
function observedEngine() {
  const events: string[] = []
  const openEngine: NonNullable<ServerOptions['openEngine']> = async (options) => {
    const engine = createMemoryEngine(options)
    const observed: Engine = {
      topics: engine.topics,
      producers: engine.producers,
      transactions: engine.transactions,
      partition: (...place) => {
        const partition = engine.partition(...place)
        const read: EnginePartition['read'] = async (...how) => {
          const result = await partition.read(...how)
          events.push('read ended')
          return result
        }
        return {
          read,
          append: (...what) => partition.append(...what),
          status: () => partition.status(),
          offsetForTimestamp: (time) => partition.offsetForTimestamp(time),
          truncateBefore: (offset) => partition.truncateBefore(offset),
        }
      },
      problems: () => engine.problems(),
      stats: () => engine.stats(),
      close: async () => {
        events.push('engine closed')
        await engine.close()
      },
    }
    return observed
  }
  return { events, openEngine }
}

const call = (url: string, path: string, body?: unknown) =>
  fetch(url + path, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', connection: 'close' },
  })

it('keeps what it acknowledged from one start to the next', async () => {
  const data = await temporaryDirectory()
  const first = await start({ data })
  await call(first.url, '/v1/topics', { name: 'orders' })
  await call(first.url, '/v1/topics/orders/records', { records: [{ value: 'one' }] })
  await first.close()

  const second = await start({ data })
  const answer = await call(second.url, '/v1/topics/orders/partitions/0/records?offset=0')
  expect(await answer.json()).toMatchObject({ records: [{ offset: 0, value: 'one' }] })
})

it('forgets everything with data: memory, and leaves no file', async () => {
  const before = await readdir('.')
  const first = await start()
  await call(first.url, '/v1/topics', { name: 'orders' })
  await first.close()
  const second = await start()
  expect(await (await call(second.url, '/v1/topics')).json()).toEqual({ topics: [] })
  expect(await readdir('.')).toEqual(before)
})

it('answers a waiting request before it lets go of the engine', async () => {
  const { events, openEngine } = observedEngine()
  const server = await start({ openEngine })
  await call(server.url, '/v1/topics', { name: 'orders' })
  const waiting = call(server.url, '/v1/topics/orders/partitions/0/records?offset=0&waitMs=60000')
  // An answer on a later connection says that the server has read the one before.
  await call(server.url, '/healthz')
  await server.close()
  expect((await waiting).status).toBe(200)
  expect(events).toEqual(['read ended', 'engine closed'])
})

it('closes once, however often it is asked', async () => {
  const { events, openEngine } = observedEngine()
  const server = await start({ openEngine })
  expect(server.close()).toBe(server.close())
  await server.close()
  await server[Symbol.asyncDispose]()
  expect(events).toEqual(['engine closed'])
})

it('lets go of the engine when the address is taken', async () => {
  const { http } = await start()
  const { events, openEngine } = observedEngine()
  await expect(start({ http, openEngine })).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' })
  expect(events).toEqual(['engine closed'])
})

it('lets go of the engine and the port when the ready file cannot be written', async () => {
  const { events, openEngine } = observedEngine()
  const { http, close } = await start()
  await close()
  const readyFile = join(await temporaryDirectory(), 'none', 'ready.json')
  await expect(start({ http, openEngine, readyFile })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  expect(events).toEqual(['engine closed'])
  await start({ http })
})

it('writes the ready file once it serves and removes it before it stops', async () => {
  const readyFile = join(await temporaryDirectory(), 'ready.json')
  const server = await start({ readyFile })
  expect(JSON.parse(await readFile(readyFile, 'utf8'))).toMatchObject({ url: server.url, http: server.http })
  await server.close()
  await expect(readFile(readyFile)).rejects.toMatchObject({ code: 'ENOENT' })
})

it('refuses a second server on one data directory', async () => {
  const data = await temporaryDirectory()
  await start({ data })
  await expect(start({ data })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
})

it.each([
  [{ http: '0.0.0.0:0' }, /http=0\.0\.0\.0:0: .*--allow-insecure/],
  [{ limits: { topics: 0 } }, /^limits\.topics=0: allowed is a whole number from 1/],
  [{ limits: { topic: 1 } }, /^limits\.topic=1 in the options of startServer is not a setting/],
  [{ port: 7070 }, /^port=7070 in the options of startServer is not a setting/],
] as [ServerOptions, RegExp][])('refuses the options %j', async (options, message) => {
  await expect(startServer(options)).rejects.toThrow(message)
})

it('names an address on which other machines reach it as this machine does', async () => {
  const server = await start({ http: '0.0.0.0:0', allowInsecure: true })
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(server.http).toMatch(/^0\.0\.0\.0:\d+$/)
})
