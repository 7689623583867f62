import type { Engine, EnginePartition } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { BatchBuilder, DEFAULT_LIMITS, MillraceError, readBatches } from '@millrace/record'
import { CrashDisk, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'

const DATA = '/data'
/** Nothing is read from memory. */
const LIMITS = { ...DEFAULT_LIMITS, tailCacheBytes: 0, indexCacheBytes: 0 }

interface StoredBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly bytes: Buffer
  readonly timestamps: readonly number[]
  readonly position: number
  readonly path: string
}

interface Stored {
  readonly disk: CrashDisk
  readonly topicId: string
  readonly batches: readonly StoredBatch[]
}

/** A topic of several segments, timestamps in no order, whose engine has ended in order. */
async function store(
  random: SeededRandom,
  count: number,
  valueBytes: number,
  settings: Record<string, string>,
): Promise<Stored> {
  const disk = new CrashDisk(random)
  const engine = await open(disk)
  const { id: topicId } = await engine.topics.create({ name: 't', partitions: 1, settings })
  const partition = engine.partition(topicId, 0)
  const written: { baseOffset: number; bytes: Buffer; timestamps: number[] }[] = []
  for (let batch = 0; batch < count; batch++) {
    const builder = new BatchBuilder()
    const timestamps = Array.from({ length: random.int(1, 3) }, () => 1_000 + batch * 4 + random.int(0, 40))
    for (const timestamp of timestamps)
      builder.append({ key: null, value: random.bytes(random.int(0, valueBytes)), timestamp })
    const { buffer } = builder.build()
    const { baseOffset } = await partition.append(buffer, { acks: 'committed' })
    written.push({ baseOffset, bytes: Buffer.from(buffer), timestamps })
  }
  await engine.close()
  return { disk, topicId, batches: place(disk, written) }
}

function place(
  disk: CrashDisk,
  written: readonly { baseOffset: number; bytes: Buffer; timestamps: readonly number[] }[],
): StoredBatch[] {
  const logs = disk.paths().filter((path) => /\/t-0\/\d+\.log$/.test(path))
  let position = 0
  let log = -1
  return written.map((batch) => {
    const base = Number(logs[log + 1]?.slice(-24, -4))
    if (batch.baseOffset === base) {
      log++
      position = 0
    }
    const at = position
    position += batch.bytes.length
    return { ...batch, nextOffset: batch.baseOffset + batch.timestamps.length, position: at, path: logs[log] as string }
  })
}

const open = (disk: CrashDisk): Promise<Engine> =>
  openLocalEngine({ disk, dataDir: DATA, clock: new ManualClock(), limits: LIMITS })

function flip(disk: CrashDisk, path: string, bit: number): void {
  const byte = disk.contentOf(path).readUInt8(bit >> 3)
  disk.damage(path, bit >> 3, Buffer.of(byte ^ (1 << (bit & 7))))
}

