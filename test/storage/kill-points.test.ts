import { seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { type KillPoint, MOMENTS, type Moment } from './kill-disk.ts'
import { KillHistory } from './kill-history.ts'

/** Processes that die at a change that chance picks. */
const SAMPLES = Number(process.env.MILLRACE_KILLS ?? 20)
const LANES = 3
const SEED = Number(process.env.MILLRACE_KILL_SEED ?? Date.now() % 2 ** 31)
const KEPT = 'kept-\\d+/\\d+'

type Place = Omit<Extract<KillPoint, { operation: unknown }>, 'moment'>

const PLACES: readonly (readonly [doing: string, place: Place])[] = [
  ['makes a data directory', { operation: 'syncDirectory', path: 'data$', phase: 'opening' }],
  ['makes the directory of a topic', { operation: 'rename', path: 'kept-2/partition.metadata$' }],
  ['writes the record of a topic', { operation: 'write', path: 'catalog-0/\\d+.log$', nth: 2 }],
  ['appends', { operation: 'write', path: `${KEPT}.log$`, nth: 9 }],
  ['syncs a segment', { operation: 'datasync', path: `${KEPT}.log$`, phase: 'appending' }],
  ['writes to the journal', { operation: 'write', path: '.journal$', nth: 4 }],
  ['syncs the journal', { operation: 'datasync', path: '.journal$', nth: 4 }],
  ['begins another journal file', { operation: 'create', path: '0002.journal$' }],
  ['syncs segments for a checkpoint', { operation: 'datasync', path: `${KEPT}.log$`, after: '0002.journal$', nth: 2 }],
  ['keeps a journal file for its next use', { operation: 'rename', path: 'journal/spare$', after: '0002.journal$' }],
  ['rolls: makes the next segment', { operation: 'create', path: `kept-\\d/\\d*[1-9]\\d*.log$` }],
  ['rolls: syncs its name', { operation: 'syncDirectory', path: 'kept-\\d$', phase: 'appending' }],
  ['keeps producers', { operation: 'write', path: `${KEPT}.snapshot$` }],
  ['seals: writes an index', { operation: 'write', path: `${KEPT}.index$` }],
  ['seals: writes a time index', { operation: 'write', path: `${KEPT}.timeindex$` }],
  ['seals: writes the checksum', { operation: 'write', path: `${KEPT}.crc.tmp$` }],
  ['seals: names the checksum', { operation: 'rename', path: `${KEPT}.crc$` }],
  ['raises the log start', { operation: 'rename', path: 'kept-0/log-start-offset$' }],
  ['removes what lies before the log start', { operation: 'remove', path: `${KEPT}.log$`, phase: 'truncating' }],
  ['writes the record of a deletion', { operation: 'write', path: 'catalog-0/\\d+.log$', phase: 'deleting' }],
  ['takes a deleted topic out of the way', { operation: 'rename', path: '-1.deleted$' }],
  ['removes a deleted topic', { operation: 'remove', path: '-0.deleted$' }],
  ['makes a topic again', { operation: 'rename', path: 'doomed-0/partition.metadata$', phase: 'creating again' }],
  ['raises the log start for retention', { operation: 'rename', path: 'expiring-0/log-start-offset$' }],
  ['removes a segment for retention', { operation: 'remove', path: 'expiring-0/0+.log$', after: 'log-start-offset$' }],
  ['writes a log start for retention', { operation: 'write', path: 'expiring-0/log-start-offset.tmp$' }],
  ['syncs a log start for retention', { operation: 'datasync', path: 'expiring-0/log-start-offset.tmp$' }],
  [
    'syncs the name of a log start for retention',
    { operation: 'syncDirectory', path: 'expiring-0$', after: 'expiring-0/log-start-offset$' },
  ],
  ['removes a checksum for retention', { operation: 'remove', path: 'expiring-0/0+.crc$', phase: 'keeping house' }],
  ['removes an index for retention', { operation: 'remove', path: 'expiring-0/0+.index$', phase: 'keeping house' }],
  [
    'removes a time index for retention',
    { operation: 'remove', path: 'expiring-0/0+.timeindex$', phase: 'keeping house' },
  ],
  ['syncs what no sync had to cover', { operation: 'datasync', path: 'expiring-0/\\d+.log$', phase: 'closing' }],
  ['saves indexes for the next start', { operation: 'write', path: `${KEPT}.index$`, phase: 'closing' }],
  ['says that it ended in order', { operation: 'create', path: 'clean-shutdown$' }],
  ['syncs the word that it ended in order', { operation: 'syncDirectory', path: 'data$', phase: 'closing' }],
]

const OLD = 'compacted-0/\\d+'
const SWAPPED = 'compacted-0/\\d+.swap$'
/**
 * Every change that compaction makes, in order. A process that dies in front of one is one that dies after the one before
 * it. Only the second pass puts segments together.
 */
const COMPACTION: readonly (readonly [doing: string, place: Place])[] = [
  ['begins a compacted segment', { operation: 'create', path: `${OLD}.log.cleaned$` }],
  ['writes a compacted segment', { operation: 'write', path: `${OLD}.log.cleaned$` }],
  ['syncs a compacted segment', { operation: 'datasync', path: `${OLD}.log.cleaned$` }],
  ['writes its index', { operation: 'write', path: `${OLD}.index.cleaned$` }],
  ['syncs its index', { operation: 'datasync', path: `${OLD}.index.cleaned$` }],
  ['writes its time index', { operation: 'write', path: `${OLD}.timeindex.cleaned$` }],
  ['syncs its time index', { operation: 'datasync', path: `${OLD}.timeindex.cleaned$` }],
  ['writes its checksum', { operation: 'write', path: `${OLD}.crc.cleaned$` }],
  ['syncs its checksum', { operation: 'datasync', path: `${OLD}.crc.cleaned$` }],
  ['syncs its names', { operation: 'syncDirectory', path: 'compacted-0$', after: `${OLD}.crc.cleaned$` }],
  ['writes a swap', { operation: 'write', path: `${OLD}.swap.tmp$` }],
  ['syncs a swap', { operation: 'datasync', path: `${OLD}.swap.tmp$` }],
  ['names a swap', { operation: 'rename', path: SWAPPED }],
  ['syncs the name of a swap', { operation: 'syncDirectory', path: 'compacted-0$', after: SWAPPED }],
  ['swaps the log', { operation: 'rename', path: `${OLD}.log$` }],
  ['swaps the index', { operation: 'rename', path: `${OLD}.index$` }],
  ['swaps the time index', { operation: 'rename', path: `${OLD}.timeindex$` }],
  ['swaps the checksum', { operation: 'rename', path: `${OLD}.crc$`, after: SWAPPED }],
  [
    'removes the log of a segment that became part of another',
    { operation: 'remove', path: `${OLD}.log$`, after: SWAPPED },
  ],
  ['removes the index of such a one', { operation: 'remove', path: `${OLD}.index$`, after: SWAPPED }],
  ['removes the time index of such a one', { operation: 'remove', path: `${OLD}.timeindex$`, after: SWAPPED }],
  ['removes the checksum of such a one', { operation: 'remove', path: `${OLD}.crc$`, after: SWAPPED }],
  ['syncs what was swapped', { operation: 'syncDirectory', path: 'compacted-0$', after: SWAPPED, nth: 2 }],
  ['removes a swap', { operation: 'remove', path: SWAPPED }],
  ['syncs the end of a swap', { operation: 'syncDirectory', path: 'compacted-0$', after: SWAPPED, nth: 3 }],
  ['writes its checkpoint', { operation: 'write', path: 'compacted-0/cleaner-checkpoint.tmp$' }],
  ['syncs its checkpoint', { operation: 'datasync', path: 'compacted-0/cleaner-checkpoint.tmp$' }],
  ['names its checkpoint', { operation: 'rename', path: 'compacted-0/cleaner-checkpoint$' }],
]

/** Where a start may die that finishes, or clears away, what a crash left of compaction. */
const COMPACTION_RECOVERY: readonly (readonly [doing: string, crashed: Place, place: Place])[] = [
  ['writes the swap again', { operation: 'rename', path: SWAPPED }, { operation: 'rename', path: SWAPPED }],
  ['swaps the log', { operation: 'rename', path: SWAPPED }, { operation: 'rename', path: `${OLD}.log$` }],
  ['removes the swap', { operation: 'rename', path: SWAPPED }, { operation: 'remove', path: SWAPPED }],
  [
    'removes a compacted segment that was not ready',
    { operation: 'write', path: `${OLD}.crc.cleaned$` },
    { operation: 'remove', path: `${OLD}.index.cleaned$` },
  ],
]

/** Where a start after a crash may die. The crash before leaves a torn end, and batches that only the journal has. */
const RECOVERY: readonly (readonly [doing: string, place: Place])[] = [
  ['takes the word of an orderly end away', { operation: 'remove', path: 'clean-shutdown$' }],
  ['keeps a torn end beside', { operation: 'write', path: '.cut$' }],
  ['cuts a torn end off', { operation: 'truncate', path: `${KEPT}.log$` }],
  ['writes the end again', { operation: 'write', path: `${KEPT}.log$` }],
  ['syncs what it recovered', { operation: 'datasync', path: `${KEPT}.log$` }],
  [
    'keeps the risen leader epoch',
    { operation: 'rename', path: 'kept-1/leader-epoch-checkpoint$', phase: 'appending' },
  ],
  ['clears the journal', { operation: 'remove', path: '.journal$' }],
]

describe('a process that dies keeps its promises', { timeout: 120_000 }, () => {
  test.each(PLACES)('while it %s', async (_, place) => {
    await atEachMoment(place, async (moment) => {
      using history = new KillHistory()
      const { death } = await history.live({ ...place, moment })
      expect(death, moment).toBeDefined()
      await history.check()
    })
  })

  test.each(RECOVERY)('while it recovers from a crash and %s', async (_, place) => {
    await atEachMoment(place, async (moment) => {
      using history = new KillHistory()
      await history.live({ operation: 'write', path: `${KEPT}.log$`, nth: 20, moment: 'halfway' })
      const { death } = await history.live({ phase: 'opening', ...place, moment })
      expect(death, moment).toBeDefined()
      await history.check()
    })
  })

  test.each(COMPACTION)('while it compacts and %s', async (_, place) => {
    const phase = place.operation === 'remove' && place.path !== SWAPPED ? 'compacting again' : 'compacting'
    const moments: readonly Moment[] = place.operation === 'write' ? ['halfway', 'after'] : ['after']
    await inLanes(moments, async (moment) => {
      using history = new KillHistory()
      const { death } = await history.live({ ...place, phase, moment })
      expect(death, moment).toBeDefined()
      await history.check()
    })
  })

  test.each(COMPACTION_RECOVERY)('while it recovers from a crash of compaction and %s', async (_, crashed, place) => {
    await atEachMoment(place, async (moment) => {
      using history = new KillHistory()
      await history.live({ ...crashed, phase: 'compacting again', moment: 'after' })
      const { death } = await history.live({ ...place, phase: 'opening', moment })
      expect(death, moment).toBeDefined()
      await history.check()
    })
  })

  test('wherever that is, a number of times', async () => {
    console.log(`seed ${SEED} (MILLRACE_KILL_SEED)`)
    const random = seededRandom(SEED)
    const { changes, recovery } = await countChanges()
    const samples = Array.from({ length: SAMPLES }, (): KillPoint[] => {
      const at = (last: number): KillPoint => ({ change: random.int(1, last), moment: random.pick(MOMENTS) })
      return [at(changes), ...(random.bool() ? [at(recovery)] : []), ...(random.bool() ? [at(changes)] : [])]
    })
    await inLanes(samples, async (killPoints) => {
      using history = new KillHistory()
      try {
        for (const killPoint of killPoints) await history.live(killPoint)
        await history.check()
      } catch (cause) {
        throw new Error(`seed ${SEED}, ${JSON.stringify(killPoints)}: ${(cause as Error).message}`, { cause })
      }
    })
  })
})

/** Changes of a whole life, and of a start after a crash. */
async function countChanges(): Promise<{ changes: number; recovery: number }> {
  using history = new KillHistory()
  const whole = await history.live()
  const changes = Math.max(...whole.events.map((event) => (event.event === 'enters' ? event.changes : 0)))
  await history.live({ change: Math.floor(changes / 2), moment: 'before' })
  const { events } = await history.live()
  const started = events.find((event) => event.event === 'enters' && event.phase === 'creating')
  return { changes, recovery: started?.event === 'enters' ? started.changes : 1 }
}

/** Histories wait for their disk most of the time. */
async function inLanes<T>(work: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const left = work.values()
  const lane = async (): Promise<void> => {
    for (const one of left) await run(one)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** Only a write and the removal of a directory can be half done. */
function atEachMoment({ operation, path }: Place, run: (moment: Moment) => Promise<void>): Promise<void> {
  const isDivisible = operation === 'write' || path.includes('deleted')
  return inLanes(
    MOMENTS.filter((moment) => moment !== 'halfway' || isDivisible),
    run,
  )
}
