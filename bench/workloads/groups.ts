import type { Connect, Member } from '../harness/client.ts'
import { makeValues } from '../harness/client-program.ts'
import { LatencyHistogram } from '../harness/latency-histogram.ts'
import { Meter } from '../harness/meter.ts'
import type { GroupsTask, Progress, TaskFigures } from '../harness/tasks.ts'

/** Records in each partition, to have offsets that may be committed. */
const RECORDS = 100

/** Members of consumer groups that commit offsets, or only say that they are there. */
export async function groups(
  connect: Connect,
  url: string,
  task: GroupsTask,
  progress: Progress,
): Promise<TaskFigures> {
  const { topic, connections, groups, membersEach } = task
  const clients = await Promise.all(Array.from({ length: connections }, () => connect(url)))
  const [first] = clients
  await first!.createTopic(topic, membersEach)
  const settings = { valueBytes: 10, batchRecords: RECORDS, inFlight: membersEach, clientDefaults: true }
  const producer = await first!.producer(topic, settings)
  const values = makeValues(RECORDS, 10)
  for (let partition = 0; partition < membersEach; partition++) {
    const everywhere = values.map(() => partition)
    await producer.batch(values, everywhere)()
  }
  const members = await Promise.all(
    Array.from({ length: groups * membersEach }, (_, index) => {
      const { member } = clients[index % connections]!
      if (member === undefined) throw new Error('this client has no consumer groups')
      return member(`${topic}-${Math.floor(index / membersEach)}`, topic)
    }),
  )
  await Promise.all(members.map((member) => member.settled(1)))
  const histogram = new LatencyHistogram()
  const meter = new Meter(task.warmupMs, task.ms)
  const done = (count: number): void => {
    meter.add(count)
    progress(meter.passedMs / (task.warmupMs + task.ms))
  }
  const commit = async (member: Member): Promise<void> => {
    for (let next = 0; !meter.isOver; next = (next + 1) % RECORDS) {
      const startMs = performance.now()
      await member.commit(next)
      if (meter.isCounting) histogram.record((performance.now() - startMs) * 1e6)
      done(1)
    }
  }
  const beat = async (): Promise<void> => {
    while (!meter.isOver) {
      for (const member of members) member.heartbeat()
      // What is answered behind them says that they have arrived.
      await Promise.all(members.slice(0, connections).map((member) => member.commit(0)))
      done(members.length)
    }
  }
  if (task.action === 'heartbeat') await beat()
  else await Promise.all(members.flatMap((member) => Array.from({ length: task.inFlight }, () => commit(member))))
  await Promise.all(clients.map((client) => client.close()))
  const rate = { records: meter.total, recordsPerSecond: meter.perSecond }
  return task.action === 'commit' ? { ...rate, ...histogram.figures() } : rate
}
