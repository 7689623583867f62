import { readFile } from 'node:fs/promises'
import type { Contender } from '../contenders/contender.ts'
import type { Benchmark, Target } from './benchmark.ts'
import type { Machine } from './machine.ts'
import type { BenchmarkResult, EntryResult } from './runner.ts'
import { whyMissing } from './stage.ts'
import { format } from './units.ts'

/** Whether a target was reached; undefined where it was not measured. */
export interface Verdict {
  readonly text: string
  readonly reached: boolean | undefined
}

export function judge(target: Target, result: BenchmarkResult): Verdict {
  const entry = result.entries.find(({ name }) => name === target.entry)
  const column = result.columns.find(({ key }) => key === target.column)!
  const other = target.to ?? (target.ratio === true ? (entry?.baseline ?? 'its baseline') : undefined)
  const ratios = target.to === undefined ? entry?.ratios : entry?.peers[target.to]
  const show = (value: number): string =>
    other === undefined ? format(value, column.unit) : `${value.toFixed(2)} × ${other}`
  const wanted = target.atLeast === undefined ? `at most ${show(target.atMost!)}` : `at least ${show(target.atLeast)}`
  const value = other === undefined ? entry?.figures[column.key]?.median : ratios?.[column.key]
  if (value === undefined || Number.isNaN(value))
    return { text: `${target.entry}, ${column.title}: ${wanted}; not measured`, reached: undefined }
  const reached = target.atLeast === undefined ? value <= target.atMost! : value >= target.atLeast
  return {
    text: `${target.entry}, ${column.title}: ${wanted}; it is ${show(value)} – ${reached ? 'reached' : '**missed**'}`,
    reached,
  }
}

/** One benchmark as Markdown: a table, ratios to peers, its targets, and what else there is to say. */
export function renderResult(benchmark: Benchmark, result: BenchmarkResult): string {
  const [first, ...others] = benchmark.columns
  const heads = ['', first.title, 'lowest – highest', '× baseline', ...others.map((column) => column.title)]
  const rows = result.entries.map((entry) => [
    entry.name,
    `**${cell(entry, first.key, first.unit)}**`,
    `${format(entry.figures[first.key]!.min, first.unit)} – ${format(entry.figures[first.key]!.max, first.unit)}`,
    ratio(entry, first.key),
    ...others.map((column) => cell(entry, column.key, column.unit)),
  ])
  const lines = [`### ${benchmark.name}`, '', benchmark.about, '', ...table(heads, rows)]
  const compared = result.entries.filter(({ peers }) => Object.keys(peers).length > 0)
  if (compared.length > 0) lines.push('', ...compared.map((entry) => `- ${besidePeers(entry, first.key)}`))
  if (benchmark.targets.length > 0) {
    lines.push('', ...benchmark.targets.map((target) => `- ${judge(target, result).text}`))
  }
  for (const { contender, why } of result.missing) lines.push('', `Not measured: ${contender} (${why}).`)
  const { before, after } = result.loadAverage
  const rounds = Math.max(...result.entries.map((entry) => entry.rounds.length))
  lines.push(
    '',
    `${rounds === 1 ? '1 round' : `${rounds} rounds`} in ${(result.tookMs / 1000).toFixed(0)} s; load ${load(before)} before, ${load(after)} after.`,
  )
  return lines.join('\n')
}

/** The machine as a Markdown list. */
export function renderMachine(machine: Machine): string {
  return [
    `- ${machine.processors}, ${format(machine.memoryBytes, 'bytes')} of memory, ${machine.system}`,
    `- data on ${machine.fileSystem}; 100 bytes written and synced at a time: ${format(machine.writeAndSyncMs, 'ms')}`,
    `- Node.js ${machine.node}`,
    `- load average when it began: ${load(machine.loadAverage)}`,
  ].join('\n')
}

/** What is known of a contender on this machine. */
export interface Description {
  readonly name: string
  /** Why it is not measured. */
  readonly missing: string | undefined
  readonly version: string | undefined
  readonly settings: string
  readonly durability: string
  readonly client: string
}

export async function describeContender(contender: Contender): Promise<Description> {
  const { name, server, library } = contender
  const missing = await whyMissing(contender)
  const { settings, durability } = server
  const client = library === undefined ? '' : `${library.name} ${await versionOf(library.name)}: ${library.usage}`
  return {
    name,
    missing,
    version: missing === undefined ? await server.version() : undefined,
    settings,
    durability,
    client,
  }
}

async function versionOf(library: string): Promise<string> {
  const text = await readFile(new URL('../peers/package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { dependencies: Record<string, string> }).dependencies[library]!
}

/** The contenders as a Markdown table. */
export function renderContenders(contenders: readonly Description[]): string {
  const heads = ['contender', 'version', 'settings', 'acknowledges', 'client']
  const rows = contenders.map(({ name, missing, version, settings, durability, client }) => [
    name,
    missing === undefined ? (version ?? '') : `missing: ${missing}`,
    settings,
    durability,
    client,
  ])
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function cell(entry: EntryResult, key: string, unit: Parameters<typeof format>[1]): string {
  return format(entry.figures[key]?.median ?? Number.NaN, unit)
}

/** Empty where there is no baseline or it was not measured. */
function ratio(entry: EntryResult, key: string): string {
  const value = entry.ratios[key]
  return value === undefined ? '' : `${times(value)} × ${entry.baseline}`
}

function besidePeers({ name, peers }: EntryResult, key: string): string {
  const ratios = Object.entries(peers).map(([peer, figures]) => `${times(figures[key] ?? Number.NaN)} × ${peer}`)
  return `${name}: ${ratios.join(' · ')}`
}

function times(value: number): string {
  if (Number.isNaN(value)) return '–'
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function load(averages: readonly number[]): string {
  return (averages[0] ?? Number.NaN).toFixed(1)
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length), 3))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, column) => (column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(heads), line(rule), ...rows.map(line)]
}
