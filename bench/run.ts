/** The bench's command line; `npm run bench` comes here. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compaction } from './benchmarks/compaction.ts'
import { endToEnd } from './benchmarks/end-to-end.ts'
import { groups } from './benchmarks/groups.ts'
import { log } from './benchmarks/log.ts'
import { lookup } from './benchmarks/lookup.ts'
import { manyPartitions } from './benchmarks/many-partitions.ts'
import { memory } from './benchmarks/memory.ts'
import { partitions } from './benchmarks/partitions.ts'
import { produce, produce1k } from './benchmarks/produce.ts'
import { readback } from './benchmarks/readback.ts'
import { readers, slowReader } from './benchmarks/readers.ts'
import { rebalance } from './benchmarks/rebalance.ts'
import { recovery } from './benchmarks/recovery.ts'
import { restart } from './benchmarks/restart.ts'
import { clients, latency, send } from './benchmarks/send.ts'
import { settle } from './benchmarks/settle.ts'
import { start } from './benchmarks/start.ts'
import { idempotence, transactions } from './benchmarks/transactions.ts'
import type { Contender } from './contenders/contender.ts'
import { fastify } from './contenders/fastify.ts'
import { floor } from './contenders/floor.ts'
import { kafka, kafkajs } from './contenders/kafka.ts'
import { millrace, millraceRest } from './contenders/millrace.ts'
import { nats, natsDefault } from './contenders/nats.ts'
import { rabbitmq } from './contenders/rabbitmq.ts'
import { redis, redisEverysec } from './contenders/redis.ts'
import type { Benchmark } from './harness/benchmark.ts'
import { describeMachine, whyNotDurable } from './harness/machine.ts'
import { renderPicture } from './harness/picture.ts'
import { ProgressLine } from './harness/progress.ts'
import { writeSection } from './harness/readme.ts'
import {
  describeContender,
  judge,
  renderContenders,
  renderMachine,
  renderResult,
  type Verdict,
} from './harness/report.ts'
import { type BenchmarkResult, runBenchmark } from './harness/runner.ts'

const BENCHMARKS: readonly Benchmark[] = [
  produce,
  produce1k,
  send,
  latency,
  endToEnd,
  readback,
  readers,
  slowReader,
  manyPartitions,
  clients,
  groups,
  settle,
  rebalance,
  idempotence,
  transactions,
  memory,
  start,
  restart,
  log,
  partitions,
  recovery,
  lookup,
  compaction,
]
const CONTENDERS: readonly Contender[] = [
  floor,
  millrace,
  millraceRest,
  fastify,
  redis,
  redisEverysec,
  nats,
  natsDefault,
  kafka,
  kafkajs,
  rabbitmq,
]
const RESULTS = fileURLToPath(new URL('results', import.meta.url))
/** Those of the tables in the README; others are among the results. */
const PICTURES = fileURLToPath(new URL('pictures', import.meta.url))

const USAGE = `npm run bench [-- NAME…] [OPTIONS]

${BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(15)} ${about}`).join('\n')}

  --quick           fewer records and rounds
  --rounds N        so many rounds of each
  --only NAMES      only these contenders, with commas between them: ${CONTENDERS.map(({ name }) => name).join(', ')}
  --dir DIR         keep data under DIR while it runs, in place of the system's directory for temporary files
  --profile         write CPU profiles of servers and clients to bench/results/profiles
  --readme          put the tables and pictures of what is run into bench/README.md
`

/** A wrong command line: exit code 2. */
class UsageError extends Error {}

interface Options {
  readonly benchmarks: readonly Benchmark[]
  readonly contenders: readonly Contender[]
  readonly quick: boolean
  readonly rounds: number | undefined
  readonly parent: string
  readonly profile: boolean
  readonly readme: boolean
}

/** Undefined when there is nothing to run but to show the usage. */
function readOptions(): Options | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      dir: { type: 'string', default: tmpdir() },
      profile: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new UsageError(`--rounds ${values.rounds}: a number from 1 on is allowed`)
  const { quick, dir: parent, profile, readme } = values
  return {
    benchmarks: pick(BENCHMARKS, positionals, 'benchmark'),
    contenders: pick(CONTENDERS, values.only?.split(',') ?? [], 'contender'),
    quick,
    rounds,
    parent,
    profile,
    readme,
  }
}

/** Those of `all` that are named, in their own order; all where none is. */
function pick<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[],
  kind: string,
): readonly T[] {
  const unknown = names.find((name) => !all.some((one) => one.name === name))
  if (unknown !== undefined)
    throw new UsageError(`${unknown} is no ${kind}; there are ${all.map(({ name }) => name).join(', ')}`)
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
}

async function run(options: Options): Promise<void> {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stopping.abort(new Error(`ended by ${name}`)))
  }
  const { quick, rounds } = options
  const directory = await mkdtemp(join(options.parent, 'millrace-bench-'))
  try {
    const progress = new ProgressLine()
    const machine = describeMachine(directory)
    const notDurable = whyNotDurable(machine)
    const about = renderMachine(machine)
    console.log(about)
    if (notDurable !== undefined) console.log(`\nNOT DURABLE: ${notDurable}. Name another place with --dir.`)
    const contenders = await Promise.all(options.contenders.map(describeContender))
    console.log(`\n${renderContenders(contenders)}`)
    if (options.readme) await writeSection('contenders', renderContenders(contenders))
    const head = { startedAt: new Date().toISOString(), quick, notDurable, machine, contenders }
    const path = join(RESULTS, `${head.startedAt.replace(/[:.]/g, '-')}.json`)
    const results: BenchmarkResult[] = []
    const verdicts: Verdict[] = []
    const pictures = options.readme ? PICTURES : RESULTS
    await mkdir(pictures, { recursive: true })
    await mkdir(RESULTS, { recursive: true })
    for (const benchmark of options.benchmarks) {
      const profiles = options.profile ? join(RESULTS, 'profiles') : undefined
      const { signal } = stopping
      const settings = { directory, quick, rounds, profiles, progress, signal }
      const result = await runBenchmark(benchmark, options.contenders, settings)
      results.push(result)
      verdicts.push(...benchmark.targets.map((target) => judge(target, result)))
      // After each, so that a run that is cut short leaves what it has.
      await writeFile(path, `${JSON.stringify({ ...head, verdicts, results }, null, 2)}\n`)
      const text = renderResult(benchmark, result)
      console.log(`\n${text}`)
      const picture = `${benchmark.name}.svg`
      await writeFile(join(pictures, picture), renderPicture(benchmark, result))
      if (options.readme)
        await writeSection(benchmark.name, `${text}\n\n![${benchmark.name}](pictures/${picture})\n\n${about}`)
    }
    console.log(`\n${verdicts.map(({ text }) => `- ${text}`).join('\n')}`)
    console.log(`\n${relative(process.cwd(), path)}`)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

try {
  const options = readOptions()
  if (options === undefined) console.log(USAGE)
  else await run(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  // parseArgs throws TypeErrors with a code.
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
  process.exitCode = isUsage ? 2 : 1
}
