import { type ErrorCode, MillraceError, RecordBatch } from '@millrace/record'
import { beforeEach, describe, expect, test } from 'vitest'
import { ClientBatch, type ResultSink, type Run } from './client-batch.ts'
import { PartitionQueue, type PartitionQueueOptions } from './partition-queue.ts'

const settled: string[] = []
const sink: ResultSink = {
  stored: (_, run, baseOffset) => {
    for (const [index, place] of placesOf(run).entries()) settled.push(`${place} at ${baseOffset + run.from + index}`)
  },
  failed: (_, run, error) => {
    const doubt = error.details.outcomeUnknown === true ? '?' : ''
    for (const place of placesOf(run)) settled.push(`${place} ${error.code}${doubt}`)
  },
}

function placesOf({ from, to, place }: Run): number[] {
  return Array.from({ length: to - from }, (_, index) => place + index)
}

function queueOf(options: Partial<PartitionQueueOptions> = {}): PartitionQueue {
  return new PartitionQueue({
    idempotent: true,
    resendUnknown: false,
    maxInFlight: 5,
    maxBytes: 10_000,
    backoff: (attempt) => attempt * 10,
    host: {
      stored: (batch, baseOffset, timestamp) => batch.settleStored(baseOffset, timestamp),
      rejected: (batch, error) => batch.settleFailed(error),
      divided: () => {},
    },
    ...options,
  })
}

/** A batch with a record for each place. */
function batchOf(places: readonly number[], deadlineMs = 1_000, valueBytes = 1): ClientBatch {
  const batch = new ClientBatch({ topic: 't', partition: 0, compression: 'none', deadlineMs, expectedBytes: 100 })
  for (const place of places) {
    const record = { key: null, value: Buffer.alloc(valueBytes, `${place}`), timestamp: 1_000 }
    batch.tryAppend(record, Number.POSITIVE_INFINITY, 10, sink, place)
  }
  return batch
}

/** A queue with batches of one record each in flight: the first is stored, the others wait for their answers. */
function flying(count: number): { queue: PartitionQueue; batches: ClientBatch[] } {
  const queue = queueOf()
  queue.adopt({ producerId: 7, producerEpoch: 0 })
  const batches = Array.from({ length: count }, (_, place) => batchOf([place]))
  for (const batch of batches) queue.push(batch)
  queue.acknowledged(queue.take(0) as ClientBatch, 0, 1_000, 0)
  while (queue.take(0) !== undefined);
  settled.length = 0
  return { queue, batches }
}

function stampOf(batch: ClientBatch | undefined): string {
  if (batch === undefined) return 'none'
  const { producerId, baseSequence } = RecordBatch.at(batch.bytes)
  return `${producerId}:${baseSequence}`
}

const error = (code: ErrorCode): MillraceError => new MillraceError(code, 'as the test says')

beforeEach(() => {
  settled.length = 0
})

describe('taking', () => {
  test('waits for an identity, and counts sequences by records', () => {
    const queue = queueOf()
    for (const places of [[0, 1, 2], [3, 4], [5]]) queue.push(batchOf(places))
    expect(queue.needsIdentity).toBe(true)
    expect(queue.take(0)).toBeUndefined()
    queue.adopt({ producerId: 7, producerEpoch: 0 })
    const first = queue.take(0) as ClientBatch
    queue.acknowledged(first, 0, 1_000, 0)
    expect([stampOf(first), stampOf(queue.take(0)), stampOf(queue.take(0))]).toEqual(['7:0', '7:3', '7:5'])
  })

  test('has one batch in flight until the broker knows the identity, then as many as the options allow', () => {
    const queue = queueOf({ maxInFlight: 3 })
    queue.adopt({ producerId: 7, producerEpoch: 0 })
    for (let place = 0; place < 9; place++) queue.push(batchOf([place]))
    const first = queue.take(0) as ClientBatch
    expect(queue.take(0)).toBeUndefined()
    queue.acknowledged(first, 0, 1_000, 0)
    expect([queue.take(0), queue.take(0), queue.take(0)]).not.toContain(undefined)
    expect(queue.take(0)).toBeUndefined()
  })

  test('fails a record by itself that is too large to be sent, not its neighbours', () => {
    const queue = queueOf({ maxBytes: 300 })
    queue.adopt({ producerId: 7, producerEpoch: 0 })
    queue.push(batchOf([0, 1, 2], 1_000, 100))
    queue.push(batchOf([3], 1_000, 400))
    const sent: (ClientBatch | undefined)[] = []
    for (let batch = queue.take(0); batch !== undefined; batch = queue.take(0)) {
      sent.push(batch)
      queue.acknowledged(batch, sent.length, 1_000, 0)
    }
    expect(sent.map((batch) => batch?.recordCount)).toEqual([1, 2])
    expect(settled.at(-1)).toBe('3 BATCH_TOO_LARGE')
  })
})

