/** The floor's client program. */
import { echo, open, produce, readBack } from '../floor/client.ts'
import { makeValues, serveTasks } from '../harness/client-program.ts'
import { LatencyHistogram } from '../harness/latency-histogram.ts'

serveTasks({
  topics: () => Promise.reject(new Error('the floor has no topics')),

  async produce(url, { records, warmupRecords, valueBytes, batchRecords, inFlight }, progress) {
    const session = await open(url)
    const values = makeValues(1_000, valueBytes)
    if (warmupRecords > 0) await produce(session, { values, records: warmupRecords, batchRecords, inFlight })
    const startMs = performance.now()
    const sent = await produce(session, { values, records, batchRecords, inFlight, onAcknowledged: progress })
    const recordsPerSecond = (sent / (performance.now() - startMs)) * 1000
    session.close()
    return { recordsPerSecond }
  },

  async latency(url, { count, warmupCount, valueBytes }, progress) {
    const session = await open(url)
    const payload = makeValues(1, valueBytes)[0]!
    await echo(session, payload, warmupCount, () => {})
    const histogram = new LatencyHistogram()
    let done = 0
    await echo(session, payload, count, (tookNs) => {
      histogram.record(tookNs)
      progress(++done)
    })
    session.close()
    return histogram.figures()
  },

  async read(url, { by, records, warmup }, progress) {
    const session = await open(url)
    if (warmup) await readBack(session, by, progress)
    const startMs = performance.now()
    const read = await readBack(session, by, progress)
    const recordsPerSecond = (read.records / (performance.now() - startMs)) * 1000
    session.close()
    if (read.records < records) throw new Error(`${read.records} of ${records} records were read`)
    return { recordsPerSecond }
  },
})
