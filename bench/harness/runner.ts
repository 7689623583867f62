import { loadavg } from 'node:os'
import type { Contender, ContenderName } from '../contenders/contender.ts'
import type { Benchmark, Column, Entry } from './benchmark.ts'
import { Stage, type StageOptions, whyMissing } from './stage.ts'
import { medianRatio, type Spread, spread } from './statistics.ts'
import type { Figures } from './tasks.ts'
import { format } from './units.ts'

export interface RunOptions extends StageOptions {
  /** In place of the benchmark's own number. */
  readonly rounds?: number | undefined
}

export interface EntryResult {
  readonly name: string
  readonly contender: ContenderName
  readonly baseline?: string
  /** What each round gave. */
  readonly rounds: readonly Figures[]
  readonly figures: Readonly<Record<string, Spread>>
  /** For each column: the median of the ratios to the baseline's figure of the same round. */
  readonly ratios: Figures
  /** The same for each of its peers that was measured. */
  readonly peers: Readonly<Record<string, Figures>>
}

export interface BenchmarkResult {
  readonly name: string
  readonly about: string
  readonly columns: readonly Column[]
  readonly entries: readonly EntryResult[]
  readonly missing: readonly { contender: string; why: string }[]
  readonly loadAverage: { readonly before: readonly number[]; readonly after: readonly number[] }
  readonly tookMs: number
}

/** Runs one benchmark: in each round every entry once, in turn, every other round the other way about. */
export async function runBenchmark(
  benchmark: Benchmark,
  contenders: readonly Contender[],
  options: RunOptions,
): Promise<BenchmarkResult> {
  const { progress, signal } = options
  const startMs = performance.now()
  const before = loadavg()
  await using stage = new Stage(benchmark, options)
  const missing: { contender: string; why: string }[] = []
  const wanted = benchmark.entries.filter(({ notQuick }) => !(options.quick && notQuick === true))
  const present: Contender[] = []
  for (const contender of contenders) {
    if (!wanted.some((entry) => entry.contender === contender.name)) continue
    const why = await whyMissing(contender)
    if (why === undefined) present.push(contender)
    else missing.push({ contender: contender.name, why })
  }
  await stage.open(present)
  const entries = wanted.filter((entry) => stage.has(entry.contender))
  const measured = new Map<string, Figures[]>(entries.map((entry) => [entry.name, []]))
  const rounds = roundsOf(benchmark, options)
  for (let round = 0; round < rounds; round++) {
    for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
      signal.throwIfAborted()
      const label = `${benchmark.name} ${round + 1}/${rounds} · ${entry.name}`
      const figures = await entry.measure(stage.run(entry.contender, label))
      measured.get(entry.name)?.push(figures)
      const [column] = benchmark.columns
      progress.say(`${label}: ${format(figures[column.key] ?? Number.NaN, column.unit)}`)
    }
  }
  return {
    name: benchmark.name,
    about: benchmark.about,
    columns: benchmark.columns,
    entries: entries.map((entry) => summarize(benchmark, entry, measured)),
    missing,
    loadAverage: { before, after: loadavg() },
    tookMs: performance.now() - startMs,
  }
}

function roundsOf({ rounds }: Benchmark, options: RunOptions): number {
  if (rounds === 'once') return 1
  return options.rounds ?? rounds[options.quick ? 'quick' : 'full']
}

function summarize(benchmark: Benchmark, entry: Entry, measured: ReadonlyMap<string, Figures[]>): EntryResult {
  const { name, contender, baseline } = entry
  const rounds = measured.get(name) ?? []
  const column = (from: readonly Figures[], key: string): number[] => from.map((figures) => figures[key] ?? Number.NaN)
  const byColumn = <T>(figure: (key: string) => T): Record<string, T> =>
    Object.fromEntries(benchmark.columns.map(({ key }) => [key, figure(key)]))
  const ratiosTo = (other: string | undefined): Figures | undefined => {
    const others = other === undefined ? undefined : measured.get(other)
    return others && byColumn((key) => medianRatio(column(rounds, key), column(others, key)))
  }
  const peers: Record<string, Figures> = {}
  for (const peer of entry.peers ?? []) {
    const ratios = ratiosTo(peer)
    if (ratios !== undefined) peers[peer] = ratios
  }
  return {
    name,
    contender,
    ...(baseline !== undefined && { baseline }),
    rounds,
    figures: byColumn((key) => spread(column(rounds, key))),
    ratios: ratiosTo(baseline) ?? {},
    peers,
  }
}
