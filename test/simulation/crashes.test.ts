import { FLUSH_POLICIES } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { BatchBuilder } from '@millrace/record'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { runCampaign } from './campaign.ts'
import { COUNTED, noCounts } from './counts.ts'
import { readPartition } from './stored-partition.ts'

const SEEDS = Number(process.env.MILLRACE_CRASH_SEEDS ?? 2_000)
const FIRST_SEED = Number(process.env.MILLRACE_CRASH_SEED ?? 1)

test('crashes take nothing that was acknowledged or seen', { timeout: 600_000 }, async () => {
  const { histories, counts } = await runCampaign({
    firstSeed: FIRST_SEED,
    goesOn: (soFar) => soFar.histories < SEEDS,
  })
  process.stdout.write(`in ${histories} simulated histories: ${JSON.stringify(counts)}\n`)
  for (const what of COUNTED) expect(counts[what], what).toBeGreaterThan(0)
})

describe('a campaign', () => {
  const outcome = { ...noCounts(), kills: 1, truncations: 2 }

  test('runs consecutive seeds and adds up what they went through', async () => {
    const seeds: number[] = []
    const tally = await runCampaign({
      firstSeed: 7,
      goesOn: ({ histories }) => histories < 3,
      runHistory: async (seed) => {
        seeds.push(seed)
        return outcome
      },
    })
    expect(seeds).toEqual([7, 8, 9])
    expect(tally).toEqual({ histories: 3, counts: { ...noCounts(), kills: 3, truncations: 6 } })
  })

  test('ends with the first that fails, and says how to repeat it', async () => {
    const campaign = runCampaign({
      firstSeed: 7,
      goesOn: () => true,
      runHistory: async (seed) => {
        if (seed === 9) throw new Error('a record is lost')
        return outcome
      },
    })
    await expect(campaign).rejects.toThrow(/^seed 9 fails: a record is lost\n.*--seed 9 --histories 1$/)
  })
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
    const { records } = await readPartition(reopened.partition(topic.id, 0), 1_000)
    expect([...records.values()].map(({ value }) => value)).toEqual(['kept'])
    await reopened.close()
  })
})
