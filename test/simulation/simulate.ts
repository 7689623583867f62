/** The command line of the simulation; `npm run simulate` comes here. */
import { parseArgs } from 'node:util'
import { runCampaign, type Tally } from './campaign.ts'
import { COUNTED } from './counts.ts'

const USAGE = `npm run simulate [-- OPTIONS]

Runs simulated histories of appends, reads, deletions, retention, compaction, disk faults and power cuts, each from a
seed of its own, until one fails.

  --minutes N      for so long (default 1)
  --histories N    so many, in place of a time
  --seed S         begin with this seed, and go on with S+1 (default: another each time)
`
const MAX_SEED = 2 ** 31 - 1
const SHOW_EVERY_MS = { terminal: 500, elsewhere: 10_000 }

/** A wrong command line: exit code 2. */
class UsageError extends Error {}

interface Options {
  readonly minutes: number
  readonly histories: number | undefined
  readonly seed: number
}

/** Undefined when there is nothing to do but to show the usage. */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      histories: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % MAX_SEED) },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const minutes = Number(values.minutes)
  const histories = values.histories === undefined ? undefined : Number(values.histories)
  const seed = Number(values.seed)
  if (!(minutes > 0)) throw new UsageError(`--minutes ${values.minutes}: a number above 0 is allowed`)
  if (histories !== undefined && !(Number.isInteger(histories) && histories > 0))
    throw new UsageError(`--histories ${values.histories}: a number from 1 on is allowed`)
  if (!(Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED))
    throw new UsageError(`--seed ${values.seed}: a number from 0 to ${MAX_SEED} is allowed`)
  return { minutes, histories, seed }
}

/** Says how far it is: on a terminal in a line that changes, elsewhere now and then in a new one. */
class Progress {
  private readonly startMs = performance.now()
  private shownMs = this.startMs

  get elapsedMs(): number {
    return performance.now() - this.startMs
  }

  show(tally: Tally): void {
    const nowMs = performance.now()
    const { isTTY } = process.stdout
    if (nowMs - this.shownMs < (isTTY ? SHOW_EVERY_MS.terminal : SHOW_EVERY_MS.elsewhere)) return
    this.shownMs = nowMs
    process.stdout.write(isTTY ? `\r\x1b[K${this.line(tally)}` : `${this.line(tally)}\n`)
  }

  end(tally: Tally): void {
    const counts = COUNTED.map((what) => `${String(tally.counts[what]).padStart(10)}  ${what}\n`).join('')
    process.stdout.write(`${process.stdout.isTTY ? '\r\x1b[K' : ''}${this.line(tally)}\n${counts}`)
  }

  private line(tally: Tally): string {
    const seconds = this.elapsedMs / 1_000
    const rate = (tally.histories / seconds).toFixed(1)
    const cuts = tally.counts['power cuts']
    return `${seconds.toFixed(0)} s: ${tally.histories} histories (${rate}/s), ${cuts} power cuts`
  }
}

async function simulate({ minutes, histories, seed }: Options): Promise<void> {
  let stopped = false
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => (stopped = true))
  const progress = new Progress()
  const isEnough = (tally: Tally): boolean =>
    histories === undefined ? progress.elapsedMs >= minutes * 60_000 : tally.histories >= histories
  console.log(`Beginning with seed ${seed}`)
  const tally = await runCampaign({
    firstSeed: seed,
    goesOn: (soFar) => {
      progress.show(soFar)
      return !stopped && !isEnough(soFar)
    },
  })
  progress.end(tally)
}

try {
  const options = readOptions()
  if (options === undefined) console.log(USAGE)
  else await simulate(options)
} catch (error) {
  // parseArgs throws TypeErrors with a code.
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
  console.error(isUsage ? (error as Error).message : error)
  process.exitCode = isUsage ? 2 : 1
}
