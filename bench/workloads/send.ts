import type { Connect } from '../harness/client.ts'
import { makeValues } from '../harness/client-program.ts'
import { LatencyHistogram } from '../harness/latency-histogram.ts'
import { Meter } from '../harness/meter.ts'
import type { Progress, SendTask, TaskFigures } from '../harness/tasks.ts'

/** Sends records one by one, each with a promise. */
export async function send(connect: Connect, url: string, task: SendTask, progress: Progress): Promise<TaskFigures> {
  const { topic, connections, groups, groupRecords, valueBytes, transactions } = task
  const first = await connect(url)
  await first.createTopic(topic, 1)
  const rest = await Promise.all(Array.from({ length: connections - 1 }, () => connect(url)))
  const clients = [first, ...rest]
  const settings = { valueBytes, batchRecords: 1, inFlight: groups * groupRecords, clientDefaults: true, transactions }
  const producers = await Promise.all(clients.map((client) => client.producer(topic, settings)))
  const values = makeValues(1_000, valueBytes)
  const histogram = new LatencyHistogram()
  const meter = new Meter(task.warmupMs, task.ms)
  const lane = async (_: unknown, index: number): Promise<void> => {
    const producer = producers[index % connections]!
    let next = index
    const sendOne = (): Promise<unknown> => producer.send(values[next++ % values.length]!, 0)
    const group = Array.from({ length: groupRecords })
    while (!meter.isOver) {
      const startMs = performance.now()
      await (groupRecords === 1 ? sendOne() : Promise.all(group.map(sendOne)))
      if (meter.isCounting) histogram.record((performance.now() - startMs) * 1e6)
      meter.add(groupRecords)
      progress(meter.passedMs / (task.warmupMs + task.ms))
    }
  }
  await Promise.all(Array.from({ length: connections * groups }, lane))
  await Promise.all(clients.map((client) => client.close()))
  return { records: meter.total, recordsPerSecond: meter.perSecond, ...histogram.figures() }
}
