import { expect, test } from 'vitest'
import type { Benchmark } from './benchmark.ts'
import { renderPicture } from './picture.ts'
import { judge, renderResult } from './report.ts'
import type { BenchmarkResult, EntryResult } from './runner.ts'

const columns = [{ key: 'rate', title: 'records/s', unit: 'per second', better: 'more' }] as const
const entries = ['floor', 'millrace', 'redis'] as const
const benchmark: Benchmark = {
  name: 'example',
  about: 'What is done.',
  columns,
  entries: [],
  targets: [{ entry: 'millrace', column: 'rate', to: 'redis', atLeast: 10 }],
  rounds: 'once',
  sharedServers: true,
}

function resultOf(rates: Readonly<Record<(typeof entries)[number], number>>): BenchmarkResult {
  const entry = (name: (typeof entries)[number]): EntryResult => ({
    name,
    contender: name,
    ...(name !== 'floor' && { baseline: 'floor' }),
    rounds: [{ rate: rates[name] }],
    figures: { rate: { median: rates[name], min: rates[name], max: rates[name] } },
    ratios: name === 'floor' ? {} : { rate: rates[name] / rates.floor },
    peers: name === 'millrace' ? { redis: { rate: rates[name] / rates.redis } } : {},
  })
  return {
    name: 'example',
    about: benchmark.about,
    columns,
    entries: entries.map(entry),
    missing: [{ contender: 'kafka', why: 'no Java' }],
    loadAverage: { before: [0], after: [0] },
    tookMs: 1_000,
  }
}

test.each([
  ['a ratio to a peer', { to: 'redis', atLeast: 10 }, true],
  ['a ratio to a peer that is too low', { to: 'redis', atLeast: 11 }, false],
  ['a ratio to the baseline', { ratio: true, atLeast: 0.5 }, true],
  ['a ratio to the baseline that is too high', { ratio: true, atMost: 0.4 }, false],
  ['a figure', { atLeast: 1e6 }, true],
  ['a peer that was not measured', { to: 'kafka', atLeast: 3 }, undefined],
])('a target is judged: %s', (_, target, reached) => {
  const result = resultOf({ floor: 2e6, millrace: 1e6, redis: 1e5 })
  expect(judge({ entry: 'millrace', column: 'rate', ...target }, result).reached).toBe(reached)
})

test('a contender that does not keep up reaches nothing', () => {
  const result = resultOf({ floor: 2e6, millrace: Number.NaN, redis: 1e5 })
  expect(judge({ entry: 'millrace', column: 'rate', atMost: 5 }, result).reached).toBeUndefined()
})

test('the report has every entry, the ratios to peers, and names what is missing', () => {
  const text = renderResult(benchmark, resultOf({ floor: 2e6, millrace: 1e6, redis: 1e5 }))
  for (const name of entries) expect(text).toContain(`| ${name}`)
  expect(text).toContain('millrace: 10.0 × redis')
  expect(text).toContain('Not measured: kafka (no Java).')
  expect(text).toContain('reached')
})

test('the picture names every entry with its figure, also where one has none', () => {
  const svg = renderPicture(benchmark, resultOf({ floor: 2e6, millrace: 1e6, redis: Number.NaN }))
  for (const text of [...entries, '2.00 M/s', '1.00 M/s', '–']) expect(svg).toContain(`>${text}</text>`)
  expect(svg).not.toContain('NaN')
})