/** What a reader gets at an offset: the batch that it wants, or the error. */
async function readAt(partition: EnginePartition, offset: number): Promise<Buffer | MillraceError> {
  try {
    const { batches } = await partition.read(offset, { maxBytes: 1 })
    return [...readBatches(Buffer.concat([...batches]))][0]?.buffer ?? Buffer.alloc(0)
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
}

/** The bytes of a batch without its leader epoch, which nothing but the `.crc` file covers. */
function essential(bytes: Buffer): string {
  return Buffer.concat([bytes.subarray(0, 12), bytes.subarray(16)]).toString('latin1')
}

/** Reads batches one by one; all but `hit` must be as they were written, and `hit` must be told of with its place. */
async function expectReads(
  partition: EnginePartition,
  batches: readonly StoredBatch[],
  hit: StoredBatch | undefined,
  what: string,
) {
  for (const batch of batches) {
    for (const offset of [batch.baseOffset, batch.nextOffset - 1]) {
      const got = await readAt(partition, offset)
      if (batch !== hit)
        expect(
          got instanceof Buffer && essential(got) === essential(batch.bytes),
          `${what}: offset ${offset}: ${got}`,
        ).toBe(true)
      else {
        const { path, position } = batch
        const file = path.slice('/data/'.length)
        expect(got, `${what}: offset ${offset}`).toMatchObject({ code: 'CORRUPT_BATCH', details: { file, position } })
      }
    }
  }
}

/** Looks for times; the answer must be right, or tell of the damage. */
async function expectTimes(
  partition: EnginePartition,
  batches: readonly StoredBatch[],
  mayFail: boolean,
  times: readonly number[],
  what: string,
) {
  const records = batches.flatMap(({ baseOffset, timestamps }) =>
    timestamps.map((timestamp, index) => ({ offset: baseOffset + index, timestamp })),
  )
  for (const timestampMs of times) {
    const expected = records.find(({ timestamp }) => timestamp >= timestampMs)
    try {
      expect(await partition.offsetForTimestamp(timestampMs), `${what}: time ${timestampMs}`).toEqual(expected)
    } catch (error) {
      if (!mayFail || !(error instanceof MillraceError)) throw error
      expect(error.code, what).toBe('CORRUPT_BATCH')
    }
  }
}

describe('a flipped bit in a file of a closed segment', () => {
  test('of a small segment, each in turn: only the batch that is hit cannot be read, and indexes mislead nobody', async () => {
    const random = seededRandom(11)
    const settings = { 'segment.bytes': '1024', 'index.interval.bytes': '256' }
    const { disk, topicId, batches } = await store(random, 24, 90, settings)
    const [first] = batches as [StoredBatch]
    const own = batches.filter(({ path }) => path === first.path)
    const neighbour = batches[own.length] as StoredBatch
    expect(own.length).toBeGreaterThan(3)
    const times = [...new Set(own.flatMap(({ timestamps }) => timestamps))].flatMap((time) => [time, time + 1])
    for (const suffix of ['log', 'index', 'timeindex', 'crc']) {
      const path = first.path.replace(/log$/, suffix)
      const bits = disk.contentOf(path).length * 8
      expect(bits, path).toBeGreaterThan(0)
      const engine = await open(disk)
      const partition = engine.partition(topicId, 0)
      for (let bit = 0; bit < bits; bit++) {
        const byte = bit >> 3
        const covering = own.find(({ position, bytes }) => byte >= position && byte < position + bytes.length)
        const inBatch = byte - (covering?.position ?? 0)
        const hit = suffix !== 'log' || (inBatch >= 12 && inBatch < 16) ? undefined : covering
        flip(disk, path, bit)
        const what = `bit ${bit} of the .${suffix}`
        await expectReads(partition, [...own, neighbour], hit, what)
        const looked = suffix.endsWith('index') ? times : [random.pick(times), random.pick(times)]
        await expectTimes(partition, batches, hit !== undefined, looked, what)
        flip(disk, path, bit)
      }
      await expectTimes(partition, batches, false, times, `.${suffix}, whole again`)
      await engine.close()
    }
  })

  test('of larger segments, at places that a seed draws', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = seededRandom(seed)
      const settings = { 'segment.bytes': '60000', 'index.interval.bytes': '4096' }
      const { disk, topicId, batches } = await store(random, 250, 900, settings)
      const active = (batches.at(-1) as StoredBatch).path
      const closed = batches.filter(({ path }) => path !== active)
      expect(closed.length).toBeGreaterThan(50)
      for (let round = 0; round < 25; round++) {
        const log = random.pick(closed).path
        const path = log.replace(/log$/, random.pick(['log', 'log', 'index', 'timeindex']))
        const bit = random.int(0, disk.contentOf(path).length * 8 - 1)
        const byte = bit >> 3
        const covering = closed.find(
          (batch) => batch.path === path && byte >= batch.position && byte < batch.position + batch.bytes.length,
        )
        const inBatch = byte - (covering?.position ?? 0)
        const hit = inBatch >= 12 && inBatch < 16 ? undefined : covering
        flip(disk, path, bit)
        const what = `seed ${seed}, bit ${bit} of ${path}`
        const engine = await open(disk)
        const partition = engine.partition(topicId, 0)
        const around = closed.filter((batch) => batch.path === log && Math.abs(batch.position - byte) < 20_000)
        await expectReads(
          partition,
          suffixIsLog(path) ? around : closed.filter((batch) => batch.path === log),
          hit,
          what,
        )
        const times = Array.from({ length: 5 }, () => random.pick(random.pick(closed).timestamps))
        await expectTimes(partition, batches, hit !== undefined, times, what)
        await engine.close()
        flip(disk, path, bit)
      }
    }
  })
})

function suffixIsLog(path: string): boolean {
  return path.endsWith('.log')
}
