import type { Consumer, Millrace, ReadRecord } from '@millrace/client'
import { describe, expect, test } from 'vitest'
import { numbers, produce, QUICK, serveGroups, until } from './groups-harness.ts'

const committed = async (mr: Millrace): Promise<number[]> => {
  const offsets = await mr.admin.fetchOffsets({ group: 'g' })
  return offsets.map(({ offset }) => offset)
}
const sorted = (values: Iterable<string>): string[] => [...values].sort((a, b) => Number(a) - Number(b))

describe('one consumer', () => {
  test('reads everything, commits it when it closes, and the next goes on from there', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 3 })
    await produce(mr, 100)
    const seen: string[] = []
    for (const total of [100, 150]) {
      const consumer = mr.consumer({ ...QUICK, group: 'g' })
      await Promise.all([
        consumer.run((record) => void seen.push(record.text() as string), { concurrency: 4 }),
        until(() => seen.length === total).then(() => consumer.close()),
      ])
      if (total === 100)
        await mr.producer().sendBatch(numbers(50).map((n) => ({ topic: 't', value: `${Number(n) + 100}` })))
    }
    expect(sorted(seen)).toEqual(numbers(150))
  })

  test('a loop: what is asked for after it is handled, what the loop was left with is not', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 1 })
    await produce(mr, 5)
    const seen: (string | null)[] = []
    for (const last of ['2', '4']) {
      for await (const record of mr.consumer({ ...QUICK, group: 'g' })) {
        seen.push(record.text())
        if (record.text() === last) break
      }
    }
    expect(seen).toEqual(['0', '1', '2', '2', '3', '4'])
  })

  test('arrays for sinks, full or when their time is up', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 1 })
    await produce(mr, 25)
    const sizes: number[] = []
    const consumer = mr.consumer({ ...QUICK, group: 'g' })
    for await (const records of consumer.batches({ size: 10, timeMs: 20 })) {
      sizes.push(records.length)
      if (sizes.reduce((sum, size) => sum + size) === 25) break
    }
    expect(sizes).toEqual([10, 10, 5])
  })

  test('batches as they were stored', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 1 })
    for (let n = 0; n < 3; n++) await produce(mr, 4)
    const consumer = mr.consumer({ ...QUICK, group: 'g' })
    const seen: string[] = []
    await consumer.runBatches(({ records }) => {
      seen.push(records.map(({ offset }) => offset).join())
      if (seen.length === 3) void consumer.close()
    })
    expect(seen).toEqual(['0,1,2,3', '4,5,6,7', '8,9,10,11'])
  })

  test('keeps the order of each key, whatever runs beside it', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 2 })
    await produce(mr, 200, 7)
    const consumer = mr.consumer({ ...QUICK, group: 'g' })
    const byKey = new Map<string, number[]>()
    const busy = new Set<string>()
    let most = 0
    let count = 0
    await consumer.run(
      async (record) => {
        const key = record.keyText() as string
        expect(busy.has(key)).toBe(false)
        busy.add(key)
        most = Math.max(most, busy.size)
        await new Promise((resolve) => setTimeout(resolve, count % 3))
        busy.delete(key)
        byKey.set(key, [...(byKey.get(key) ?? []), Number(record.text())])
        if (++count === 200) void consumer.close()
      },
      { concurrency: 4 },
    )
    for (const values of byKey.values()) expect(values).toEqual(values.toSorted((a, b) => a - b))
    expect(most).toBe(4)
  })

  test('pauses, resumes and seeks', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 1 })
    await produce(mr, 5)
    const consumer: Consumer = mr.consumer({
      ...QUICK,
      group: 'g',
      onAssigned: ([partition]) => {
        expect(partition).toEqual({ topic: 't', partition: 0, committedOffset: undefined })
        consumer.seek({ topic: 't', partition: 0, offset: 3 })
      },
    })
    const records = consumer[Symbol.asyncIterator]()
    const next = async (): Promise<number> => (await records.next()).value?.offset as number
    expect([await next(), await next()]).toEqual([3, 4])
    consumer.seek({ topic: 't', partition: 0, offset: 1 })
    expect(await next()).toBe(1)
    consumer.pause([{ topic: 't', partition: 0 }])
    const later = next()
    let isThere = false
    later.then(() => {
      isThere = true
    })
    await produce(mr, 1)
    await consumer.commit()
    expect(isThere).toBe(false)
    consumer.resume([{ topic: 't', partition: 0 }])
    expect(await later).toBe(2)
    for (const call of [
      () => consumer.pause([{ topic: 't', partition: 9 }]),
      () => consumer.seek({ topic: 'u', partition: 0, offset: 0 }),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'PARTITION_NOT_OWNED' }))
    }
    const closed = consumer.close()
    expect((await records.next()).done).toBe(true)
    await closed
    expect(await committed(mr)).toEqual([3])
  })

  test('closing waits for the body of a loop, which may still end its transaction', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 1 })
    await produce(mr, 5)
    const consumer = mr.consumer({ ...QUICK, group: 'g', autoCommitIntervalMs: 60_000 })
    let closed: Promise<void> | undefined
    let isClosed = false
    for await (const record of consumer) {
      if (record.text() !== '2') continue
      closed = consumer.close().then(() => {
        isClosed = true
      })
      await mr.admin.listTopics()
      expect(isClosed).toBe(false)
      expect(consumer.offsetsForTransaction().offsets).toEqual([{ topic: 't', partition: 0, offset: 3 }])
    }
    await closed
    expect(() => consumer.offsetsForTransaction()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })
})

