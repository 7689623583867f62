import { systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import { expect, test } from 'vitest'
import type { Producer } from './producer.ts'
import { type Harness, startHarness } from './testing/harness.ts'

async function start(): Promise<Harness> {
  const engine = createMemoryEngine({ clock: systemClock })
  await engine.topics.create({ name: 't', partitions: 1, settings: {} })
  return startHarness(engine)
}

const record = (value: string) => ({ topic: 't', value })

test('sends one by one, together and with a signal are stored in the order of the calls', async () => {
  await using h = await start()
  // Small, so that some find no room.
  const producer = h.mr.producer({ bufferBytes: 2_000, batchBytes: 400 })
  const { signal } = new AbortController()
  const expected: string[] = []
  const sent: Promise<unknown>[] = []
  for (let round = 0; round < 40; round++) {
    const [a, b, c, d] = [record(`a${round}`), record(`b${round}`), record(`c${round}`), record(`d${round}`)] as const
    sent.push(producer.send(a), producer.sendBatch([b, c]), producer.send(d, { signal }))
    expected.push(a.value, b.value, c.value, d.value)
    // Some of the next find the line empty.
    if (round % 5 === 0) await Promise.all(sent)
  }
  await Promise.all(sent)
  expect(await h.texts('t')).toEqual(expected)
})

test('what a partitioner sends comes after the record that it was asked about, and neither harms the other', async () => {
  await using h = await start()
  const nested: Promise<unknown>[] = []
  const producer: Producer = h.mr.producer({
    partitioner({ key }) {
      if (key?.toString() === 'outer') nested.push(producer.send({ topic: 't', key: 'inner', value: 'longer than it' }))
      return 0
    },
  })
  // So that the topic is known.
  await producer.send({ topic: 't', value: 'first' })
  await producer.send({ topic: 't', key: 'outer', value: 'short' })
  await Promise.all(nested)
  expect(await h.texts('t')).toEqual(['first', 'short', 'longer than it'])
})
