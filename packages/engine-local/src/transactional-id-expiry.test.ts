import type { Engine, ProducerIdentity } from '@millrace/engine'
import { BatchBuilder, DEFAULT_LIMITS, type Limits } from '@millrace/record'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { afterEach, expect, test, vi } from 'vitest'
import { openLocalEngine } from './local-engine.ts'
import { TransactionalId } from './transactional-id.ts'

const IDS = 200
const EXPIRATION_MS = 100_000

class Bench {
  readonly clock = new ManualClock()
  readonly limits: Limits = { ...DEFAULT_LIMITS, transactionalIds: IDS, transactionalIdExpirationMs: EXPIRATION_MS }
  private readonly disk = new CrashDisk(seededRandom(1))
  engine!: Engine

  async open(): Promise<this> {
    const { clock, limits } = this
    this.engine = await openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', clock, limits })
    return this
  }

  init(id: string): Promise<ProducerIdentity> {
    return this.engine.transactions.init(id, { timeoutMs: 900_000 })
  }

  async fill(): Promise<void> {
    for (let number = 0; number < IDS; number++) {
      await this.init(`id-${number}`)
      this.clock.advance(1)
    }
  }

  async refuse(times: number): Promise<void> {
    for (let number = 0; number < times; number++) {
      await expect(this.init(`more-${number}`)).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    }
  }

  async names(): Promise<string[]> {
    return (await this.engine.transactions.list()).map(({ transactionalId }) => transactionalId)
  }
}

/** Counts the ids that are looked at. */
function watchLooks(): () => number {
  const spy = vi.spyOn(TransactionalId.prototype, 'lastUsedAtMs', 'get')
  return () => spy.mock.calls.length
}

afterEach(() => {
  vi.restoreAllMocks()
})

test('refusing an id for want of room looks at one id, however many there are', async () => {
  const bench = await new Bench().open()
  await bench.fill()
  const looks = watchLooks()
  await bench.refuse(300)
  expect(looks()).toBeLessThanOrEqual(300)
  await bench.engine.close()
})

test('those not used for the longest time make room, each looked at once', async () => {
  const bench = await new Bench().open()
  await bench.fill()
  await bench.init('id-0')
  // Of the 200 that were used 1 ms apart, the first 100 are over, but for the one that was used again.
  bench.clock.advance(EXPIRATION_MS - 100)
  const looks = watchLooks()
  await bench.init('new')
  expect(looks()).toBeLessThanOrEqual(IDS)
  const left = Array.from({ length: 99 }, (_, index) => `id-${index + 101}`)
  expect(await bench.names()).toEqual(['id-0', ...left, 'new'].sort())
  await bench.engine.close()
})

test('after a restart the order of use is as before', async () => {
  const bench = await new Bench().open()
  await bench.fill()
  await bench.init('id-0')
  await bench.engine.close()
  await bench.open()
  const looks = watchLooks()
  await bench.refuse(50)
  expect(looks()).toBeLessThanOrEqual(50)
  bench.clock.advance(EXPIRATION_MS - 1)
  expect(await bench.names()).toEqual(['id-0'])
  await bench.engine.close()
})

test('an id with an open transaction is kept, and not looked at again and again', async () => {
  const bench = await new Bench().open()
  const { id } = await bench.engine.topics.create({ name: 'orders', partitions: 1, settings: {} })
  for (let number = 0; number < IDS; number++) {
    const identity = await bench.init(`id-${number}`)
    const builder = new BatchBuilder().append({ key: null, value: Buffer.from('x'), timestamp: 1 })
    const { buffer } = builder.build({ producer: { ...identity, baseSequence: -1 }, transactional: true })
    await bench.engine.partition(id, 0).append(buffer, { acks: 'committed' })
  }
  bench.clock.advance(EXPIRATION_MS)
  const looks = watchLooks()
  await bench.refuse(50)
  expect(looks()).toBeLessThanOrEqual(IDS + 1 + 50)
  expect(await bench.names()).toHaveLength(IDS)
  await bench.engine.close()
})

test('ids that were used while the clock was ahead are in nobody’s way, and expire', async () => {
  const bench = await new Bench().open()
  const rightMs = bench.clock.nowMs()
  bench.clock.setWallClock(rightMs + 1_000 * EXPIRATION_MS)
  await bench.init('ahead')
  bench.clock.setWallClock(rightMs)
  for (let number = 1; number < IDS; number++) await bench.init(`id-${number}`)
  await bench.refuse(1)
  bench.clock.advance(EXPIRATION_MS)
  await bench.init('new')
  expect(await bench.names()).toEqual(['new'])
})