describe('failures', () => {
  test('after one, nothing is sent before everything in flight is answered; then it is sent again after a wait', () => {
    const { queue, batches } = flying(4)
    queue.push(batchOf([9]))
    queue.failed(batches[1]!, error('LIMIT_REACHED'), 100)
    queue.failed(batches[2]!, error('OUT_OF_ORDER_SEQUENCE'), 100)
    expect(queue.take(1_000)).toBeUndefined()
    queue.failed(batches[3]!, error('OUT_OF_ORDER_SEQUENCE'), 100)
    expect(queue.heldUntilMs).toBe(110)
    expect(queue.take(109)).toBeUndefined()
    const again = [queue.take(110), queue.take(110), queue.take(110), queue.take(110)]
    expect(again.map(stampOf)).toEqual(['7:1', '7:2', '7:3', '7:4'])
    expect(settled).toEqual([])
  })

  test('a refused batch fails, and those behind it take its sequences', () => {
    const { queue, batches } = flying(4)
    queue.failed(batches[1]!, error('TOPIC_NOT_FOUND'), 0)
    queue.failed(batches[2]!, error('OUT_OF_ORDER_SEQUENCE'), 0)
    queue.failed(batches[3]!, error('OUT_OF_ORDER_SEQUENCE'), 0)
    expect(settled).toEqual(['1 TOPIC_NOT_FOUND'])
    const again = [queue.take(0), queue.take(0)]
    expect(again).toEqual([batches[2], batches[3]])
    expect(again.map(stampOf)).toEqual(['7:1', '7:2'])
    expect(again.every((batch) => RecordBatch.at(batch!.bytes).hasValidChecksum())).toBe(true)
  })

  test('a lost connection: all in flight is sent again with the same sequences', () => {
    const { queue } = flying(4)
    queue.disconnected(error('CONNECTION_FAILED'), 0)
    expect([queue.take(0), queue.take(0), queue.take(0)].map(stampOf)).toEqual(['7:1', '7:2', '7:3'])
  })

  test('a refused batch that may be stored from before: those behind it go on under another identity', () => {
    const { queue, batches } = flying(3)
    queue.disconnected(error('CONNECTION_FAILED'), 0)
    expect([queue.take(0), queue.take(0)]).toEqual([batches[1], batches[2]])
    queue.failed(batches[1]!, error('INVALID_TIMESTAMP'), 0)
    queue.failed(batches[2]!, error('OUT_OF_ORDER_SEQUENCE'), 0)
    expect(settled).toEqual(['1 INVALID_TIMESTAMP?'])
    expect(queue.needsIdentity).toBe(true)
    queue.adopt({ producerId: 8, producerEpoch: 0 })
    expect(stampOf(queue.take(0))).toBe('8:0')
  })

  test('a broker that forgot what it acknowledged: a batch that was sent once goes on under another identity', () => {
    const { queue, batches } = flying(3)
    queue.failed(batches[1]!, error('OUT_OF_ORDER_SEQUENCE'), 0)
    queue.failed(batches[2]!, error('OUT_OF_ORDER_SEQUENCE'), 0)
    expect(settled).toEqual([])
    expect(queue.needsIdentity).toBe(true)
    queue.adopt({ producerId: 8, producerEpoch: 0 })
    expect(stampOf(queue.take(100))).toBe('8:0')
  })

  test('and one whose outcome is not known fails as such', () => {
    const { queue, batches } = flying(2)
    queue.disconnected(error('CONNECTION_FAILED'), 0)
    expect(queue.take(0)).toBe(batches[1])
    queue.failed(batches[1]!, error('OUT_OF_ORDER_SEQUENCE'), 0)
    expect(settled).toEqual(['1 OUT_OF_ORDER_SEQUENCE?'])
  })

  test('a fenced identity is used no more', () => {
    const { queue, batches } = flying(2)
    queue.push(batchOf([9]))
    queue.failed(batches[1]!, error('PRODUCER_FENCED'), 0)
    expect(settled).toEqual(['1 PRODUCER_FENCED'])
    expect(queue.needsIdentity).toBe(true)
  })

  test.each<ErrorCode>(['BATCH_TOO_LARGE', 'INVALID_TIMESTAMP'])(
    '%s: the batch is halved until only the offending record is left',
    (code) => {
      const queue = queueOf()
      queue.adopt({ producerId: 7, producerEpoch: 0 })
      queue.push(batchOf([0, 1, 2, 3]))
      let offset = 0
      for (let batch = queue.take(0); batch !== undefined; batch = queue.take(0)) {
        const places = batch.runs.flatMap(placesOf)
        if (places.includes(2)) queue.failed(batch, error(code), 0)
        else {
          queue.acknowledged(batch, offset, 1_000, 0)
          offset += places.length
        }
      }
      expect(settled).toEqual(['0 at 0', '1 at 1', `2 ${code}`, '3 at 2'])
    },
  )

  test('an answer to a batch that is settled already means nothing', () => {
    const { queue, batches } = flying(2)
    queue.acknowledged(batches[1]!, 5, 1_000, 0)
    queue.acknowledged(batches[1]!, 5, 1_000, 0)
    queue.failed(batches[1]!, error('INTERNAL'), 0)
    expect(settled).toEqual(['1 at 5'])
  })
})

