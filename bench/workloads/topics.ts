import type { Connect } from '../harness/client.ts'
import { makeValues } from '../harness/client-program.ts'
import type { Progress, TaskFigures, TopicsTask } from '../harness/tasks.ts'

const VALUE_BYTES = 1_000
const AT_ONCE = 8

/** Makes topics, and sends one record to each of their partitions. */
export async function topics(
  connect: Connect,
  url: string,
  { topics, partitionsEach }: TopicsTask,
  progress: Progress,
): Promise<TaskFigures> {
  const client = await connect(url)
  const names = Array.from({ length: topics }, (_, index) => `bench-${index}`)
  const left = names.values()
  const lane = async (): Promise<void> => {
    for (const name of left) await client.createTopic(name, partitionsEach)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  const settings = { valueBytes: VALUE_BYTES, batchRecords: 1, inFlight: topics * partitionsEach, clientDefaults: true }
  const value = makeValues(1, VALUE_BYTES)[0]!
  const sent = names.map(async (name) => {
    const producer = await client.producer(name, settings)
    await Promise.all(Array.from({ length: partitionsEach }, (_, partition) => producer.send(value, partition)))
  })
  for (const [index, one] of sent.entries()) {
    await one
    progress(index / topics)
  }
  await client.close()
  return { records: topics * partitionsEach }
}
