import { Broker } from '@millrace/broker'
import { Millrace, type TransactionalProducer } from '@millrace/client'
import { createHttpGateway, type HttpGateway } from '@millrace/gateway-http'
import { DEFAULT_LIMITS, silentLogger, systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { millrace } from './harness.ts'

/** The client, the command and REST with the real broker and gateway, over the memory engine. */
const clock = systemClock
const limits = DEFAULT_LIMITS
const engine = createMemoryEngine({ clock })
let gateway: HttpGateway
let port = 0
let mr: Millrace
let pipe: TransactionalProducer

async function open(): Promise<void> {
  const broker = new Broker({ engine, clock, limits })
  gateway = createHttpGateway({ broker, clock, logger: silentLogger, limits, checkHost: true })
  port = (await gateway.listen('127.0.0.1', port)).port
}

beforeEach(async () => {
  await open()
  mr = new Millrace({ url: `http://127.0.0.1:${port}`, retryMs: 1 })
  pipe = mr.producer({ transactionalId: 'pipe' })
  await mr.admin.createTopic({ name: 't', partitions: 2 })
})
afterEach(async () => {
  await mr.admin.deleteTopic('t')
  await mr.close({ signal: AbortSignal.abort() })
  await gateway.close(0)
})

async function values(isolation: 'committed' | 'uncommitted' = 'committed'): Promise<string[]> {
  const found: string[] = []
  for await (const { value } of mr.read({ topic: 't', to: 'end', isolation })) found.push(`${value}`)
  return found.sort()
}

async function restValues(): Promise<string[]> {
  const found: string[] = []
  for (const partition of [0, 1]) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/topics/t/partitions/${partition}/records`)
    const { records } = (await answer.json()) as { records: { value: string }[] }
    found.push(...records.map(({ value }) => value))
  }
  return found.sort()
}

const both = (value: string) => [0, 1].map((partition) => ({ topic: 't', partition, value: `${value}${partition}` }))

test('every reader sees committed transactions whole, and nothing of others', async () => {
  await pipe.transaction((tx) => tx.sendBatch(both('a')))
  const failed = pipe.transaction(async (tx) => {
    await tx.sendBatch(both('b'))
    throw new Error('of its own accord')
  })
  await expect(failed).rejects.toThrow('of its own accord')
  await pipe.transaction(async (tx) => {
    await tx.sendBatch(both('c'))
    expect([await values(), await restValues()]).toEqual([
      ['a0', 'a1'],
      ['a0', 'a1'],
    ])
  })
  const seen = ['a0', 'a1', 'c0', 'c1']
  expect([await values(), await restValues()]).toEqual([seen, seen])
  expect(await values('uncommitted')).toEqual(['a0', 'a1', 'b0', 'b1', 'c0', 'c1'])
})

test('one who follows sees a transaction once it is committed', async () => {
  const reader = mr.read({ topic: 't', partition: 0 })
  const first = reader.next()
  const failed = pipe.transaction(async (tx) => {
    await tx.sendBatch(both('a'))
    throw new Error('of its own accord')
  })
  await expect(failed).rejects.toThrow()
  await pipe.transaction((tx) => tx.sendBatch(both('b')))
  expect((await first).value?.text()).toBe('b0')
  await reader.close()
})

test('a transaction goes on through a restart of the gateway', async () => {
  await pipe.transaction(async (tx) => {
    await tx.sendBatch(both('a'))
    await gateway.close(0)
    await open()
    await tx.sendBatch(both('b'))
  })
  expect(await values()).toEqual(['a0', 'a1', 'b0', 'b1'])
})

test('the command lists what is open', async () => {
  const list = async (...flags: string[]): Promise<string> => {
    const args = ['transactions', '--url', `http://127.0.0.1:${port}`, ...flags]
    const { code, stdout, stderr } = await millrace(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  await pipe.transaction(async (tx) => {
    await tx.sendBatch(both('a'))
    expect(JSON.parse(await list('--json'))).toMatchObject([{ transactionalId: 'pipe', state: 'open', partitions: 2 }])
    expect(await list()).toMatch(/^ID +STATE +SINCE .*\npipe +open +\d{4}-\S+Z +60000 +2 /)
  })
  expect(await list()).toMatch(/\npipe +empty +60000 +0 /)
})
