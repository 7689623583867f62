import type { Acks, Engine, EnginePartition, FlushPolicy } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { DEFAULT_LIMITS, type MillraceError, readBatches } from '@millrace/record'
import { batchOf, CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'

/*
 * ARCHITECTURE.md says in a table what survives what. Each cell of it is a test here: acks × flush.policy, and what
 * happens. Chance decides what a crash leaves, so that each runs with a number of seeds.
 */
const SEEDS = 12
const FLUSH_MS = 1_000
const LOG_FILES = 'orders-0'

class Machine {
  readonly disk: CrashDisk
  readonly seed: number
  readonly clock = new ManualClock()
  readonly acks: Acks
  readonly policy: FlushPolicy
  private engine: Engine | undefined
  private topicId = ''

  constructor(seed: number, acks: Acks, policy: FlushPolicy) {
    this.disk = new CrashDisk(seededRandom(seed))
    this.seed = seed
    this.acks = acks
    this.policy = policy
  }

  async start(): Promise<EnginePartition> {
    this.engine = await openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', clock: this.clock })
    if (this.topicId === '') {
      const settings = { 'flush.policy': this.policy, 'flush.ms': String(FLUSH_MS) }
      this.topicId = (await this.engine.topics.create({ name: 'orders', partitions: 1, settings })).id
    }
    return this.engine.partition(this.topicId, 0)
  }

  async stop(): Promise<void> {
    await this.engine?.close()
  }

  /** Appends a batch of two records, and waits as `acks` says. */
  async append(partition: EnginePartition, name: string): Promise<void> {
    await partition.append(batchOf([`${name}-a`, `${name}-b`]), { acks: this.acks })
  }

  /** What is readable from the beginning; fails when batches are torn or offsets have gaps. */
  async values(partition: EnginePartition): Promise<string[]> {
    const values: string[] = []
    const { highWatermark } = await partition.status()
    for (let offset = 0; offset < highWatermark; ) {
      const { batches, nextOffset } = await partition.read(offset, { maxBytes: 1 << 20 })
      for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
        expect(batch.hasValidChecksum()).toBe(true)
        for (const record of batch.records(DEFAULT_LIMITS.decompressedBytes)) {
          expect(record.offset).toBe(values.length)
          values.push(String(record.value))
        }
      }
      offset = nextOffset
    }
    return values
  }
}

const NAMES = ['first', 'second', 'third']
const ALL = NAMES.flatMap((name) => [`${name}-a`, `${name}-b`])
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Runs `body` on a machine with some acknowledged batches, once for each seed. */
function survives(
  title: string,
  [acks, policy]: readonly [Acks, FlushPolicy],
  body: (machine: Machine, partition: EnginePartition) => Promise<void>,
): void {
  test(title, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const machine = new Machine(seed, acks, policy)
      const partition = await machine.start()
      for (const name of NAMES) await machine.append(partition, name)
      try {
        await body(machine, partition)
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
  })
}

const startsOf = (values: readonly string[]): string[][] =>
  Array.from({ length: values.length / 2 + 1 }, (_, batches) => values.slice(0, batches * 2))

async function failureOf(call: Promise<unknown>): Promise<MillraceError> {
  return call.then(
    () => expect.unreachable('it should have failed'),
    (error: MillraceError) => error,
  )
}

describe('acks=committed, flush.policy=commit', () => {
  const cell = ['committed', 'commit'] as const

  survives('a process crash takes nothing', cell, async (machine) => {
    machine.disk.kill()
    expect(await machine.values(await machine.start())).toEqual(ALL)
  })

  survives('a power cut takes nothing', cell, async (machine) => {
    machine.disk.crash()
    expect(await machine.values(await machine.start())).toEqual(ALL)
  })

  survives('a failed fsync is COMMIT_UNKNOWN, and takes nothing else', cell, async (machine, partition) => {
    machine.disk.failNext({ operation: 'datasync', path: LOG_FILES, code: 'EIO' })
    expect((await failureOf(machine.append(partition, 'failed'))).code).toBe('COMMIT_UNKNOWN')
    await machine.append(partition, 'after')
    machine.disk.crash()
    expect(await machine.values(await machine.start())).toEqual([...ALL, 'after-a', 'after-b'])
  })

  survives('a full disk is DISK_FULL, stores nothing and takes nothing', cell, async (machine, partition) => {
    machine.disk.failNext({ operation: 'write', path: LOG_FILES, code: 'ENOSPC' })
    expect((await failureOf(machine.append(partition, 'failed'))).code).toBe('DISK_FULL')
    expect(await machine.values(partition)).toEqual(ALL)
    await machine.append(partition, 'after')
    machine.disk.crash()
    expect(await machine.values(await machine.start())).toEqual([...ALL, 'after-a', 'after-b'])
  })
})

