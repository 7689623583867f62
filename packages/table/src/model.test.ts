import { DEFAULT_LIMITS } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonCodec } from './codec.ts'
import { Table, type TableChange } from './table.ts'
import { LogDouble } from './testing/log-double.ts'
import { MemorySnapshots } from './testing/memory-snapshots.ts'

type Change = TableChange<string, number>
/** What the log has at a place, from one call or from the end of a transaction. */
interface Entry {
  readonly changes: readonly Change[]
  /** Whose transaction it belongs to. */
  readonly producerId?: number
  /** How that ends. */
  readonly outcome?: 'commit' | 'abort'
  state: 'waits' | 'done' | 'failed'
}

interface Model {
  /** What is committed in the log. */
  log: Entry[]
  /** So much of it no crash takes: what is before the last compaction or reopening. */
  safe: number
  /** Entries whose outcome is still open. */
  waiting: Entry[]
}

/** A change of an ended transaction holds at its own place: of a key's changes that hold, the last in the log counts. */
function mapOf({ log }: Model): Map<string, number> {
  const map = new Map<string, number>()
  for (const [index, { changes, producerId }] of log.entries()) {
    if (producerId === undefined || endOf(log, index) === 'commit') applyTo(map, changes)
  }
  return map
}

/** How the transaction ended that the entry at `index` belongs to. */
function endOf(log: readonly Entry[], index: number): Entry['outcome'] {
  const { producerId } = log[index] as Entry
  return log.find((entry, at) => at > index && entry.producerId === producerId && entry.outcome !== undefined)?.outcome
}

/** The keys whose value hangs on an open transaction. */
function pendingKeys({ log }: Model): string[] {
  return KEYS.filter((key) => {
    const touching = [...log.keys()].filter((index) => log[index]?.changes.some((change) => change.key === key))
    const held = touching.findLastIndex(
      (index) => log[index]?.producerId === undefined || endOf(log, index) === 'commit',
    )
    const open = touching.slice(held + 1).filter((index) => endOf(log, index) === undefined)
    return open.length > 0
  })
}

const hasOpen = ({ log }: Model): boolean =>
  [...log.keys()].some((index) => {
    const { producerId, outcome } = log[index] as Entry
    return producerId !== undefined && outcome === undefined && endOf(log, index) === undefined
  })

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

  start(entry: Entry): void {
    const { changes, producerId } = entry
    const made =
      producerId === undefined
        ? this.table.batch(changes)
        : this.table.transactional(changes, { producerId, producerEpoch: 0 })
    made.then(
      () => (entry.state = 'done'),
      () => (entry.state = 'failed'),
    )
  }

  check(model: Model): void {
    const map = mapOf(model)
    expect(KEYS.filter((key) => this.table.pending(key))).toEqual(pendingKeys(model))
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
const call = (changes: readonly Change[], producerId?: number): Command =>
  command(`call ${JSON.stringify(changes)} of ${producerId}`, async (model, bench) => {
    bench.log.held = true
    const started: Entry = { changes, ...(producerId === undefined ? {} : { producerId }), state: 'waits' }
    model.waiting.push(started)
    bench.start(started)
    await turns(1)
    expect(started.state).toBe('waits')
  })

/** The end of a transaction, which the engine writes behind what waits. */
const end = (producerId: number, outcome: 'commit' | 'abort'): Command =>
  command(`${outcome} ${producerId}`, async (model, bench) => {
    const entry: Entry = { changes: [], producerId, outcome, state: 'done' }
    bench.log.appendMarker({ producerId, producerEpoch: 0, outcome })
    if (bench.log.held) {
      model.waiting.push(entry)
      return
    }
    model.log.push(entry)
    await turns()
    // With nothing pending, nobody waits for the end of a transaction.
    await bench.table.refresh()
  })

const failing = (changes: readonly Change[], stored: boolean): Command =>
  command(
    `failing ${JSON.stringify(changes)} ${stored ? 'stored' : ''}`,
    async (model, bench) => {
      const started: Entry = { changes, state: 'waits' }
      bench.log.fates.push(stored ? 'store and fail' : 'fail')
      bench.start(started)
      await turns()
      expect(started.state).toBe('failed')
      if (!stored) return
      // It comes to light with the next one, or where the log is watched for the end of a transaction.
      const next: Entry = { changes: [{ key: 'a', value: 1 }], state: 'waits' }
      if (!hasOpen(model)) bench.check(model)
      bench.start(next)
      await turns()
      model.log.push(started, next)
    },
    idle,
  )

const commit = (): Command =>
  command('commit', async (model, bench) => {
    bench.log.held = false
    bench.log.commit()
    await turns()
    await bench.table.refresh()
    for (const entry of model.waiting) expect(entry.state).toBe('done')
    model.log.push(...model.waiting)
    model.waiting = []
  })

/** A crash that keeps some of what was not committed, in order, and each batch whole. */
const crash = (kept: number): Command =>
  command(`crash, keeping ${kept}`, async (model, bench) => {
    bench.log.crash({ keep: kept })
    await turns()
    for (const { state, outcome } of model.waiting) expect(state).toBe(outcome === undefined ? 'failed' : 'done')
    model.log.push(...model.waiting.slice(0, kept))
    model.waiting = []
    await reopened(model, bench)
  })

/** A crash that takes committed batches too, as it may where committed is not on disk. */
const loseEnd = (count: number): Command =>
  command(
    `lose ${count}`,
    async (model, bench) => {
      const lose = Math.min(count, model.log.length - model.safe)
      bench.log.crash({ lose })
      if (lose > 0) model.log.splice(-lose)
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
  model.safe = model.log.length
  await bench.open()
}

const compact = (share: number, dropTombstones: boolean): Command =>
  command(`compact ${share} ${dropTombstones}`, async (model, bench) => {
    bench.log.compact(Math.floor(bench.log.highWatermark * share), { dropTombstones })
    model.safe = model.log.length
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
      changesArbitrary.map((changes) => call(changes)),
      changesArbitrary.map((changes) => call(changes)),
      fc.tuple(changesArbitrary, fc.nat(1)).map(([changes, producerId]) => call(changes, producerId)),
      fc.tuple(changesArbitrary, fc.nat(1)).map(([changes, producerId]) => call(changes, producerId)),
      fc.tuple(fc.nat(1), fc.constantFrom('commit', 'abort')).map(([producerId, outcome]) => end(producerId, outcome)),
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
      const model: Model = { log: [], safe: 0, waiting: [] }
      await fc.asyncModelRun(() => ({ model, real: bench }), sequence)
    }),
    { numRuns: 300 },
  )
})
