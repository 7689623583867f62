import type { Connect } from '../harness/client.ts'
import { Meter } from '../harness/meter.ts'
import type { PipeTask, Progress, TaskFigures } from '../harness/tasks.ts'
import { makeBatchValues } from '../harness/values.ts'

const FILLED_AT_ONCE = 5_000
const FILLS_IN_FLIGHT = 4

/** Fills a topic, and copies it to another while the clock runs. */
export async function pipe(connect: Connect, url: string, task: PipeTask, progress: Progress): Promise<TaskFigures> {
  const { topic, batchRecords, valueBytes, transactions } = task
  const client = await connect(url)
  if (client.pipe === undefined) throw new Error('this client has no consumer groups')
  const copy = `${topic}-copy`
  await client.createTopic(topic, 1)
  await client.createTopic(copy, 1)
  const settings = { valueBytes, batchRecords: FILLED_AT_ONCE, inFlight: FILLS_IN_FLIGHT, clientDefaults: true }
  const producer = await client.producer(topic, settings)
  const values = makeBatchValues(FILLED_AT_ONCE, valueBytes)
  const fills = Array.from({ length: FILLS_IN_FLIGHT }, () =>
    producer.batch(
      values,
      values.map(() => 0),
    ),
  )
  for (let filled = 0; filled < task.records; filled += FILLS_IN_FLIGHT * FILLED_AT_ONCE) {
    await Promise.all(fills.map((fill) => fill()))
  }
  const meter = new Meter(task.warmupMs, task.ms)
  await client.pipe(topic, copy, { batchRecords, transactions }, (records) => {
    meter.add(records)
    progress(Math.max(meter.passedMs / (task.warmupMs + task.ms), meter.total / task.records))
    return meter.isOver || meter.total >= task.records
  })
  meter.end()
  await client.close()
  return { records: meter.total, recordsPerSecond: meter.perSecond }
}
