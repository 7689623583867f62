import type { Connect } from '../harness/client.ts'
import { Meter } from '../harness/meter.ts'
import type { ProduceTask, Progress, TaskFigures } from '../harness/tasks.ts'
import { makeBatchValues } from '../harness/values.ts'

/** Sent before the clock starts: a partition's first records can cost a lot more, as files are made and indexes begun. */
const FIRST_ROUNDS = 4

/** Sends batches, each again as soon as it is acknowledged. */
export async function produce(
  connect: Connect,
  url: string,
  task: ProduceTask,
  progress: Progress,
): Promise<TaskFigures> {
  const { topic, partitions, valueBytes, batchRecords, inFlight, clientDefaults, idempotent } = task
  const client = await connect(url)
  await client.createTopic(topic, partitions)
  const producer = await client.producer(topic, { valueBytes, batchRecords, inFlight, clientDefaults, idempotent })
  const values = makeBatchValues(batchRecords, valueBytes)
  const sends = Array.from({ length: inFlight }, (_, index) =>
    producer.batch(values, spread(batchRecords, shareOf(partitions, inFlight, index))),
  )
  for (let round = 0; round < FIRST_ROUNDS; round++) await Promise.all(sends.map((send) => send()))
  let started = FIRST_ROUNDS * inFlight * batchRecords
  const before = started
  const meter = new Meter(task.warmupMs, task.ms)
  const lane = async (send: () => Promise<unknown>): Promise<void> => {
    while (!meter.isOver && started < task.maxRecords) {
      started += batchRecords
      await send()
      meter.add(batchRecords)
      progress(Math.max(meter.passedMs / (task.warmupMs + task.ms), started / task.maxRecords))
    }
  }
  await Promise.all(sends.map(lane))
  meter.end()
  await client.close()
  return { records: before + meter.total, recordsPerSecond: meter.perSecond }
}

/** The partitions of lane `index` of `lanes`: all lanes together have each of them, and each has at least one. */
export function shareOf(partitions: number, lanes: number, index: number): number[] {
  const share: number[] = []
  for (let partition = index % partitions; partition < partitions; partition += lanes) share.push(partition)
  return share
}

/** A partition for each of `records`, neighbours together, as evenly as it goes. */
export function spread(records: number, partitions: readonly number[]): number[] {
  return Array.from({ length: records }, (_, index) => partitions[Math.floor((index * partitions.length) / records)]!)
}
