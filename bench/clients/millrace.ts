/** The product's client program: `@millrace/client` as users use it. */
import { Millrace, type Producer, type ProducerRecord } from '@millrace/client'
import { makeValues, serveTasks } from '../harness/client-program.ts'
import { LatencyHistogram } from '../harness/latency-histogram.ts'

const TOPIC = 'bench'
const TOPICS_AT_ONCE = 8
/** What a record takes in a batch beside its value; a little more than it does. */
const RECORD_OVERHEAD_BYTES = 12

serveTasks({
  async produce(url, { records, warmupRecords, valueBytes, batchRecords, inFlight, clientDefaults }, progress) {
    await using client = await open(url)
    const batchBytes = batchRecords * (valueBytes + RECORD_OVERHEAD_BYTES)
    const producer = client.producer(clientDefaults ? {} : { batchBytes, maxInFlight: inFlight })
    // One list for each call in flight: a list must not change while it is on its way.
    const values = makeValues(1_000, valueBytes)
    const lists = Array.from({ length: inFlight }, (_, list) =>
      Array.from({ length: batchRecords }, (_, index) => ({
        topic: TOPIC,
        value: values[(list * batchRecords + index) % values.length]!,
      })),
    )
    await send(producer, lists, warmupRecords, () => {})
    const startMs = performance.now()
    const sent = await send(producer, lists, records, progress)
    return { recordsPerSecond: (sent / (performance.now() - startMs)) * 1000 }
  },

  async latency(url, { count, warmupCount, valueBytes }, progress) {
    await using client = await open(url)
    const producer = client.producer()
    const value = makeValues(1, valueBytes)[0]!
    for (let index = 0; index < warmupCount; index++) await producer.send({ topic: TOPIC, value })
    const histogram = new LatencyHistogram()
    for (let index = 0; index < count; index++) {
      const startNs = process.hrtime.bigint()
      await producer.send({ topic: TOPIC, value })
      histogram.record(Number(process.hrtime.bigint() - startNs))
      progress(index)
    }
    return histogram.figures()
  },

  async topics(url, { topics, partitionsEach }, progress) {
    await using client = new Millrace({ url })
    const names = Array.from({ length: topics }, (_, index) => `bench-${index}`)
    const left = names.values()
    const lane = async (): Promise<void> => {
      for (const name of left) await client.admin.createTopic({ name, partitions: partitionsEach })
    }
    await Promise.all(Array.from({ length: TOPICS_AT_ONCE }, lane))
    const producer = client.producer()
    const value = makeValues(1, 1_000)[0]!
    const sent = names.flatMap((topic) =>
      Array.from({ length: partitionsEach }, (_, partition) => producer.send({ topic, partition, value })),
    )
    for (const [index, one] of sent.entries()) {
      await one
      progress(index)
    }
    return {}
  },

  async read(url, { by, records, warmup }, progress) {
    await using client = await open(url)
    const read = by === 'record' ? readRecords : readBatches
    if (warmup) await read(client, progress)
    const startMs = performance.now()
    const count = await read(client, progress)
    const recordsPerSecond = (count / (performance.now() - startMs)) * 1000
    if (count < records) throw new Error(`${count} of ${records} records were read`)
    return { recordsPerSecond }
  },
})

/** A client, and the topic if it is not there yet. */
async function open(url: string): Promise<Millrace> {
  const client = new Millrace({ url })
  const topics = await client.admin.listTopics()
  if (!topics.some(({ name }) => name === TOPIC)) await client.admin.createTopic({ name: TOPIC })
  return client
}

/** Sends each list again as soon as it is acknowledged, until `records` are sent. Returns how many were. */
async function send(
  producer: Producer,
  lists: readonly ProducerRecord[][],
  records: number,
  progress: (done: number) => void,
): Promise<number> {
  let started = 0
  let done = 0
  const worker = async (list: ProducerRecord[]): Promise<void> => {
    while (started < records) {
      started += list.length
      await producer.sendBatch(list)
      done += list.length
      progress(done)
    }
  }
  await Promise.all(lists.map(worker))
  return done
}

async function readRecords(client: Millrace, progress: (done: number) => void): Promise<number> {
  let count = 0
  let bytes = 0
  for await (const record of client.read({ topic: TOPIC, to: 'end' })) {
    bytes += record.value?.length ?? 0
    if ((++count & 0xffff) === 0) progress(count)
  }
  if (bytes === 0) throw new Error('the records are empty')
  return count
}

async function readBatches(client: Millrace, progress: (done: number) => void): Promise<number> {
  let count = 0
  for await (const batch of client.readBatches({ topic: TOPIC, to: 'end' })) {
    count += batch.records.length
    progress(count)
  }
  return count
}
