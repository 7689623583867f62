import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import type { Contender, ContenderName, RunningServer } from '../contenders/contender.ts'
import type { Benchmark, Column, Entry, Run } from './benchmark.ts'
import { type ClientRun, cpuMs, peakMemoryBytes, runClient } from './processes.ts'
import type { ProgressLine } from './progress.ts'
import { median, type Spread, spread } from './statistics.ts'
import type { Figures, StorageTask, Task } from './tasks.ts'
import { format } from './units.ts'

export interface RunOptions {
  /** Where servers keep their data, each in a directory of its own that is removed. */
  readonly directory: string
  readonly quick: boolean
  /** In place of the benchmark's own number. */
  readonly rounds?: number | undefined
  /** Where to put CPU profiles of servers and clients. */
  readonly profiles?: string | undefined
  readonly progress: ProgressLine
  readonly signal: AbortSignal
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
  for (const contender of contenders) {
    if (!benchmark.entries.some((entry) => entry.contender === contender.name)) continue
    const why = await contender.missing()
    if (why === undefined) await stage.add(contender)
    else missing.push({ contender: contender.name, why })
  }
  const entries = benchmark.entries.filter((entry) => stage.has(entry.contender))
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
  const rounds = measured.get(entry.name) ?? []
  const baseline = entry.baseline === undefined ? undefined : measured.get(entry.baseline)
  const column = (from: readonly Figures[], key: string): number[] => from.map((figures) => figures[key] ?? Number.NaN)
  const figures: Record<string, Spread> = {}
  const ratios: Record<string, number> = {}
  for (const { key } of benchmark.columns) {
    const values = column(rounds, key)
    figures[key] = spread(values)
    if (baseline === undefined) continue
    const others = column(baseline, key)
    ratios[key] = median(values.map((value, round) => value / (others[round] ?? Number.NaN)))
  }
  const { name, contender } = entry
  return { name, contender, ...(entry.baseline !== undefined && { baseline: entry.baseline }), rounds, figures, ratios }
}

/** The contenders of one benchmark, with their servers where the benchmark shares them. */
class Stage implements AsyncDisposable {
  private readonly benchmark: Benchmark
  private readonly options: RunOptions
  private readonly contenders = new Map<ContenderName, Contender>()
  private readonly servers = new Map<ContenderName, RunningServer>()
  private readonly directories: string[] = []

  constructor(benchmark: Benchmark, options: RunOptions) {
    this.benchmark = benchmark
    this.options = options
  }

  has(name: ContenderName): boolean {
    return this.contenders.has(name)
  }

  async add(contender: Contender): Promise<void> {
    const { name } = contender
    this.contenders.set(name, contender)
    if (!this.benchmark.sharedServers) return
    this.servers.set(name, await this.start(contender))
    await this.benchmark.prepare?.(this.run(name, `${this.benchmark.name} · preparing ${name}`), contender)
  }

  run(name: ContenderName, label: string): Run {
    const contender = this.contenders.get(name)
    if (contender === undefined) throw new Error(`${name} does not run`)
    return {
      quick: this.options.quick,
      perform: (task) => this.perform(contender, task, label),
      performAlone: (task, env) => this.performAlone(contender, task, label, env),
      coldStartMs: () => this.coldStartMs(contender),
      restartMs: (task, end) => this.restartMs(contender, task, end, label),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.close()))
    await Promise.all(this.directories.map((directory) => rm(directory, { recursive: true, force: true })))
  }

  private async start(contender: Contender, inDirectory?: string): Promise<RunningServer> {
    const directory = inDirectory ?? (await this.makeDirectory(contender))
    return contender.start({ directory, execArgv: this.profiling(contender, 'server'), signal: this.options.signal })
  }

  private async makeDirectory(contender: Contender): Promise<string> {
    const directory = await mkdtemp(join(this.options.directory, `${contender.name}-`))
    this.directories.push(directory)
    return directory
  }

  private async perform(contender: Contender, task: Task, label: string): Promise<Figures> {
    const server = this.servers.get(contender.name)
    if (server === undefined) throw new Error(`${contender.name} has no server in ${this.benchmark.name}`)
    const everything = totalOf(task) + unmeasured(task)
    const before = cpuMs(server.pid) ?? Number.NaN
    const run = await this.runTask(contender, server, task, label)
    return {
      ...run.figures,
      clientCpuNs: (run.cpuMs * 1e6) / everything,
      serverCpuNs: (((cpuMs(server.pid) ?? Number.NaN) - before) * 1e6) / everything,
      serverPeakBytes: peakMemoryBytes(server.pid) ?? Number.NaN,
    }
  }

  private runTask(contender: Contender, server: RunningServer, task: Task, label: string): Promise<ClientRun> {
    const { progress, signal } = this.options
    return runClient(
      contender.client,
      { where: server.url, task },
      {
        execArgv: this.profiling(contender, `client-${task.kind}`),
        progress: (done) => progress.show(label, done / totalOf(task)),
        signal,
      },
    )
  }

  private async performAlone(
    contender: Contender,
    task: StorageTask,
    label: string,
    env: Readonly<Record<string, string>> | undefined,
  ): Promise<Figures> {
    const { progress, signal } = this.options
    const directory = await mkdtemp(join(this.options.directory, `${contender.name}-`))
    try {
      const run = await runClient(
        contender.storage,
        { where: directory, task },
        {
          execArgv: this.profiling(contender, task.kind),
          progress: (done) => progress.show(label, done / task.bytes),
          signal,
          env,
        },
      )
      return { ...run.figures, cpuMs: run.cpuMs }
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  private async coldStartMs(contender: Contender): Promise<number> {
    const startMs = performance.now()
    const server = await this.start(contender)
    const tookMs = performance.now() - startMs
    await server.close()
    return tookMs
  }

  private async restartMs(contender: Contender, task: Task, end: 'kill' | 'close', label: string): Promise<number> {
    const directory = await this.makeDirectory(contender)
    const first = await this.start(contender, directory)
    try {
      await this.runTask(contender, first, task, label)
    } finally {
      await first[end]()
    }
    const startMs = performance.now()
    const second = await this.start(contender, directory)
    const tookMs = performance.now() - startMs
    await second.close()
    return tookMs
  }

  private profiling(contender: Contender, role: string): string[] {
    if (this.options.profiles === undefined) return []
    const directory = join(this.options.profiles, this.benchmark.name, contender.name, role)
    return ['--cpu-prof', `--cpu-prof-dir=${directory}`]
  }
}

/** How many records, or whatever it tells the progress of, a task handles. */
function totalOf(task: Task): number {
  if (task.kind === 'latency') return task.count
  return task.kind === 'topics' ? task.topics * task.partitionsEach : task.records
}

/** How many records a task handles beside those that it measures. */
function unmeasured(task: Task): number {
  switch (task.kind) {
    case 'produce':
      return task.warmupRecords
    case 'latency':
      return task.warmupCount
    case 'topics':
      return 0
    case 'read':
      return task.warmup ? task.records : 0
  }
}
