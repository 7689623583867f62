import { init } from 'echarts'
import type { Benchmark, Column } from './benchmark.ts'
import type { BenchmarkResult, EntryResult } from './runner.ts'
import { format } from './units.ts'

const WIDTH = 900
const ROW = 26
const HEAD = 64
const FOOT = 34
/** Room at the left for the longest name. */
const CHARACTER = 7
/** From here on small figures would not be seen beside large ones. */
const LOG_SCALE_FROM = 50
/** Millrace stands out, the floor stays behind, all others are alike. */
const COLORS = { millrace: '#d9480f', floor: '#868e96', other: '#4c6ef5', line: '#212529' }

/** A benchmark's first column as bars, with a line from the lowest to the highest round, or to the column `tail`. */
export function renderPicture(benchmark: Benchmark, result: BenchmarkResult): string {
  const [column] = benchmark.columns
  const tail = benchmark.columns.find(({ key }) => key === benchmark.tail)
  const bars = result.entries.map((entry) => barOf(entry, column, tail))
  const values = bars.flatMap(({ value, to }) => [value, to]).filter((value) => value > 0)
  const isLog = Math.max(...values) / Math.min(...values) >= LOG_SCALE_FROM
  const start = isLog ? 10 ** Math.floor(Math.log10(Math.min(...values)) - 0.5) : 0
  const chart = init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: WIDTH,
    height: HEAD + FOOT + ROW * bars.length,
  })
  const scale = isLog ? ', logarithmic' : ''
  const line =
    tail === undefined ? 'the line goes from the lowest round to the highest' : `the line goes to ${tail.title}`
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: {
      text: benchmark.name,
      subtext: `${column.title}${scale}, ${column.better} is better; median of the rounds, ${line}`,
      left: 12,
      top: 6,
    },
    grid: {
      left: 24 + CHARACTER * Math.max(...bars.map(({ name }) => name.length)),
      right: 130,
      top: HEAD,
      bottom: FOOT,
    },
    xAxis: {
      type: isLog ? 'log' : 'value',
      axisLabel: { formatter: (value: number) => format(value, column.unit), hideOverlap: true },
      min: start,
      startValue: start,
    },
    yAxis: { type: 'category', inverse: true, data: bars.map(({ name }) => name), axisTick: { show: false } },
    series: [
      {
        type: 'bar',
        barWidth: ROW * 0.6,
        data: bars.map(({ value, color }) => ({ value: value > 0 ? value : '-', itemStyle: { color } })),
      },
      ...bars.map((bar, index) => whisker(bar, index, start, column, tail !== undefined)),
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

interface Bar {
  readonly name: string
  readonly value: number
  readonly from: number
  readonly to: number
  readonly color: string
}

function barOf({ name, contender, figures }: EntryResult, column: Column, tail: Column | undefined): Bar {
  const { median, min, max } = figures[column.key]!
  const isOurs = contender.startsWith('millrace')
  const isFloor = contender === 'floor' || contender === 'fastify'
  return {
    name,
    value: median,
    from: tail === undefined ? min : median,
    to: tail === undefined ? max : figures[tail.key]!.median,
    color: isOurs ? COLORS.millrace : isFloor ? COLORS.floor : COLORS.other,
  }
}

/** The line beyond a bar, with its figure at the end; with two of them where the line has one of its own. */
function whisker({ value, from, to }: Bar, index: number, start: number, { unit }: Column, hasTail: boolean): object {
  const text = hasTail && value > 0 ? `${format(value, unit)} – ${format(to, unit)}` : format(value, unit)
  const label = { show: true, position: 'right', distance: 6, formatter: text }
  const ends = value > 0 ? [from, to] : [start, start]
  return {
    type: 'line',
    data: [[ends[0], index], { value: [ends[1], index], label }],
    symbol: 'rect',
    symbolSize: [1, 8],
    lineStyle: { color: COLORS.line, width: 1 },
    itemStyle: { color: COLORS.line },
    z: 3,
  }
}
