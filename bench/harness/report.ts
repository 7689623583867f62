import type { Benchmark, Target } from './benchmark.ts'
import type { Machine } from './machine.ts'
import type { BenchmarkResult, EntryResult } from './runner.ts'
import { format } from './units.ts'

/** Whether a target was reached; undefined where it was not measured. */
export interface Verdict {
  readonly text: string
  readonly reached: boolean | undefined
}

export function judge(target: Target, result: BenchmarkResult): Verdict {
  const entry = result.entries.find(({ name }) => name === target.entry)
  const column = result.columns.find(({ key }) => key === target.column)!
  const show = (value: number): string =>
    target.ratio === true ? `${value.toFixed(2)} × ${entry?.baseline ?? 'floor'}` : format(value, column.unit)
  const wanted = target.atLeast === undefined ? `at most ${show(target.atMost!)}` : `at least ${show(target.atLeast)}`
  const value = target.ratio === true ? entry?.ratios[column.key] : entry?.figures[column.key]?.median
  if (value === undefined || Number.isNaN(value))
    return { text: `${target.entry}, ${column.title}: ${wanted}; not measured`, reached: undefined }
  const reached = target.atLeast === undefined ? value <= target.atMost! : value >= target.atLeast
  return {
    text: `${target.entry}, ${column.title}: ${wanted}; it is ${show(value)} – ${reached ? 'reached' : 'missed'}`,
    reached,
  }
}

/** One benchmark as Markdown: a table, its targets, and what else there is to say. */
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
export function renderMachine(machine: Machine, version: string): string {
  return [
    `- ${machine.processors}, ${format(machine.memoryBytes, 'bytes')} of memory, ${machine.system}`,
    `- data on ${machine.fileSystem}; 100 bytes written and synced at a time: ${format(machine.writeAndSyncMs, 'ms')}`,
    `- Node.js ${machine.node}; Millrace ${version}`,
    `- load average when it began: ${load(machine.loadAverage)}`,
  ].join('\n')
}

function cell(entry: EntryResult, key: string, unit: Parameters<typeof format>[1]): string {
  return format(entry.figures[key]?.median ?? Number.NaN, unit)
}

/** Empty where there is no baseline or it was not measured. */
function ratio(entry: EntryResult, key: string): string {
  const value = entry.ratios[key]
  return value === undefined ? '' : `${value.toFixed(2)} × ${entry.baseline}`
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
