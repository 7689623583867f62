import type { Connect } from '../harness/client.ts'
import { makeValues } from '../harness/client-program.ts'
import { LatencyHistogram } from '../harness/latency-histogram.ts'
import { Pacer } from '../harness/pacer.ts'
import type { EndToEndTask, Progress, TaskFigures } from '../harness/tasks.ts'

/** Stands in the first record, which is sent to see that the reader is there. */
const FIRST = 0xffffffff
/** A contender that is so far behind does not keep up with the rate. */
const GIVE_UP_MS = 2_000

/**
 * Open loop: records are sent at their times, however the contender does, and each latency is from the time at which
 * its record was meant to be sent to when it was read. A contender that does not keep up has no latencies.
 */
export async function endToEnd(
  connect: Connect,
  url: string,
  task: EndToEndTask,
  progress: Progress,
): Promise<TaskFigures> {
  const { topic, recordsPerSecond, valueBytes } = task
  const [sender, reader] = [await connect(url), await connect(url)]
  await sender.createTopic(topic, 1)
  const inFlight = Math.ceil((recordsPerSecond * GIVE_UP_MS) / 1000)
  const producer = await sender.producer(topic, { valueBytes, batchRecords: 1, inFlight, clientDefaults: true })
  const template = makeValues(1, valueBytes)[0]!
  const warmup = Math.ceil((task.warmupMs * recordsPerSecond) / 1000)
  const total = warmup + Math.ceil((task.ms * recordsPerSecond) / 1000)
  const pacer = new Pacer(recordsPerSecond)
  const histogram = new LatencyHistogram()
  let arrived = 0
  let gaveUp = false
  let failure: unknown
  const isOver = (): boolean => {
    gaveUp ||= performance.now() - pacer.dueMs(arrived) > GIVE_UP_MS
    return gaveUp || failure !== undefined
  }
  const send = (index: number): void => {
    const value = Buffer.from(template)
    value.writeUInt32LE(index, 0)
    producer.send(value, 0).catch((error) => {
      failure ??= error
    })
  }
  let attached = (): void => {}
  const isAttached = new Promise<void>((resolve) => {
    attached = resolve
  })
  const reading = reader.read(topic, {
    by: 'record',
    takeRecord(value) {
      const index = value.readUInt32LE(0)
      if (index === FIRST) attached()
      if (index === FIRST) return false
      if (index !== arrived || value.length !== valueBytes) throw new Error(`${index} came in place of ${arrived}`)
      if (arrived++ >= warmup) histogram.record((performance.now() - pacer.dueMs(index)) * 1e6)
      return arrived === total
    },
    takeBatch: () => true,
  })
  reading.catch((error) => {
    failure ??= error
  })
  send(FIRST)
  await Promise.race([isAttached, reading])
  await pacer.run(
    total,
    (index) => {
      send(index)
      if (index % 1_000 === 0) progress(index / total)
    },
    isOver,
  )
  while (arrived < total && !isOver()) await new Promise((resolve) => setTimeout(resolve, 10))
  if (failure !== undefined) throw failure
  // What does not keep up still has work to do; it ends with this process.
  if (gaveUp) return { records: arrived }
  await reading
  await Promise.all([sender.close(), reader.close()])
  return { records: total, ...histogram.figures() }
}
