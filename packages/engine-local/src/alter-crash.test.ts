/*
 * Alterations of topics, with the power cut, the process killed or the disk failing at any moment: what a start finds is
 * the topic as it was or as it was to be.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Engine, TopicDescription } from '@millrace/engine'
import type { Finding } from '@millrace/log'
import { MillraceError, readBatches } from '@millrace/record'
import { batchOf, CrashDisk, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'
import { verifyDataDirectory } from './verify-data-directory.ts'

const FIRST_SEED = Number(process.env.MILLRACE_ALTER_SEED ?? 0)
/** How many times as many seeds as by default. */
const TIMES = Number(process.env.MILLRACE_ALTER_TIMES ?? 1)
const DATA = '/data'
const MOST_PARTITIONS = 9
/** More than are flushed at once. */
const MANY_PARTITIONS = 40

function seeds(count: number): number[] {
  return Array.from({ length: count * TIMES }, (_, index) => FIRST_SEED + index)
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

class Bench {
  readonly disk: CrashDisk
  readonly random: SeededRandom
  /** What was acknowledged, by partition. */
  readonly acknowledged: string[][] = Array.from({ length: MANY_PARTITIONS }, () => [])

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(this.random)
  }

  open(): Promise<Engine> {
    return openLocalEngine({ disk: this.disk.mount({ deadCalls: 'hang' }), dataDir: DATA, clock: new ManualClock() })
  }

  async appendToAll(engine: Engine, { id, partitions }: TopicDescription, label: string): Promise<void> {
    const appends = Array.from({ length: partitions }, async (_, partition) => {
      const value = `${label} ${partition}`
      await engine.partition(id, partition).append(batchOf([value]), { acks: 'committed' })
      this.acknowledged[partition]?.push(value)
    })
    await Promise.all(appends)
  }

  /** Checks that there is what was acknowledged, and nothing else. */
  async check(engine: Engine, { id, name, partitions }: TopicDescription): Promise<void> {
    for (let partition = 0; partition < partitions; partition++) {
      const values: string[] = []
      const log = engine.partition(id, partition)
      const { highWatermark } = await log.status()
      for (let offset = 0; offset < highWatermark; ) {
        const { batches, nextOffset } = await log.read(offset, { maxBytes: 1 << 20 })
        for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
          for (const { value } of batch.records(1 << 20)) values.push(`${value}`)
        }
        offset = nextOffset
      }
      expect(values).toEqual(this.acknowledged[partition])
    }
    const directories = (await this.disk.list(DATA)).filter((entry) => entry.startsWith(`${name}-`))
    expect(directories).toEqual(Array.from({ length: partitions }, (_, partition) => `${name}-${partition}`).sort())
  }
}

function drawChange(random: SeededRandom, { partitions }: TopicDescription) {
  return {
    partitions: random.int(partitions, MOST_PARTITIONS),
    set: {
      'segment.bytes': `${random.int(1_024, 9_000)}`,
      'retention.ms': `${random.int(1_000, 9_000)}`,
      'flush.policy': 'commit',
    },
  }
}

function after(topic: TopicDescription, { partitions, set }: ReturnType<typeof drawChange>): TopicDescription {
  return { ...topic, partitions, settings: { ...topic.settings, ...set } }
}

describe('an alteration', () => {
  const outcomes = { before: 0, after: 0, answered: 0 }

  test.each(seeds(60))('that a crash cuts short has happened, or has not (seed %i)', async (seed) => {
    const bench = new Bench(seed)
    const { random, disk } = bench
    let engine = await bench.open()
    let topic = await engine.topics.create({ name: 'orders', partitions: 2, settings: {} })
    for (let life = 0; life < 4; life++) {
      await bench.appendToAll(engine, topic, `life ${life}`)
      const change = drawChange(random, topic)
      const expected = after(topic, change)
      let answer: TopicDescription | undefined
      const altering = engine.topics.alter(topic.id, change).then((altered) => {
        answer = altered
      })
      await Promise.race([altering, turns(random.int(0, 40))])
      if (answer !== undefined) {
        expect(answer).toEqual(expected)
        await bench.appendToAll(engine, expected, `altered ${life}`)
      }
      if (random.bool()) disk.crash()
      else disk.kill()
      engine = await bench.open()
      const found = (await engine.topics.find('orders')) as TopicDescription
      expect([topic, expected]).toContainEqual(found)
      if (answer !== undefined) expect(found).toEqual(expected)
      if (answer !== undefined) outcomes.answered++
      else if (isDeepStrictEqual(found, expected)) outcomes.after++
      else outcomes.before++
      topic = found
      await bench.check(engine, topic)
    }
    await engine.close()
    const errors: Finding[] = []
    await verifyDataDirectory({
      disk: disk.mount(),
      dataDir: DATA,
      onFinding: (finding) => void (finding.severity === 'error' && errors.push(finding)),
    })
    expect(errors).toEqual([])
  })

  test('was cut short before and after its record', () => {
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(0)
  })

  test.each(seeds(40))(
    'that a fault ends changes nothing, and works when it is tried again (seed %i)',
    async (seed) => {
      const bench = new Bench(seed)
      const { random, disk } = bench
      let engine = await bench.open()
      let topic = await engine.topics.create({ name: 'orders', partitions: 2, settings: {} })
      for (let life = 0; life < 3; life++) {
        await bench.appendToAll(engine, topic, `life ${life}`)
        const change = drawChange(random, topic)
        const operation = random.pick(['create', 'write', 'datasync', 'rename', 'syncDirectory', 'remove'] as const)
        await turns(30)
        disk.failNext({ operation, code: random.pick(['EIO', 'ENOSPC']), times: random.int(1, 3) })
        const altered = await engine.topics.alter(topic.id, change).catch((error: unknown) => error)
        disk.clearFaults()
        expect(await engine.topics.find('orders')).toEqual(
          altered instanceof MillraceError ? topic : after(topic, change),
        )
        const isUnknown = altered instanceof MillraceError && altered.code === 'COMMIT_UNKNOWN'
        if (random.bool()) {
          topic = await engine.topics.alter(topic.id, change)
          await bench.appendToAll(engine, topic, `again ${life}`)
        } else if (!(altered instanceof MillraceError)) topic = altered as TopicDescription
        if (random.bool()) {
          disk.crash()
          engine = await bench.open()
        }
        const found = (await engine.topics.find('orders')) as TopicDescription
        expect(isUnknown ? [topic, after(topic, change)] : [topic]).toContainEqual(found)
        topic = found
      }
      await engine.close()
      engine = await bench.open()
      await bench.check(engine, topic)
      await engine.close()
    },
  )

  test.each(seeds(30))('to flush.policy=commit leaves nothing behind that was not synced (seed %i)', async (seed) => {
    const bench = new Bench(seed)
    const { random, disk } = bench
    let engine = await bench.open()
    const settings = { 'flush.policy': random.pick(['os', 'interval']), 'flush.ms': '1000000' }
    const topic = await engine.topics.create({ name: 'orders', partitions: MANY_PARTITIONS, settings })
    for (let count = random.int(1, 3); count > 0; count--) await bench.appendToAll(engine, topic, `unsynced ${count}`)
    let isAltered = false
    const altering = engine.topics.alter(topic.id, { set: { 'flush.policy': 'commit' } }).then(() => {
      isAltered = true
    })
    // Rounds of so many go by way of the journal, whose batches must not come to stand behind a hole.
    do await bench.appendToAll(engine, topic, 'meanwhile')
    while (!isAltered)
    await altering
    disk.crash()
    engine = await bench.open()
    await bench.check(engine, topic)
    await engine.close()
  })
})