describe('several consumers', () => {
  test('share the partitions, and give back only what must move, after its handlers have ended', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 4 })
    const revoked: number[] = []
    const first = mr.consumer({
      ...QUICK,
      group: 'g',
      onRevoked: (partitions) => void revoked.push(...partitions.map(({ partition }) => partition)),
    })
    const working = new Set<number>()
    const seen: string[] = []
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const handle = async (record: ReadRecord): Promise<void> => {
      working.add(record.partition)
      await opened
      working.delete(record.partition)
      seen.push(record.text() as string)
    }
    const running = [first.run(handle, { concurrency: 4, order: 'partition' })]
    await until(() => first.assigned().length === 4)
    await mr.producer().sendBatch(numbers(40).map((value, n) => ({ topic: 't', value, partition: n % 4 })))
    await until(() => working.size === 4)
    const second = mr.consumer({ ...QUICK, group: 'g' })
    running.push(second.run((record) => void seen.push(record.text() as string)))
    await until(async () => second.assigned().length + first.assigned().length >= 4)
    expect(revoked).toEqual([])
    expect(second.assigned()).toEqual([])
    open()
    await until(() => second.assigned().length === 2 && first.assigned().length === 2)
    expect(revoked).toHaveLength(2)
    await until(() => seen.length >= 40)
    expect(sorted(seen)).toEqual(numbers(40))
    await Promise.all([first.close(), second.close(), ...running])
  })

  test('the server goes and comes back: members stay members, and nothing is read twice', async () => {
    const server = await serveGroups()
    const mr = server.client()
    await mr.admin.createTopic({ name: 't', partitions: 4 })
    const seen: string[] = []
    const lost: unknown[] = []
    const consumers = [0, 1].map(() => mr.consumer({ ...QUICK, group: 'g', onLost: (it) => void lost.push(it) }))
    const running = consumers.map((it) => it.run((record) => void seen.push(record.text() as string)))
    await until(() => consumers.every((it) => it.assigned().length === 2))
    await produce(mr, 50)
    await until(() => seen.length === 50)
    await server.restart()
    await mr.producer().sendBatch(numbers(50).map((n) => ({ topic: 't', value: `${Number(n) + 50}` })))
    await until(() => seen.length === 100)
    await Promise.all([...consumers.map((it) => it.close()), ...running])
    expect(sorted(seen)).toEqual(numbers(100))
    expect(lost).toEqual([])
  })
})
