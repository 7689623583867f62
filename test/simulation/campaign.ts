import type { CrashCounts } from '@millrace/testkit'
import { CrashHistory } from './crash-history.ts'

/** What a number of histories went through. */
export interface Tally extends Readonly<CrashCounts> {
  readonly histories: number
  /** Power cuts. */
  readonly crashes: number
}

/** What became of the unsynced writes of one history. */
export type Outcome = Omit<Tally, 'histories'>

export interface CampaignOptions {
  readonly firstSeed: number
  /** Asked after each history, and told of all so far. */
  readonly goesOn: (tally: Tally) => boolean
  /** Runs the history of a seed; fails when a promise was broken. */
  readonly runHistory?: (seed: number) => Promise<Outcome>
}

/** What is counted of unsynced writes. Where one of these stays 0, that case was not tested. */
export const COUNTED = ['kept', 'lost', 'torn', 'reordered'] as const satisfies (keyof Tally)[]
/** A history takes milliseconds; one that takes this long waits for something that never comes. */
const STUCK_AFTER_MS = 120_000

/**
 * Runs one history after the other, of consecutive seeds, at least one.
 * @throws Error for the first that fails; its message says how to repeat it, its `cause` is the failure
 */
export async function runCampaign({ firstSeed, goesOn, runHistory = simulate }: CampaignOptions): Promise<Tally> {
  let tally: Tally = { histories: 0, crashes: 0, kept: 0, lost: 0, torn: 0, reordered: 0 }
  do {
    const seed = firstSeed + tally.histories
    try {
      tally = add(tally, await unlessStuck(runHistory(seed)))
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`seed ${seed} fails: ${reason}\nTo repeat it: npm run simulate -- --seed ${seed} --histories 1`, {
        cause,
      })
    }
  } while (goesOn(tally))
  return tally
}

async function simulate(seed: number): Promise<Outcome> {
  const history = new CrashHistory(seed)
  await history.run()
  return { ...history.disk.counts, crashes: history.crashes }
}

function add(tally: Tally, { crashes, kept, lost, torn, reordered }: Outcome): Tally {
  return {
    histories: tally.histories + 1,
    crashes: tally.crashes + crashes,
    kept: tally.kept + kept,
    lost: tally.lost + lost,
    torn: tally.torn + torn,
    reordered: tally.reordered + reordered,
  }
}

async function unlessStuck<T>(running: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const stuck = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it does not come to its end')), STUCK_AFTER_MS)
  })
  try {
    return await Promise.race([running, stuck])
  } finally {
    clearTimeout(timer)
  }
}
