import { addCounts, type Counts, noCounts } from './counts.ts'
import { CrashHistory } from './crash-history.ts'

/** What a number of histories went through. */
export interface Tally {
  readonly histories: number
  readonly counts: Readonly<Counts>
}

export interface CampaignOptions {
  readonly firstSeed: number
  /** Asked after each history, and told of all so far. */
  readonly goesOn: (tally: Tally) => boolean
  /** Runs the history of a seed; fails when a promise was broken. */
  readonly runHistory?: (seed: number) => Promise<Readonly<Counts>>
}

/** A history takes milliseconds; one that takes this long waits for something that never comes. */
const STUCK_AFTER_MS = 120_000

/**
 * Runs one history after the other, of consecutive seeds, at least one.
 * @throws Error for the first that fails; its message says how to repeat it, its `cause` is the failure
 */
export async function runCampaign({ firstSeed, goesOn, runHistory = simulate }: CampaignOptions): Promise<Tally> {
  let tally: Tally = { histories: 0, counts: noCounts() }
  do {
    const seed = firstSeed + tally.histories
    try {
      const counts = addCounts(tally.counts, await unlessStuck(runHistory(seed)))
      tally = { histories: tally.histories + 1, counts }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`seed ${seed} fails: ${reason}\nTo repeat it: npm run simulate -- --seed ${seed} --histories 1`, {
        cause,
      })
    }
  } while (goesOn(tally))
  return tally
}

async function simulate(seed: number): Promise<Counts> {
  const history = new CrashHistory(seed)
  await history.run()
  return history.counts
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
