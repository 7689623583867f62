import { batchOf } from '@millrace/testkit'
import type { FetchStreamResponse } from '@millrace/wire'
import { describe, expect, test } from 'vitest'
import { batchesOf, type Chunk, Cursor, wantedOf } from './cursor.ts'
import { checkReadOptions, type ReadOptions } from './read-options.ts'

const cursorOf = (options: Partial<ReadOptions> = {}): Cursor =>
  new Cursor({ ...checkReadOptions({ topic: 't', ...options }), partition: 0 }, 1_000)

function answer(fields: Partial<FetchStreamResponse>): FetchStreamResponse {
  return {
    subscription: 1,
    generation: 0,
    nextOffset: 0,
    logStartOffset: 0,
    highWatermark: 100,
    lastStableOffset: 90,
    abortedTransactions: [],
    error: undefined,
    batches: Buffer.alloc(0),
    ...fields,
  }
}

describe('a cursor', () => {
  test('begins where the options say, and after an answer where that says', () => {
    const cursor = cursorOf({ from: { timestamp: 5 } })
    expect(cursor.position).toEqual({ timestamp: 5 })
    cursor.take(answer({ nextOffset: 7 }))
    expect(cursor.position).toEqual({ offset: 7 })
    cursor.take(answer({ nextOffset: 9, batches: Buffer.alloc(10) }))
    expect(cursor.position).toEqual({ offset: 9 })
  })

  test('after a seek and on a new stream, it is in the generation that the server counts', () => {
    const cursor = cursorOf({ from: { offset: 3 } })
    cursor.seek('earliest')
    expect([cursor.generation, cursor.position]).toEqual([1, 'earliest'])
    cursor.reopen()
    expect([cursor.generation, cursor.position]).toEqual([0, 'earliest'])
  })

  test.each([
    ['committed', 90],
    ['uncommitted', 100],
  ] as const)('to the end, %s: complete at %i, whatever comes to be the end later', (isolation, end) => {
    const cursor = cursorOf({ to: 'end', isolation })
    cursor.take(answer({}))
    const chunk = cursor.take(answer({ nextOffset: end - 1, batches: Buffer.alloc(10), highWatermark: 500 }))
    expect([chunk?.until, cursor.isComplete]).toEqual([end, false])
    cursor.take(answer({ nextOffset: end, batches: Buffer.alloc(10), lastStableOffset: 500 }))
    expect(cursor.isComplete).toBe(true)
  })

  test('grants again what was used, in large steps, and to a new stream only what is not held', () => {
    const cursor = cursorOf()
    expect(cursor.reopen()).toBe(1_000)
    cursor.take(answer({ nextOffset: 1, batches: Buffer.alloc(700) }))
    cursor.take(answer({ nextOffset: 2, batches: Buffer.alloc(400) }))
    expect(cursor.reopen()).toBe(0)
    expect(cursor.release(400, true)).toBe(0)
    expect(cursor.reopen()).toBe(300)
    expect(cursor.release(700, true)).toBe(700)
    expect(cursor.release(499, false)).toBe(0)
    expect(cursor.release(1, false)).toBe(500)
    expect(cursor.reopen()).toBe(1_000)
  })
})

test('a cursor whose credit is changed grants the difference, or as much less', () => {
  const cursor = cursorOf()
  expect(cursor.reopen()).toBe(1_000)
  expect(cursor.setCredit(2_000)).toBe(1_000)
  cursor.take(answer({ nextOffset: 1, batches: Buffer.alloc(2_000) }))
  expect(cursor.setCredit(800)).toBe(0)
  expect(cursor.release(1_200, true)).toBe(0)
  expect(cursor.reopen()).toBe(0)
  expect(cursor.release(399, true)).toBe(0)
  expect(cursor.release(401, true)).toBe(800)
})

describe('the records of a chunk', () => {
  const chunk = (from: number, until: number): Chunk => ({
    cursor: cursorOf(),
    bytes: batchOf(['a', 'b', 'c']),
    from,
    until,
    aborted: [],
    nextOffset: 3,
  })
  const values = (of: Chunk): string[] =>
    [...batchesOf(of)].flatMap((batch) => wantedOf(batch, of, ({ value }) => `${value}`))

  test('are those that are wanted', () => {
    expect(values(chunk(0, 3))).toEqual(['a', 'b', 'c'])
    expect(values(chunk(1, 2))).toEqual(['b'])
    expect(values(chunk(3, 9))).toEqual([])
  })

  test('are none where the bytes have changed', () => {
    const broken = chunk(0, 3)
    broken.bytes[70] = (broken.bytes[70] as number) ^ 1
    expect(() => values(broken)).toThrow(expect.objectContaining({ code: 'CORRUPT_BATCH' }))
  })
})
