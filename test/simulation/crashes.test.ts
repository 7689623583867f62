import { FLUSH_POLICIES } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { BatchBuilder } from '@millrace/record'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { CrashHistory, readAll } from './crash-history.ts'

const SEEDS = Number(process.env.MILLRACE_CRASH_SEEDS ?? 150)
const FIRST_SEED = Number(process.env.MILLRACE_CRASH_SEED ?? 1)

test('crashes take nothing that was acknowledged or seen', { timeout: 600_000 }, async () => {
  const totals = { kept: 0, lost: 0, torn: 0, reordered: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const history = new CrashHistory(seed)
    try {
      await history.run()
    } catch (error) {
      throw new Error(`seed ${seed} (MILLRACE_CRASH_SEED=${seed}): ${(error as Error).message}`, { cause: error })
    }
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += history.disk.counts[key]
  }
  process.stdout.write(`unsynced writes in ${SEEDS} simulated histories: ${JSON.stringify(totals)}\n`)
  for (const [what, count] of Object.entries(totals)) expect(count, `writes ${what}`).toBeGreaterThan(0)
})

describe('a process that dies while the machine goes on', () => {
  test.each(FLUSH_POLICIES)('keeps what was acknowledged with flush.policy=%s', async (policy) => {
    const disk = new CrashDisk(seededRandom(7))
    const clock = new ManualClock()
    const open = () => openLocalEngine({ disk: disk.mount(), dataDir: '/data', clock })
    const engine = await open()
    const topic = await engine.topics.create({ name: 't', partitions: 1, settings: { 'flush.policy': policy } })
    const builder = new BatchBuilder().append({ key: null, value: Buffer.from('kept'), timestamp: 1 })
    await engine.partition(topic.id, 0).append(builder.build().buffer, { acks: 'committed' })
    disk.kill()
    const reopened = await open()
    expect([...(await readAll(reopened.partition(topic.id, 0))).values()]).toEqual(['kept'])
    await reopened.close()
  })
})
