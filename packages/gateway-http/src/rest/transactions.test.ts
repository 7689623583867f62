import { Broker } from '@millrace/broker'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PROTOCOLS, type RestServer, restApp, serveRest } from '../../test/rest-harness.ts'

describe.each(PROTOCOLS)('transactions over %s', (protocol) => {
  let rest: RestServer
  let broker: Broker

  beforeEach(async () => {
    const clock = new ManualClock(1_000)
    broker = new Broker({ engine: createMemoryEngine({ clock }), clock })
    rest = await serveRest(await restApp({ broker, clock }), protocol)
  })
  afterEach(() => rest.close())

  test('are listed, and their records are read when they are committed', async () => {
    await broker.topics.create({ name: 't' })
    const identity = await broker.transactions.init('pipe')
    const ids = { transactionalId: 'pipe', ...identity }
    const target = await broker.produce.target('t', 0)
    const list = async () => (await rest.ask('GET', '/v1/transactions')).json
    const values = async (query = '') => {
      const { json } = await rest.ask('GET', `/v1/topics/t/partitions/0/records${query}`)
      return (json as { records: { value: string }[] }).records.map(({ value }) => value)
    }
    expect(await list()).toEqual({ transactions: [{ ...ids, state: 'empty', timeoutMs: 60_000, partitions: 0 }] })
    await target.append(batchOf(['a'], { transactional: true, producer: { ...identity, baseSequence: 0 } }), 'none')
    const open = { ...ids, state: 'open', timeoutMs: 60_000, startedAtMs: 1_000, partitions: 1 }
    expect(await list()).toEqual({ transactions: [open] })
    expect([await values(), await values('?isolation=uncommitted')]).toEqual([[], ['a']])
    await broker.transactions.end(ids, 'commit')
    expect(await values()).toEqual(['a'])
  })

  test('are not made over REST', async () => {
    const { status, json } = await rest.ask('POST', '/v1/transactions', { body: {} })
    expect([status, json]).toEqual([405, expect.objectContaining({ code: 'METHOD_NOT_ALLOWED' })])
  })
})
