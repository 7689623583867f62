import { setTimeout as sleep } from 'node:timers/promises'
import type { Connect, Owner } from '../harness/client.ts'
import type { SettleTask, TaskFigures } from '../harness/tasks.ts'

const LOOK_EVERY_MS = 2
/** The members share so many connections. */
const CONNECTIONS = 4

/** Has members join a group at once; the figure is from the first join to when each has its share, and the group says so. */
export async function settle(connect: Connect, url: string, task: SettleTask): Promise<TaskFigures> {
  const { topic, members, partitions, by } = task
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(url)))
  const [first] = clients
  await first!.createTopic(topic, partitions)
  const group = `${topic}-group`
  const startMs = performance.now()
  const owners: Owner[] = await Promise.all(
    Array.from({ length: members }, (_, index) => {
      const client = clients[index % CONNECTIONS]!
      if (client[by] === undefined) throw new Error('this client has no consumer groups')
      return client[by](group, topic)
    }),
  )
  const share = partitions / members
  while (!owners.every(({ owned }) => owned === share)) await sleep(LOOK_EVERY_MS)
  const ownedMs = performance.now() - startMs
  while ((await first!.groupState?.(group)) !== 'stable') await sleep(LOOK_EVERY_MS)
  const stableMs = performance.now() - startMs
  await Promise.all(clients.map((client) => client.close()))
  return { records: partitions, ownedMs, stableMs }
}
