/** `@millrace/log` by itself: no engine, broker or network. */
import { encodeIdentity, Journal, nodeDisk, type PartitionLog } from '@millrace/log'
import { BatchBuilder, DEFAULT_LIMITS, RecordBatch } from '@millrace/record'
import { appendLoad, makeBatches } from '../harness/append-load.ts'
import { makeValues, serveTasks } from '../harness/client-program.ts'
import { LatencyHistogram } from '../harness/latency-histogram.ts'
import { compact, produceBesideCompaction } from './compaction.ts'
import { fill, identityOf, Store } from './store.ts'

const READ_BYTES = 2 ** 20
const START_MS = 1_700_000_000_000

serveTasks({
  async append(directory, task, progress) {
    const store = await Store.open(directory)
    const logs: PartitionLog[] = []
    for (let partition = 0; partition < task.partitions; partition++)
      logs.push(await store.openLog(partition, { synced: task.synced, clean: true }))
    const figures = await appendLoad(
      task,
      (partition, bytes) => {
        const batch = RecordBatch.at(bytes)
        if (!batch.hasValidChecksum()) throw new Error('a batch is not whole')
        return (logs[partition] as PartitionLog).append(batch).committed
      },
      progress,
    )
    await Promise.all(logs.map((log) => log.close()))
    return figures
  },

  async readLog(directory, { bytes, valueBytes, batchRecords }, progress) {
    const store = await Store.open(directory)
    const log = await store.openLog(0, { synced: false, clean: true })
    const batches = makeBatches(Math.min(bytes, 64 * 2 ** 20), valueBytes, batchRecords)
    await fill(log, bytes, (index) => batches[index % batches.length] as Buffer, progress)
    const startMs = performance.now()
    let read = 0
    for (let offset: number = log.logStartOffset; offset < log.highWatermark; ) {
      const { batches, nextOffset } = await log.read(offset, READ_BYTES)
      for (const batch of batches) read += batch.length
      offset = nextOffset
    }
    const figures = { bytesPerSecond: (read * 1000) / (performance.now() - startMs) }
    await log.close()
    return figures
  },

  async recover(directory, { bytes, valueBytes, batchRecords }, progress) {
    const store = await Store.open(directory)
    const log = await store.openLog(0, { synced: false, clean: true })
    const batches = makeBatches(Math.min(bytes, 64 * 2 ** 20), valueBytes, batchRecords)
    await fill(log, bytes, (index) => batches[index % batches.length] as Buffer, progress)
    const { sizeBytes } = log
    // As most of it is on disk when a process dies that ran for a while.
    await store.sync(`${store.directoryOf(0)}/00000000000000000000.log`)
    const next = await Store.open(directory)
    const startMs = performance.now()
    const recovered = await next.openLog(0, { synced: true, clean: false })
    const tookMs = performance.now() - startMs
    if (recovered.sizeBytes !== sizeBytes) throw new Error(`${recovered.sizeBytes} of ${sizeBytes} bytes are back`)
    await recovered.close()
    return { bytesPerSecond: (sizeBytes * 1000) / tookMs, tookMs }
  },

  async refill(directory, { bytes, valueBytes, batchRecords, partitions }, progress) {
    const limits = DEFAULT_LIMITS
    const journalDirectory = `${directory}/journal`
    const { journal } = await Journal.open(nodeDisk(), journalDirectory, { maxFileBytes: limits.journalBytes })
    const [bytesOfBatch] = makeBatches(1, valueBytes, batchRecords)
    let written = 0
    for (let round = 0; written < bytes; round++) {
      const entries = Array.from({ length: partitions }, (_, partition) => {
        const batch = RecordBatch.at(Buffer.from(bytesOfBatch as Buffer))
        batch.stamp(round * batchRecords, 0)
        written += batch.sizeBytes
        return { identity: encodeIdentity(identityOf(partition)), batches: [batch] }
      })
      await journal.append(entries)
      await journal.rotate()
      progress(written)
    }
    const store = await Store.open(directory)
    for (let partition = 0; partition < partitions; partition++)
      await store.openLog(partition, { synced: true, clean: true })
    const startMs = performance.now()
    const next = await Store.open(directory)
    const logs = await next.recoverAll(partitions)
    const tookMs = performance.now() - startMs
    const filled = logs.reduce((sum, log) => sum + log.sizeBytes, 0)
    if (filled !== written) throw new Error(`${filled} of ${written} bytes are back`)
    return { bytesPerSecond: (written * 1000) / tookMs, tookMs }
  },

  async lookup(directory, { by, bytes, valueBytes, batchRecords, lookups }, progress) {
    const store = await Store.open(directory)
    const log = await store.openLog(0, { synced: false, clean: true })
    const values = makeValues(1_000, valueBytes)
    let records = 0
    await fill(
      log,
      bytes,
      () => {
        const builder = new BatchBuilder()
        for (let count = 0; count < batchRecords; count++, records++) {
          builder.append({ key: null, value: values[records % values.length] as Buffer, timestamp: START_MS + records })
        }
        return builder.build().buffer
      },
      progress,
    )
    const lookUp = async (): Promise<void> => {
      const offset = Math.floor(Math.random() * records)
      if (by === 'offset') {
        const { nextOffset } = await log.read(offset, 1)
        if (nextOffset <= offset) throw new Error(`offset ${offset} was not found`)
      } else {
        const found = await log.findTimestamp(START_MS + offset)
        if (found?.offset !== offset) throw new Error(`time ${offset} led to ${found?.offset}`)
      }
    }
    for (let count = 0; count < lookups / 10; count++) await lookUp()
    const histogram = new LatencyHistogram()
    for (let count = 0; count < lookups; count++) {
      const startNs = process.hrtime.bigint()
      await lookUp()
      histogram.record(Number(process.hrtime.bigint() - startNs))
    }
    await log.close()
    const { p50 = Number.NaN, p99 = Number.NaN } = histogram.figures()
    return { p50us: p50 * 1_000, p99us: p99 * 1_000 }
  },

  compact,
  produceBesideCompaction,
})
