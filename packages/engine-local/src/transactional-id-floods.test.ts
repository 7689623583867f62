/*
 * What many new transactional ids at once cost everybody else.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { BatchBuilder } from '@millrace/record'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const TABLE = '/data/__millrace_transactions-0/'

async function setUp() {
  const disk = new CrashDisk(seededRandom(1))
  const clock = new ManualClock()
  const engine = await openLocalEngine({ disk: disk.mount(), dataDir: '/data', clock })
  /** Of the table: how many there were, and how long each takes, in which the event loop is busy. */
  const syncs = { count: 0, tookMs: 0 }
  disk.observer = (operation, path) => {
    if (operation !== 'datasync' || !path.startsWith(TABLE)) return
    syncs.count++
    clock.advance(syncs.tookMs)
  }
  const init = (name: string) => engine.transactions.init(name, { timeoutMs: 60_000 })
  const flood = (ids: number) => Promise.all(Array.from({ length: ids }, (_, index) => init(`id-${index}`)))
  return { clock, engine, init, flood, syncs }
}

test('ids that many ask for at once share syncs, and each is on disk when it is told', async () => {
  const { flood, syncs, engine } = await setUp()
  const given = await flood(640)
  expect(new Set(given.map(({ producerId }) => producerId)).size).toBe(640)
  expect(syncs.count).toBeLessThanOrEqual(11)
  expect(await engine.transactions.list()).toHaveLength(640)
})

test('while new ids wait for their turn, transactions go on', async () => {
  const { clock, engine, init, flood, syncs } = await setUp()
  const { id } = await engine.topics.create({ name: 'topic', partitions: 1, settings: {} })
  let identity = await init('busy')
  syncs.tookMs = 2
  let told = 0
  const flooding = flood(640).then((given) => {
    told = given.length
  })
  for (let count = 0; count < 20; count++) await turn()
  const startMs = clock.monotonicMs()
  for (let number = 0; number < 5; number++) {
    const record = { key: null, value: Buffer.from('a'), timestamp: 1 }
    const { buffer } = new BatchBuilder()
      .append(record)
      .build({ producer: { ...identity, baseSequence: 0 }, transactional: true })
    await engine.partition(id, 0).append(buffer, { acks: 'committed' })
    identity = await engine.transactions.end({ transactionalId: 'busy', ...identity }, 'commit')
  }
  // One sync of the table each, and no pause.
  expect(clock.monotonicMs() - startMs).toBe(10)
  expect(told).toBe(0)
  await engine.close()
  await flooding
  expect(told).toBe(640)
})
