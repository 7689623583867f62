import type { Engine, EnginePartition } from '@millrace/engine'
import type { Disk, Finding } from '@millrace/log'
import { BatchBuilder, DEFAULT_LIMITS } from '@millrace/record'
import { batchOf, CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'
import { type VerifyProgress, type VerifySummary, verifyDataDirectory } from './verify-data-directory.ts'

const DATA = '/data'
const SETTINGS = { 'segment.bytes': '1024', 'index.interval.bytes': '256' }

let disk: CrashDisk
let clock: ManualClock

beforeEach(() => {
  disk = new CrashDisk(seededRandom(1))
  clock = new ManualClock()
})

const open = (): Promise<Engine> => openLocalEngine({ disk: disk.mount(), dataDir: DATA, clock })

async function verify(on: Disk = disk): Promise<{ found: Finding[]; errors: string[]; summary: VerifySummary }> {
  const found: Finding[] = []
  const summary = await verifyDataDirectory({
    disk: on,
    dataDir: DATA,
    onFinding: (finding) => void found.push(finding),
  })
  return { found, errors: found.filter(({ severity }) => severity === 'error').map(({ kind }) => kind), summary }
}

/** Makes topics of two partitions and fills them. */
async function fill(engine: Engine, names: readonly string[], batches = 20): Promise<void> {
  const partitions: EnginePartition[] = []
  for (const name of names) {
    const { id } = await engine.topics.create({ name, partitions: 2, settings: SETTINGS })
    partitions.push(engine.partition(id, 0), engine.partition(id, 1))
  }
  for (let batch = 0; batch < batches; batch++) {
    await Promise.all(partitions.map((partition) => partition.append(batchOf(['v'.repeat(90)]), { acks: 'committed' })))
  }
}

describe('a data directory that is well', () => {
  test('after a shutdown in order has nothing to tell of', async () => {
    const engine = await open()
    await fill(engine, ['a', 'b'])
    const gone = await engine.topics.create({ name: 'gone', partitions: 1, settings: {} })
    await engine.topics.delete(gone.id)
    await engine.close()
    const { found, summary } = await verify()
    expect(found).toEqual([])
    expect(summary).toMatchObject({ topics: 2, partitions: 6, errors: 0, notes: 0 })
    expect(summary.batches).toBeGreaterThanOrEqual(2 * 2 * 20 + 4)
  })

  test('is so when a topic that was compacted no longer is, also where a crash ended its first compaction', async () => {
    for (let turn = 0; turn <= 400; turn += 20) {
      disk = new CrashDisk(seededRandom(turn))
      const engine = await openLocalEngine({ disk: disk.mount({ deadCalls: 'hang' }), dataDir: DATA, clock })
      const settings = { ...SETTINGS, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' }
      const { id } = await engine.topics.create({ name: 't', partitions: 1, settings })
      for (let batch = 0; batch < 40; batch++) {
        const builder = new BatchBuilder()
        for (const value of ['a', 'b', 'c'])
          builder.append({ key: Buffer.from('k'), value: Buffer.from(value.repeat(90)), timestamp: 1 })
        await engine.partition(id, 0).append(builder.build().buffer, { acks: 'committed' })
      }
      clock.advance(DEFAULT_LIMITS.housekeepingIntervalMs)
      for (let left = turn; left > 0; left--) await new Promise<void>((resolve) => setImmediate(resolve))
      disk.kill()
      const next = await open()
      await next.topics.alter(id, { set: { 'cleanup.policy': 'delete' } })
      await next.close()
      expect((await verify()).errors, `turn ${turn}`).toEqual([])
    }
  })

  test('after SIGKILL, and before recovery, has notes at most, whatever only the journal has', async () => {
    for (let batches = 0; batches < 12; batches++) {
      disk = new CrashDisk(seededRandom(batches))
      const engine = await open()
      await fill(engine, ['a', 'b', 'c'], batches)
      disk.kill()
      const { found, errors } = await verify()
      expect(errors).toEqual([])
      expect(found.map(({ kind }) => kind)).toContain('unclean-shutdown')
      await (await open()).close()
      expect((await verify()).errors).toEqual([])
    }
  })

  test('tells how far the check is, up to the end', async () => {
    const engine = await open()
    await fill(engine, ['a'], 30)
    await engine.close()
    const told: VerifyProgress[] = []
    const { bytes } = await verifyDataDirectory({
      disk,
      dataDir: DATA,
      onFinding: () => {},
      onProgress: (progress) => told.push(progress),
    })
    expect(told.at(-1)).toMatchObject({ doneBytes: bytes, totalBytes: bytes })
    expect(bytes).toBeGreaterThan(30 * 2 * 90)
  })
})

describe('the journal', () => {
  /** A directory whose last round is in the journal, and lost from the segments. */
  async function lostSegmentEnds(): Promise<string[]> {
    const engine = await open()
    await fill(engine, ['a', 'b', 'c'], 1)
    disk.kill()
    const logs = disk.paths().filter((path) => /\/[abc]-[01]\/.*\.log$/.test(path))
    expect(logs.length).toBe(6)
    for (const path of logs) {
      const file = await disk.open(path)
      await file.truncate(0)
      await file.close()
    }
    return disk.paths().filter((path) => path.endsWith('.journal'))
  }

  test('makes up for what the segments lack', async () => {
    await lostSegmentEnds()
    const { found, errors, summary } = await verify()
    expect(errors).toEqual([])
    expect(found.filter(({ kind }) => kind === 'journal-ahead').length).toBe(6)
    expect(summary.batches).toBeGreaterThanOrEqual(6)
  })

  test('a damaged entry at its end is a note', async () => {
    const [journal = ''] = await lostSegmentEnds()
    const size = disk.contentOf(journal).length
    flipBit(journal, size - 1)
    const { found, errors } = await verify()
    expect(errors).toEqual([])
    expect(found).toContainEqual(
      expect.objectContaining({ kind: 'torn-journal', file: journal.slice(DATA.length + 1) }),
    )
  })
})

describe('what is wrong', () => {
  beforeEach(async () => {
    const engine = await open()
    await fill(engine, ['a', 'b'])
    await engine.close()
  })

  test('is told with the file, relative to the directory, and its place', async () => {
    const path = disk.paths().find((name) => name.startsWith(`${DATA}/b-1/`) && name.endsWith('.log')) as string
    flipBit(path, 70)
    const { found } = await verify()
    expect(found).toContainEqual(
      expect.objectContaining({ kind: 'corrupt-batch', file: path.slice(DATA.length + 1), position: 0 }),
    )
  })

  test('a partition whose directory is gone', async () => {
    await disk.remove(`${DATA}/a-1`)
    expect((await verify()).found).toEqual([
      expect.objectContaining({ kind: 'partition-missing', severity: 'error', file: 'a-1' }),
    ])
  })

  test('metadata that names another topic, and none', async () => {
    flipBit(`${DATA}/a-0/partition.metadata`, 30)
    await disk.remove(`${DATA}/a-1/partition.metadata`)
    expect((await verify()).errors).toEqual(['metadata-mismatch', 'metadata-mismatch'])
  })

  test('a damaged catalog, whose topics are then unknown', async () => {
    const path = disk.paths().find((name) => name.includes('__millrace_catalog-0/') && name.endsWith('.log')) as string
    flipBit(path, 70)
    const { found } = await verify()
    expect(found[0]).toMatchObject({ kind: 'corrupt-batch', file: path.slice(DATA.length + 1), position: 0 })
    expect(found.filter(({ kind }) => kind === 'leftover-directory').map(({ file }) => file)).toEqual(['a-0', 'a-1'])
  })

  test('what belongs to nobody is a note', async () => {
    await disk.makeDirectory(`${DATA}/other-0`)
    await (await disk.open(`${DATA}/probe`, { create: true })).close()
    const { found, errors } = await verify()
    expect(errors).toEqual([])
    expect(found.map(({ kind, file }) => [kind, file])).toEqual([
      ['leftover-directory', 'other-0'],
      ['leftover-file', 'probe'],
    ])
  })
})

describe('a directory that is not to be checked', () => {
  test('is one that a server uses', async () => {
    const engine = await open()
    await expect(verify()).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
    await engine.close()
    await verify()
  })

  test('keeps a server out while it is checked, and no longer', async () => {
    await (await open()).close()
    let refused: unknown
    await disk.makeDirectory(`${DATA}/other-0`)
    await verifyDataDirectory({
      disk,
      dataDir: DATA,
      onFinding: async () => {
        refused = await open().catch((error: unknown) => error)
      },
    })
    expect(refused).toMatchObject({ code: 'DATA_DIR_LOCKED' })
    await (await open()).close()
  })

  test('is one that is not there, or holds something else', async () => {
    await expect(verify()).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' })
    await disk.makeDirectory(DATA)
    await expect(verify()).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' })
    expect(disk.paths()).toEqual(['/', DATA])
  })
})

test('a check ends when it is told to', async () => {
  const engine = await open()
  await fill(engine, ['a'])
  await engine.close()
  const controller = new AbortController()
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(
    verifyDataDirectory({
      disk,
      dataDir: DATA,
      onFinding: () => {},
      signal: controller.signal,
      limits: DEFAULT_LIMITS,
    }),
  ).rejects.toBe(reason)
  await (await open()).close()
})

function flipBit(path: string, position: number): void {
  const byte = disk.contentOf(path).readUInt8(position)
  disk.damage(path, position, Buffer.of(byte ^ 1))
}
