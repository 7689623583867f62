import type { Connect } from '../harness/client.ts'
import { Meter } from '../harness/meter.ts'
import type { FanOutTask, Progress, TaskFigures } from '../harness/tasks.ts'
import { makeBatchValues } from '../harness/values.ts'

/** One producer, many readers at the tail: it sends no more than `window` batches ahead of the slowest of them. */
export async function fanOut(
  connect: Connect,
  url: string,
  task: FanOutTask,
  progress: Progress,
): Promise<TaskFigures> {
  const { topic, readers, stalledReaders, valueBytes, batchRecords, window } = task
  const sender = await connect(url)
  await sender.createTopic(topic, 1)
  const producer = await sender.producer(topic, { valueBytes, batchRecords, inFlight: window, clientDefaults: false })
  const values = makeBatchValues(batchRecords, valueBytes)
  const partitions = values.map(() => 0)
  const sends = Array.from({ length: window }, () => producer.batch(values, partitions))
  const clients = await Promise.all(Array.from({ length: readers + stalledReaders }, () => connect(url)))
  // Begins when all readers have their first batch.
  let meter: Meter | undefined
  const counts = Array.from({ length: readers }, () => 0)
  let sent = 0
  let sending = 0
  let failure: unknown
  const fail = (error: unknown): void => {
    failure ??= error
    wake()
  }
  let wake = (): void => {}
  const sendMore = (): void => {
    let slowest = sent
    for (const count of counts) slowest = Math.min(slowest, count)
    if (slowest > 0) meter ??= new Meter(task.warmupMs, task.ms)
    const isOver = meter?.isOver === true
    while (!isOver && sending < window && sent - slowest < window * batchRecords) {
      const send = sends[(sent / batchRecords) % window]!
      sent += batchRecords
      sending++
      send().then(() => {
        sending--
        sendMore()
      }, fail)
    }
    if (isOver && slowest === sent) wake()
  }
  for (const [reader, client] of clients.entries())
    client
      .read(topic, {
        by: 'batch',
        takeRecord: () => true,
        takeBatch(records) {
          if (reader >= readers) return new Promise(() => {})
          const before = counts[reader]!
          counts[reader] = before + records
          meter?.add(records)
          if (reader === 0 && meter !== undefined) progress(meter.passedMs / (task.warmupMs + task.ms))
          if (Math.floor(before / batchRecords) < Math.floor(counts[reader]! / batchRecords)) sendMore()
          return false
        },
      })
      .catch(fail)
  await new Promise<void>((resolve) => {
    wake = resolve
    sendMore()
  })
  if (failure !== undefined) throw failure
  const wrong = counts.find((count) => count !== sent)
  if (wrong !== undefined) throw new Error(`a reader got ${wrong} of ${sent} records`)
  return { records: sent, recordsPerSecond: meter?.perSecond ?? Number.NaN }
}
