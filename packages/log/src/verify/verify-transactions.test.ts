import { CrashDisk, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { append, DIRECTORY, findingsIn, LogBench } from '../../test/log-harness.ts'
import { TransactionalProducer } from '../../test/transaction-harness.ts'
import { type Disk, readFile } from '../disk.ts'
import { segmentFileName } from '../file-names.ts'
import { memoryDisk } from '../memory-disk.ts'
import { encodeProducerSnapshot } from '../producer-snapshot.ts'
import { ProducerState } from '../producer-state.ts'
import { TRANSACTION_ENTRY_BYTES, TransactionIndex } from '../transaction-index.ts'

const INDEX = `${DIRECTORY}/${segmentFileName(0, 'txnindex')}`

/** A segment with two aborted transactions, one of them around the other, and a committed one. */
async function written(): Promise<Disk> {
  const disk = memoryDisk()
  const log = await new LogBench(disk).open()
  const [one, two, three] = [1, 2, 3].map((id) => new TransactionalProducer(id)) as [
    TransactionalProducer,
    TransactionalProducer,
    TransactionalProducer,
  ]
  for (const producer of [one, two, three]) await producer.append(log, ['x'])
  await append(log, 'plain')
  await two.end(log, 'abort')
  await three.end(log, 'commit')
  await one.end(log, 'abort')
  await log.close()
  return disk
}

async function findings(disk: Disk): Promise<string[]> {
  return (await findingsIn(disk)).map(({ kind, message }) => `${kind}: ${message}`)
}

async function rewritten(change: (bytes: Buffer) => Buffer): Promise<string[]> {
  const disk = await written()
  const bytes = change((await readFile(disk, INDEX)) as Buffer)
  await disk.remove(INDEX)
  const file = await disk.open(INDEX, { create: true })
  await file.writev([bytes], 0)
  await file.close()
  return findings(disk)
}

function changed(at: number, value: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    bytes.writeUInt8(value, at)
    return bytes
  }
}

test('a transaction index says what the markers do, and verify finds nothing in it', async () => {
  const disk = await written()
  const index = new TransactionIndex(await readFile(disk, INDEX))
  expect([0, 1].map((entry) => index.entryAt(entry))).toEqual([
    { producerId: 2, firstOffset: 1, lastOffset: 4, lastStableOffset: 0 },
    { producerId: 1, firstOffset: 0, lastOffset: 6, lastStableOffset: 7 },
  ])
  expect(await findings(disk)).toEqual([])
})

test.each([
  ['is cut off', (bytes: Buffer) => bytes.subarray(0, 40), 'its entries cannot be of this segment'],
  ['has another version', changed(1, 1), 'its entries cannot be of this segment'],
  ['names another producer', changed(9, 3), 'producer 3 has no marker at offset 4 that aborts'],
  ['names a marker that commits', changed(25, 5), 'producer 2 has no marker at offset 5 that aborts'],
  ['lets a transaction begin elsewhere', changed(17, 2), 'the transaction begins at 1, and the entry says 2'],
  ['says that more is decided', changed(33, 1), 'a last stable offset of 1; it was 0'],
  [
    'lacks an entry',
    (bytes: Buffer) => bytes.subarray(0, TRANSACTION_ENTRY_BYTES),
    'no entry for the transaction of producer 1 from 0 to 6',
  ],
])('a transaction index that %s is found', async (_, change, message) => {
  expect(await rewritten(change)).toContain(`transaction-index-mismatch: ${message}`)
})

test('a damaged index of a sealed segment is made again from the log', async () => {
  const disk = memoryDisk()
  const log = await new LogBench(disk).open({ segmentBytes: 300 })
  const producer = new TransactionalProducer(7)
  for (let count = 0; count < 6; count++) await producer.append(log, ['in'.padEnd(80, '.')])
  await producer.end(log, 'abort')
  for (let count = 0; count < 6; count++) await append(log, 'x'.repeat(100))
  await log.close()
  const [name] = (await disk.list(DIRECTORY)).filter((each) => each.endsWith('.txnindex'))
  await disk.remove(`${DIRECTORY}/${name}`)
  const file = await disk.open(`${DIRECTORY}/${name}`, { create: true })
  await file.writev([Buffer.from([9, 9])], 0)
  await file.close()
  const bench = new LogBench(disk)
  const reopened = await bench.open({ segmentBytes: 300, clean: true })
  expect((await reopened.read(0, 1, 'committed')).abortedTransactions).toEqual([{ producerId: 7, firstOffset: 0 }])
  expect(bench.logger.lines.map(({ message }) => message)).toContain('a transaction index is damaged; it is made again')
})

/** A transaction that begins in the first of two segments, whose snapshot is lost. */
async function withoutSnapshot(disk: Disk) {
  const before = await new LogBench(disk).open({ segmentBytes: 1_024 })
  const producer = new TransactionalProducer(7)
  await producer.append(before, ['x'])
  for (const size of [900, 300]) await append(before, 'x'.repeat(size))
  await before.close()
  const [path] = (await disk.list(DIRECTORY)).filter((name) => name.endsWith('.snapshot')).sort()
  for (const name of await disk.list(DIRECTORY)) {
    if (name.endsWith('.snapshot')) await disk.remove(`${DIRECTORY}/${name}`)
  }
  return { producer, path: `${DIRECTORY}/${path}` }
}

test('a snapshot that was saved for a log start leaves out what has ended since, and verify finds nothing in it', async () => {
  const disk = new CrashDisk(seededRandom(1))
  const { producer, path } = await withoutSnapshot(disk)
  const log = await new LogBench(disk).open({ segmentBytes: 1_024 })
  await producer.end(log, 'abort')
  disk.failNext({ operation: 'remove', path: '.crc', code: 'EIO' })
  await log.truncateBefore(2)
  // What lies before the log start is still there, as where a crash, or a backup, comes first.
  expect(disk.paths()).toEqual(expect.arrayContaining([path, `${DIRECTORY}/${segmentFileName(0, 'log')}`]))
  expect((await findings(disk)).filter((finding) => finding.startsWith('snapshot'))).toEqual([])
})

test('a snapshot that leaves out what is still open is found', async () => {
  const disk = new CrashDisk(seededRandom(1))
  const { path } = await withoutSnapshot(disk)
  const file = await disk.open(path, { create: true })
  await file.writev([encodeProducerSnapshot(new ProducerState(10), 2)], 0)
  await file.close()
  expect(await findings(disk)).toContainEqual(
    'snapshot-mismatch: producer 7 has a transaction open from offset 0 on, which the snapshot does not say',
  )
})
