import { DEFAULT_LIMITS } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonCodec } from './codec.ts'
import { Table, type TableChange } from './table.ts'
import { LogDouble } from './testing/log-double.ts'
import { MemorySnapshots } from './testing/memory-snapshots.ts'

type Change = TableChange<string, number>
/** The changes of one call, and what is known of them. */
interface Call {
  readonly changes: readonly Change[]
  state: 'waits' | 'done' | 'failed'
}

/** A plain Map beside the table, and the calls whose outcome is still open. */
interface Model {
  readonly map: Map<string, number>
  waiting: Call[]
  /** Batches in the log behind the last reopening, oldest first: what a log that loses its end may lose. */
  logged: (readonly Change[])[]
  /** The map at the last compaction or reopening, before which nothing is lost. */
  base: Map<string, number>
}

class Bench {
  readonly log = new LogDouble()
  readonly snapshots = new MemorySnapshots()
  table!: Table<string, number>
  followed = new Map<string, number>()

  async open(): Promise<void> {
    this.table = await Table.open<string, number>({
      partition: this.log,
      codec: jsonCodec<number>(),
      clock: new ManualClock(),
      limits: { ...DEFAULT_LIMITS, tableSnapshotRecords: 7 },
      snapshots: this.snapshots,
      onChange: (change) => applyTo(this.followed, [change]),
    })
    this.followed = new Map(this.table.entries())
  }

  start(call: Call): void {
    this.table.batch(call.changes).then(
      () => (call.state = 'done'),
      () => (call.state = 'failed'),
    )
  }

  check({ map }: Model): void {
    const wanted = Object.fromEntries(map)
    expect(Object.fromEntries(this.table.entries())).toEqual(wanted)
    expect(Object.fromEntries(this.followed)).toEqual(wanted)
    expect(this.table.size).toBe(map.size)
    for (const key of KEYS) expect([this.table.get(key), this.table.has(key)]).toEqual([map.get(key), map.has(key)])
    const bytes = [...map].reduce((sum, [key, value]) => sum + key.length + String(value).length, 0)
    expect(this.table.sizeBytes).toBe(bytes)
  }
}

const KEYS = ['a', 'b', 'c', 'd', 'e']
const changesArbitrary = fc.array(
  fc.record({ key: fc.constantFrom(...KEYS), value: fc.option(fc.nat(1_000), { nil: undefined }) }),
  { minLength: 1, maxLength: 4 },
)

const turns = async (count = 4): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function applyTo(map: Map<string, number>, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) map.delete(key)
    else map.set(key, value)
  }
}

type Command = fc.AsyncCommand<Model, Bench>
const command = (
  name: string,
  run: (model: Model, bench: Bench) => Promise<void>,
  when?: (model: Model) => boolean,
): Command => ({
  check: (model) => when?.(model as Model) ?? true,
  run: async (model, bench) => {
    await run(model, bench)
    bench.check(model)
  },
  toString: () => name,
})
const idle = (model: Model): boolean => model.waiting.length === 0

/** The calls side by side; none is committed before `commit`. */
const call = (changes: readonly Change[]): Command =>
  command(`call ${JSON.stringify(changes)}`, async (model, bench) => {
    bench.log.held = true
    const started: Call = { changes, state: 'waits' }
    model.waiting.push(started)
    bench.start(started)
    await turns(1)
    expect(started.state).toBe('waits')
  })

const failing = (changes: readonly Change[], stored: boolean): Command =>
  command(
    `failing ${JSON.stringify(changes)} ${stored ? 'stored' : ''}`,
    async (model, bench) => {
      const started: Call = { changes, state: 'waits' }
      bench.log.fates.push(stored ? 'store and fail' : 'fail')
      bench.start(started)
      await turns()
      expect(started.state).toBe('failed')
      if (!stored) return
      // It comes to light with the next one.
      const next: Call = { changes: [{ key: 'a', value: 1 }], state: 'waits' }
      bench.check(model)
      bench.start(next)
      await turns()
      for (const logged of [changes, next.changes]) {
        applyTo(model.map, logged)
        model.logged.push(logged)
      }
    },
    idle,
  )

const commit = (): Command =>
  command('commit', async (model, bench) => {
    bench.log.held = false
    bench.log.commit()
    await turns()
    for (const { changes, state } of model.waiting) {
      expect(state).toBe('done')
      applyTo(model.map, changes)
      model.logged.push(changes)
    }
    model.waiting = []
  })

/** A crash that keeps some of what was not committed, in order, and each batch whole. */
const crash = (kept: number): Command =>
  command(`crash, keeping ${kept}`, async (model, bench) => {
    bench.log.crash({ keep: kept })
    await turns()
    for (const [index, { changes, state }] of model.waiting.entries()) {
      expect(state).toBe('failed')
      if (index < kept) applyTo(model.map, changes)
    }
    model.waiting = []
    await reopened(model, bench)
  })

/** A crash that takes committed batches too, as it may where committed is not on disk. */
const loseEnd = (count: number): Command =>
  command(
    `lose ${count}`,
    async (model, bench) => {
      const lose = Math.min(count, model.logged.length)
      bench.log.crash({ lose })
      model.map.clear()
      applyTo(
        model.map,
        [...model.base].map(([key, value]) => ({ key, value })),
      )
      for (const changes of model.logged.slice(0, model.logged.length - lose)) applyTo(model.map, changes)
      await reopened(model, bench)
    },
    idle,
  )

const reopen = (): Command =>
  command(
    'close and reopen',
    async (model, bench) => {
      await bench.table.close()
      await reopened(model, bench)
    },
    idle,
  )

async function reopened(model: Model, bench: Bench): Promise<void> {
  model.base = new Map(model.map)
  model.logged = []
  await bench.open()
}

const compact = (share: number, dropTombstones: boolean): Command =>
  command(`compact ${share} ${dropTombstones}`, async (model, bench) => {
    bench.log.compact(Math.floor(bench.log.highWatermark * share), { dropTombstones })
    model.base = new Map(model.map)
    model.logged = []
  })

const damage = (at: number, mask: number): Command =>
  command(`damage ${at}`, async (_, { snapshots }) => {
    if (snapshots.bytes === undefined) return
    const bytes = Buffer.from(snapshots.bytes)
    const index = at % bytes.length
    bytes[index] = (bytes[index] as number) ^ mask
    snapshots.bytes = bytes
  })

const loseSnapshot = (): Command =>
  command('lose the snapshot', async (_, { snapshots }) => {
    snapshots.bytes = undefined
  })

test('a table is what a map would be, whatever becomes of its log and its snapshots', async () => {
  const commands = fc.commands(
    [
      changesArbitrary.map(call),
      changesArbitrary.map(call),
      fc.tuple(changesArbitrary, fc.boolean()).map(([changes, stored]) => failing(changes, stored)),
      fc.constant(null).map(commit),
      fc.nat(3).map(crash),
      fc.nat(3).map(loseEnd),
      fc.constant(null).map(reopen),
      fc.tuple(fc.constantFrom(0.5, 0.8, 1), fc.boolean()).map(([share, drop]) => compact(share, drop)),
      fc.tuple(fc.nat(1_000), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => damage(at, mask)),
      fc.constant(null).map(loseSnapshot),
    ],
    { size: '+1', maxCommands: 60 },
  )
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const bench = new Bench()
      await bench.open()
      const model: Model = { map: new Map(), waiting: [], logged: [], base: new Map() }
      await fc.asyncModelRun(() => ({ model, real: bench }), sequence)
    }),
    { numRuns: 300 },
  )
})
