import { DEFAULT_LIMITS, DEFAULT_MAX_MESSAGE_BYTES, type Logger, MillraceError, silentLogger } from '@millrace/record'
import { createMemoryEngine, ManualClock, type MemoryEngine } from '@millrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { jsonCodec } from './codec.ts'
import type { TablePartition } from './log-reader.ts'
import { type AppliedChange, Table, type TableOptions } from './table.ts'
import { LogDouble } from './testing/log-double.ts'

const clock = new ManualClock()
const codec = jsonCodec<unknown>()

let engine: MemoryEngine
let partition: TablePartition

beforeEach(async () => {
  engine = createMemoryEngine({ clock })
  const { id } = await engine.topics.create({ name: '__millrace_t', partitions: 1, settings: {} })
  partition = engine.partition(id, 0)
})

function open(more: Partial<TableOptions<string, unknown>> = {}): Promise<Table<string, unknown>> {
  return Table.open({ partition, codec, clock, limits: DEFAULT_LIMITS, ...more })
}

const contentOf = (table: Table<string, unknown>): object => Object.fromEntries(table.entries())

describe('a table', () => {
  test('has what was set, and not what was deleted, also when it is opened again', async () => {
    const table = await open()
    expect([table.size, table.sizeBytes, table.position, table.get('a'), table.has('a')]).toEqual([
      0,
      0,
      0,
      undefined,
      false,
    ])
    await table.set('a', 1)
    await table.set('a', { two: 2 })
    await table.set('b', null)
    await table.set('c', 'gone')
    await table.delete('c')
    await table.delete('never there')
    for (const opened of [table, await open()]) {
      expect(contentOf(opened)).toEqual({ a: { two: 2 }, b: null })
      expect([opened.has('b'), opened.has('c'), opened.size, opened.position]).toEqual([true, false, 2, 6])
      expect(opened.sizeBytes).toBe('a{"two":2}bnull'.length)
    }
  })

  test('shows a change once it is committed, and not before', async () => {
    const table = await open()
    await table.set('a', 'old')
    const commit = engine.holdCommits()
    const changed = Promise.all([table.set('a', 'new'), table.delete('a'), table.set('b', 1)])
    await new Promise((resolve) => setImmediate(resolve))
    expect(contentOf(table)).toEqual({ a: 'old' })
    commit()
    await changed
    expect(contentOf(table)).toEqual({ b: 1 })
  })

  test('takes up what is set side by side in the order of the calls', async () => {
    const seen: unknown[] = []
    const table = await open({ onChange: ({ value }) => seen.push(value) })
    const values = Array.from({ length: 100 }, (_, index) => index)
    await Promise.all(values.map((value) => table.set(`${value % 3}`, value)))
    expect(seen).toEqual(values)
    for (const opened of [table, await open()]) expect(contentOf(opened)).toEqual({ 0: 99, 1: 97, 2: 98 })
  })

  test('shows each change to a call that waited for it, though later ones fail', async () => {
    const log = new LogDouble()
    const table = await open({ partition: log })
    log.fates.push('commit', 'fail', 'commit')
    const [first, second, third] = await Promise.allSettled([table.set('a', 1), table.set('a', 2), table.set('b', 3)])
    expect([first.status, second.status, third.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(contentOf(table)).toEqual({ a: 1, b: 3 })
    expect(contentOf(await open({ partition: log }))).toEqual({ a: 1, b: 3 })
  })

  test('changes nothing when an append fails', async () => {
    const seen: unknown[] = []
    const table = await open({ onChange: (change) => seen.push(change) })
    await table.set('a', 1)
    seen.length = 0
    engine.failAppends(new MillraceError('DISK_FULL', 'full'))
    await expect(table.set('a', 2)).rejects.toMatchObject({ code: 'DISK_FULL' })
    await expect(table.delete('a')).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect([contentOf(table), seen, table.sizeBytes]).toEqual([{ a: 1 }, [], 2])
    engine.failAppends()
    await table.set('a', 3)
    expect(contentOf(table)).toEqual({ a: 3 })
  })

  test('takes up what was stored although its append failed, before what is committed after it', async () => {
    const log = new LogDouble()
    const seen: unknown[] = []
    const table = await open({ partition: log, onChange: ({ key, value }) => seen.push([key, value]) })
    log.fates.push('store and fail', 'store and fail')
    const failed = await Promise.allSettled([
      table.set('a', 1),
      table.batch([
        { key: 'a', value: 2 },
        { key: 'b', value: 2 },
      ]),
    ])
    expect(failed.map((result) => result.status === 'rejected' && result.reason.code)).toEqual([
      'COMMIT_UNKNOWN',
      'COMMIT_UNKNOWN',
    ])
    expect(contentOf(table)).toEqual({})
    await table.set('a', 3)
    expect(contentOf(table)).toEqual({ a: 3, b: 2 })
    expect(seen).toEqual([
      ['a', 1],
      ['a', 2],
      ['b', 2],
      ['a', 3],
    ])
    expect(table.position).toBe(4)
  })

  test('makes up later for what it could not read', async () => {
    const log = new LogDouble()
    const table = await open({ partition: log })
    log.fates.push('store and fail')
    await expect(table.set('a', 1)).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' })
    log.readError = new MillraceError('STORAGE_FAILED', 'no')
    await expect(table.set('b', 2)).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' })
    expect(contentOf(table)).toEqual({})
    log.readError = undefined
    await table.set('c', 3)
    expect(contentOf(table)).toEqual({ a: 1, b: 2, c: 3 })
  })

  test('refuses a record that means nothing to its codec, and says where', async () => {
    const table = await open()
    await table.set('a', 1)
    await table.set('b', 2)
    const strict = { ...codec, decodeValue: (bytes: Buffer) => (String(bytes) === '2' ? fail() : 0) }
    await expect(open({ codec: strict })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: "the table's record at offset 1 has no meaning: unknown",
    })
  })

  test('stores nothing when its codec cannot encode', async () => {
    const table = await open({ codec: { ...codec, encodeValue: (value) => (value === 2 ? fail() : Buffer.from('1')) } })
    const changes = [1, 2].map((value) => ({ key: 'a', value }))
    await expect(table.batch(changes)).rejects.toThrow('unknown')
    expect([table.size, (await partition.status()).highWatermark]).toEqual([0, 0])
    await table.set('a', 1)
    expect(table.size).toBe(1)
  })
})

describe('a batch', () => {
  test('is one record batch, whose changes are made in their order, at once', async () => {
    const log = new LogDouble()
    const seen: unknown[] = []
    const table: Table<string, unknown> = await open({
      partition: log,
      onChange: ({ key, value, previous }) => seen.push([key, value, previous, contentOf(table)]),
    })
    await table.batch([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
      { key: 'a', value: undefined },
    ])
    await table.batch([])
    expect(seen).toEqual([
      ['a', 1, undefined, { b: 2 }],
      ['b', 2, undefined, { b: 2 }],
      ['a', undefined, 1, { b: 2 }],
    ])
    expect(log.records().map(({ offset }) => offset)).toEqual([0, 1, 2])
    log.crash({ lose: 1 })
    expect(log.records()).toEqual([])
  })

  test('is refused when it is too large, and then nothing of it is stored', async () => {
    const table = await open()
    const value = 'x'.repeat(DEFAULT_MAX_MESSAGE_BYTES / 2)
    const changes = ['a', 'b'].map((key) => ({ key, value }))
    await expect(table.batch(changes)).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE' })
    await expect(table.set('a', value + value)).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE' })
    expect([table.size, (await partition.status()).highWatermark]).toEqual([0, 0])
    await table.set('a', value)
    expect(table.sizeBytes).toBe(1 + 2 + value.length)
  })
})

describe('the limit of a table', () => {
  const limits = { ...DEFAULT_LIMITS, tableBytes: 20 }

  test('refuses what would make it larger, and lets it shrink and change', async () => {
    const table = await open({ limits })
    await table.set('a', 'x'.repeat(10))
    await expect(table.set('b', 'x'.repeat(6))).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    await table.set('b', 'x'.repeat(4))
    expect(table.sizeBytes).toBe(20)
    await expect(table.set('c', '')).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    await table.set('a', 'y'.repeat(10))
    await table.delete('a')
    await table.set('c', 'x'.repeat(10))
    expect(contentOf(table)).toEqual({ b: 'xxxx', c: 'xxxxxxxxxx' })
  })

  test('counts what is under way, until that is committed or fails', async () => {
    const log = new LogDouble()
    const table = await open({ partition: log, limits })
    log.held = true
    log.fates.push('store and fail')
    const first = table.set('a', 'x'.repeat(14))
    await expect(table.set('b', 'x')).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    log.crash()
    await expect(first).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    await table.set('b', 'x'.repeat(14))
    expect(table.sizeBytes).toBe(17)
  })

  test('does not keep a larger one from being opened', async () => {
    await (await open()).set('a', 'x'.repeat(30))
    const table = await open({ limits })
    expect(table.sizeBytes).toBe(33)
    await table.set('a', 'x'.repeat(29))
    await expect(table.set('a', 'x'.repeat(30))).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
  })
})

describe('who follows a table', () => {
  test('is told what a key had before, and not of what was there at the start', async () => {
    await (await open()).set('a', 1)
    const seen: AppliedChange<string, unknown>[] = []
    const table = await open({ onChange: (change) => seen.push(change) })
    await table.set('a', 2)
    await table.delete('a')
    await table.delete('a')
    expect(seen).toEqual([
      { key: 'a', value: 2, previous: 1 },
      { key: 'a', value: undefined, previous: 2 },
      { key: 'a', value: undefined, previous: undefined },
    ])
  })

  test('may fail without harm to the table or to others', async () => {
    const errors: object[] = []
    const logger: Logger = { ...silentLogger, error: (fields) => errors.push(fields) }
    const table = await open({ logger, onChange: fail })
    await table.set('a', 1)
    expect(contentOf(table)).toEqual({ a: 1 })
    expect(errors).toEqual([{ err: new Error('unknown') }])
  })
})

describe('a table that is closed', () => {
  test('takes no more changes, ends those under way, and can be read', async () => {
    const table = await open()
    const commit = engine.holdCommits()
    const changed = table.set('a', 1)
    const closed = Promise.all([table.close(), table.close()])
    await expect(table.set('a', 2)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    await expect(table.batch([])).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    commit()
    await closed
    await changed
    expect(contentOf(table)).toEqual({ a: 1 })
  })
})

function fail(): never {
  throw new Error('unknown')
}