describe.each(['interval', 'os'] as const)('acks=committed, flush.policy=%s', (policy) => {
  const cell = ['committed', policy] as const

  survives('a process crash takes nothing', cell, async (machine) => {
    machine.disk.kill()
    expect(await machine.values(await machine.start())).toEqual(ALL)
  })

  survives('a power cut takes the end at most', cell, async (machine) => {
    machine.disk.crash()
    const left = await machine.values(await machine.start())
    expect(startsOf(ALL)).toContainEqual(left)
  })

  survives('a failed fsync takes nothing: the file is written anew', cell, async (machine, partition) => {
    machine.disk.failNext({ operation: 'datasync', path: LOG_FILES, code: 'EIO' })
    if (policy === 'interval') {
      machine.clock.advance(FLUSH_MS)
      await turns(60)
      machine.clock.advance(FLUSH_MS)
      await turns(60)
      expect(await machine.values(partition)).toEqual(ALL)
      machine.disk.crash()
    } else {
      // With `os`, the first sync is that of the shutdown.
      await machine.stop()
      machine.disk.crash()
    }
    expect(await machine.values(await machine.start())).toEqual(ALL)
  })

  survives('a full disk is DISK_FULL, stores nothing and takes nothing', cell, async (machine, partition) => {
    machine.disk.failNext({ operation: 'write', path: LOG_FILES, code: 'ENOSPC' })
    expect((await failureOf(machine.append(partition, 'failed'))).code).toBe('DISK_FULL')
    await machine.append(partition, 'after')
    expect(await machine.values(partition)).toEqual([...ALL, 'after-a', 'after-b'])
    machine.disk.kill()
    expect(await machine.values(await machine.start())).toEqual([...ALL, 'after-a', 'after-b'])
  })
})

test('with flush.policy=interval, what is older than flush.ms outlives a power cut', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const machine = new Machine(seed, 'committed', 'interval')
    const partition = await machine.start()
    for (const name of NAMES) await machine.append(partition, name)
    machine.clock.advance(FLUSH_MS)
    await turns(60)
    machine.disk.crash()
    expect(await machine.values(await machine.start())).toEqual(ALL)
  }
})

describe.each(['commit', 'interval', 'os'] as const)('acks=none, flush.policy=%s', (policy) => {
  const cell = ['none', policy] as const

  survives('a process crash takes the end at most, batch by batch', cell, async (machine) => {
    await turns(machine.seed)
    machine.disk.kill()
    expect(startsOf(ALL)).toContainEqual(await machine.values(await machine.start()))
  })

  survives(
    'a power cut takes the end at most, batch by batch, and nothing that was read under commit',
    cell,
    async (machine, partition) => {
      await turns(machine.seed)
      const read = policy === 'commit' ? await machine.values(partition) : []
      machine.disk.crash()
      const left = await machine.values(await machine.start())
      expect(startsOf(ALL)).toContainEqual(left)
      expect(left.slice(0, read.length)).toEqual(read)
    },
  )

  survives(
    'a failed fsync or a full disk is told nobody, and takes nothing that was read',
    cell,
    async (machine, partition) => {
      await turns(60)
      const read = await machine.values(partition)
      expect(read).toEqual(ALL)
      machine.disk.failNext({ operation: policy === 'commit' ? 'datasync' : 'write', path: LOG_FILES, code: 'ENOSPC' })
      await machine.append(partition, 'lost')
      await turns(60)
      expect(await machine.values(partition)).toEqual(ALL)
      await machine.append(partition, 'after')
      await turns(60)
      expect(await machine.values(partition)).toEqual([...ALL, 'after-a', 'after-b'])
    },
  )
})
