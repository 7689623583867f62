import { seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { type Client, GroupWorld } from '../../test/group-world.ts'
import { type PartitionId, topicOf } from './partition-id.ts'

const SEEDS = Number(process.env.MILLRACE_GROUP_SEEDS ?? 5_000)
const FIRST_SEED = Number(process.env.MILLRACE_GROUP_SEED ?? 1)

/** Nobody works on what another member works on, and whoever is a member may commit for what it works on. */
function checkOwnership(world: GroupWorld): void {
  const workers = new Map<PartitionId, Client>()
  for (const client of world.clients) {
    if (!world.isLive(client)) continue
    for (const id of client.owned) {
      const other = workers.get(id)
      if (other !== undefined) throw new Error(`${client.id} and ${other.id} both work on ${id}`)
      workers.set(id, client)
      if (!world.topics.has(topicOf(id))) continue
      if (world.machine.holderOf(id) !== client.id) throw new Error(`${client.id} lost ${id} without being asked`)
      if (!world.mayCommit(client, [id])) throw new Error(`${client.id} cannot commit for ${id}`)
    }
  }
  // One that is no member any more, or was not in time, is fenced wherever another may be at work.
  for (const client of world.clients) {
    for (const id of world.isLive(client) ? [] : client.owned) {
      if (world.mayCommit(client, [id])) throw new Error(`${client.id} is no member and may commit for ${id}`)
    }
  }
}

function checkHoldings({ machine, highestHeard }: GroupWorld): void {
  const holders = new Map<PartitionId, string>()
  for (const { id, epoch, holdings } of machine.members.values()) {
    if (epoch > machine.epoch) throw new Error(`${id} is ahead of its group`)
    for (const [partition, { since, revokedAt = 0 }] of holdings) {
      if (holders.has(partition)) throw new Error(`${partition} is in two hands`)
      holders.set(partition, id)
      if (machine.holderOf(partition) !== id) throw new Error(`${partition} is not where it is said to be`)
      if (since > epoch || revokedAt > epoch) throw new Error(`${id} holds ${partition} since an epoch to come`)
    }
  }
  if (machine.epoch < highestHeard) throw new Error(`the group went back to epoch ${machine.epoch}`)
}

function checkEnd(world: GroupWorld): void {
  const owned = world.clients.flatMap((client) => (client.state === 'in' ? [...client.owned] : []))
  expect(owned.toSorted()).toEqual(world.wanted().toSorted())
  expect(world.machine.isStable).toBe(true)
  const again = world.reload()
  const { messages, isEpochNew, changed } = again.settle()
  expect({ messages, isEpochNew, changed }).toEqual({ messages: [], isEpochNew: false, changed: [] })
  expect(again.epoch).toBe(world.machine.epoch)
  for (const id of again.members.keys()) {
    expect(again.targetOf(id)).toEqual(world.machine.targetOf(id))
  }
}

test('whatever happens, a partition is in one hand, and in the end each is in some', { timeout: 300_000 }, () => {
  const totals: Record<string, number> = {}
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const world = new GroupWorld(seededRandom(seed))
    const heard = new Map<Client, number>()
    try {
      for (let step = seededRandom(seed).int(20, 150); step > 0; step--) {
        world.step()
        checkOwnership(world)
        checkHoldings(world)
        for (const client of world.clients) {
          if (client.epoch > 0 && client.epoch < (heard.get(client) ?? 0)) throw new Error(`${client.id} went back`)
          heard.set(client, client.epoch)
        }
      }
      world.calmDown()
      checkOwnership(world)
      checkHoldings(world)
      checkEnd(world)
    } catch (error) {
      throw new Error(`seed ${seed} (MILLRACE_GROUP_SEED=${seed}): ${(error as Error).message}`, { cause: error })
    }
    for (const [what, count] of Object.entries(world.counts)) totals[what] = (totals[what] ?? 0) + count
  }
  process.stdout.write(`${SEEDS} histories of a group: ${JSON.stringify(totals)}\n`)
  for (const [what, count] of Object.entries(totals)) expect(count, what).toBeGreaterThan(0)
})