describe('time', () => {
  test('what was sent and has no answer in time is unknown, and the rest goes on under another identity', () => {
    const { queue } = flying(3)
    queue.push(batchOf([9], 5_000))
    queue.expire(999)
    expect(settled).toEqual([])
    queue.expire(1_000)
    expect(settled).toEqual(['1 TIMED_OUT?', '2 TIMED_OUT?'])
    expect(queue.needsIdentity).toBe(true)
    queue.adopt({ producerId: 8, producerEpoch: 0 })
    expect(stampOf(queue.take(1_000))).toBe('8:0')
  })

  test('what was never sent is not stored', () => {
    const queue = queueOf()
    queue.push(batchOf([0]))
    queue.push(batchOf([1], 2_000))
    queue.expire(1_500)
    expect(settled).toEqual(['0 TIMED_OUT'])
    expect(queue.size).toBe(1)
  })

  test('what was surely refused each time is not stored, and leaves no gap', () => {
    const { queue, batches } = flying(2)
    queue.push(batchOf([9], 5_000))
    queue.failed(batches[1]!, error('DISK_FULL'), 0)
    queue.expire(1_000)
    expect(settled).toEqual(['1 TIMED_OUT'])
    expect(stampOf(queue.take(1_000))).toBe('7:1')
  })
})

describe('sequences', () => {
  test('wrap around to 0', () => {
    const queue = queueOf()
    queue.adopt({ producerId: 7, producerEpoch: 0 })
    // As many records as there are sequences cannot be sent in a test.
    Object.assign(queue, { nextSequence: 0x7fff_ffff, storedEnd: 0x7fff_ffff, known: true })
    queue.push(batchOf([0, 1]))
    queue.push(batchOf([2]))
    expect([stampOf(queue.take(0)), stampOf(queue.take(0))]).toEqual(['7:2147483647', '7:1'])
  })
})
