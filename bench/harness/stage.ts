import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Contender, ContenderName, RunningServer, ServerName } from '../contenders/contender.ts'
import type { Benchmark, Run } from './benchmark.ts'
import { type ClientRun, cpuMs, peakMemoryBytes, run, runClient } from './processes.ts'
import type { ProgressLine } from './progress.ts'
import type { Figures, StorageTask, Task } from './tasks.ts'

const LIBRARIES = fileURLToPath(new URL('../peers/node_modules', import.meta.url))

export interface StageOptions {
  /** Where servers keep their data, each in a directory of its own that is removed. */
  readonly directory: string
  readonly quick: boolean
  /** Where to put CPU profiles of servers and clients. */
  readonly profiles?: string | undefined
  readonly progress: Pick<ProgressLine, 'show' | 'say'>
  readonly signal: AbortSignal
}

/** Why a contender cannot be measured here; undefined when it can. */
export async function whyMissing({ server, library }: Contender): Promise<string | undefined> {
  const why = await server.missing()
  if (why !== undefined || library === undefined || existsSync(join(LIBRARIES, library.name))) return why
  return `bench/peers lacks ${library.name}`
}

/** The contenders of one benchmark, with their servers where the benchmark shares them. */
export class Stage implements AsyncDisposable {
  private readonly benchmark: Benchmark
  private readonly options: StageOptions
  private readonly contenders = new Map<ContenderName, Contender>()
  private readonly prepared = new Map<ContenderName, Figures>()
  private readonly servers = new Map<ServerName, RunningServer>()
  private readonly directories: string[] = []
  private topics = 0

  constructor(benchmark: Benchmark, options: StageOptions) {
    this.benchmark = benchmark
    this.options = options
  }

  has(name: ContenderName): boolean {
    return this.contenders.has(name)
  }

  /** Starts the servers of all contenders at a time, and prepares the contenders one after another. */
  async open(contenders: readonly Contender[]): Promise<void> {
    const { benchmark, options } = this
    for (const contender of contenders) this.contenders.set(contender.name, contender)
    if (!benchmark.sharedServers) return
    options.progress.show(`${benchmark.name} · starting servers`, 0)
    const first = new Map(contenders.toReversed().map((contender) => [contender.server.name, contender]))
    const starts = [...first.values()].map(async (contender) => {
      this.servers.set(contender.server.name, await this.start(contender))
    })
    // All of them, so that those that started are there to be stopped.
    await Promise.allSettled(starts)
    await Promise.all(starts)
    for (const { name } of contenders) {
      const prepared = await benchmark.prepare?.(this.run(name, `${benchmark.name} · preparing ${name}`))
      if (prepared !== undefined) this.prepared.set(name, prepared)
    }
  }

  run(name: ContenderName, label: string): Run {
    const contender = this.contenders.get(name)
    if (contender === undefined) throw new Error(`${name} does not run`)
    return {
      quick: this.options.quick,
      contender: name,
      prepared: this.prepared.get(name) ?? {},
      newTopic: () => `${this.benchmark.name}-${++this.topics}`,
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

  private async start({ server, name }: Contender, inDirectory?: string): Promise<RunningServer> {
    const directory = inDirectory ?? (await this.makeDirectory(server.name))
    return server.start({ directory, execArgv: this.profiling(name, 'server'), signal: this.options.signal })
  }

  private async makeDirectory(server: ServerName): Promise<string> {
    const directory = await mkdtemp(join(this.options.directory, `${server}-`))
    this.directories.push(directory)
    return directory
  }

  private async perform(contender: Contender, task: Task, label: string): Promise<Figures> {
    const server = this.servers.get(contender.server.name)
    if (server === undefined) throw new Error(`${contender.name} has no server in ${this.benchmark.name}`)
    await run('sync', ['--file-system', this.options.directory])
    const before = cpuMs(server.pid) ?? Number.NaN
    const client = await this.runTask(contender, server, task, label)
    const records = client.figures.records ?? Number.NaN
    return {
      ...client.figures,
      clientCpuNs: (client.cpuMs * 1e6) / records,
      serverCpuNs: (((cpuMs(server.pid) ?? Number.NaN) - before) * 1e6) / records,
      serverPeakBytes: peakMemoryBytes(server.pid) ?? Number.NaN,
    }
  }

  private runTask({ name, client }: Contender, server: RunningServer, task: Task, label: string): Promise<ClientRun> {
    const { progress, signal } = this.options
    return runClient(
      client,
      { where: server.url, task },
      {
        execArgv: this.profiling(name, `client-${task.kind}`),
        progress: (share) => progress.show(label, share),
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
    if (contender.storage === undefined) throw new Error(`${contender.name} has no storage program`)
    const { progress, signal } = this.options
    const directory = await mkdtemp(join(this.options.directory, `${contender.name}-`))
    try {
      const client = await runClient(
        contender.storage,
        { where: directory, task },
        {
          execArgv: this.profiling(contender.name, task.kind),
          progress: (done) => progress.show(label, done / task.bytes),
          signal,
          env,
        },
      )
      return { ...client.figures, cpuMs: client.cpuMs }
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
    const directory = await this.makeDirectory(contender.server.name)
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

  private profiling(name: ContenderName, role: string): string[] {
    if (this.options.profiles === undefined) return []
    const directory = join(this.options.profiles, this.benchmark.name, name, role)
    return ['--cpu-prof', `--cpu-prof-dir=${directory}`]
  }
}
