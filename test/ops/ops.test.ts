import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Millrace } from '@millrace/client'
import { type Server, startServer } from '@millrace/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { tableUnder } from '../docs/markdown-table.ts'
import { type ExposedMetric, parseExposition, sampleOf } from './exposition.ts'
import { namesIn } from './promql.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const DOCS = textOf('docs/metrics.md')
/** What Prometheus makes itself, and the label of a process's metric that is there only once memory was collected. */
const OF_PROMETHEUS = { labels: ['job', 'instance', 'le', 'kind'], metrics: ['up'] }

let directory: string
let server: Server
let page: string
let exposed: Map<string, ExposedMetric>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-ops-'))
  server = await startServer({ data: directory, http: '127.0.0.1:0' })
  await makeTraffic(server.url)
  const answer = await fetch(`${server.url}/metrics`)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  page = await answer.text()
  exposed = parseExposition(page)
}, 60_000)

afterAll(async () => {
  await server?.close()
  await rm(directory, { recursive: true, force: true })
})

/** Uses everything that has labels, so that these are there. */
async function makeTraffic(url: string): Promise<void> {
  const mr = new Millrace({ url })
  await mr.admin.createTopic({ name: 'orders', partitions: 2 })
  const producer = mr.producer()
  await producer.sendBatch(Array.from({ length: 10 }, (_, value) => ({ topic: 'orders', partition: 0, value })))
  for await (const _ of mr.read({ topic: 'orders', partition: 0, from: { offset: 0 }, to: 'end' }));
  const consumer = mr.consumer({ group: 'billing', topics: ['orders'], offsetReset: 'earliest' })
  let seen = 0
  for await (const _ of consumer) if (++seen === 10) break
  await expect(fetch(`${url}/v1/topics/nope`)).resolves.toMatchObject({ status: 404 })
  await expect(fetch(`${url}/nothing/here`)).resolves.toMatchObject({ status: 404 })
  // Whoever follows when the page is made.
  following = new AbortController()
  const isThere = Promise.withResolvers<void>()
  void (async () => {
    try {
      for await (const _ of mr.read({ topic: 'orders', partition: 0, from: { offset: 0 }, signal: following.signal })) {
        isThere.resolve()
      }
    } catch {}
  })()
  await isThere.promise
}
let following: AbortController
afterAll(() => following?.abort())

describe('/metrics', () => {
  test('counts what there was', () => {
    expect(sampleOf(page, 'millrace_topic_produced_records_total{topic="orders"}')).toBe(10)
    expect(sampleOf(page, 'millrace_rejected_total{code="TOPIC_NOT_FOUND"}')).toBe(1)
    expect(
      sampleOf(page, 'millrace_requests_total{protocol="rest",call="GET /v1/topics/:topic",outcome="TOPIC_NOT_FOUND"}'),
    ).toBe(1)
    expect(sampleOf(page, 'millrace_requests_total{protocol="rest",call="unknown",outcome="ROUTE_NOT_FOUND"}')).toBe(1)
    expect(sampleOf(page, 'millrace_ready')).toBe(1)
    expect(sampleOf(page, 'millrace_readers')).toBe(1)
    expect(sampleOf(page, 'millrace_produce_duration_seconds_count')).toBe(
      sampleOf(page, 'millrace_produced_batches_total'),
    )
  })

  test('names follow the conventions of Prometheus', () => {
    for (const [name, { type }] of exposed) {
      if (!name.startsWith('millrace_')) continue
      expect(name).toMatch(/^[a-z_]+$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
    }
  })

  test('is what docs/metrics.md says: names, types, labels and meaning', () => {
    const rows = ['Server', 'Traffic', 'Requests', 'Topics', 'Readers and groups', 'Storage', 'Buffers'].flatMap(
      (heading) => tableUnder(DOCS, heading),
    )
    const documented = rows.map(([name, type, labels = '', help]) => [name, type, labels.split(', ').sort(), help])
    const found = [...exposed]
      .filter(([name]) => name.startsWith('millrace_'))
      .map(([name, { type, labels, help }]) => [name, type, labels.size === 0 ? ['–'] : [...labels].sort(), help])
    const byName = (a: unknown[], b: unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1)
    expect(documented.sort(byName)).toEqual(found.sort(byName))
  })
})

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const RULES = (parse(textOf('ops/millrace-alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  ({ rules }) => rules,
)

interface Panel {
  readonly title: string
  readonly type: string
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
}
interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}
const DASHBOARD = JSON.parse(textOf('ops/grafana-dashboard.json')) as Dashboard

/** A histogram that has nothing yet has no values either, such as that of the collector. */
function metricOf(name: string): ExposedMetric | undefined {
  const withValue = [...exposed.values()].find(({ samples }) => samples.has(name))
  const histogram = exposed.get(name.replace(/_(bucket|sum|count)$/, ''))
  return withValue ?? exposed.get(name) ?? (histogram?.type === 'histogram' ? histogram : undefined)
}

/** Every metric must be exported, and every label must be one of the metrics of its expression. */
function expectKnown(expression: string): void {
  const { metrics, labels } = namesIn(expression)
  expect(metrics.size, expression).toBeGreaterThan(0)
  const known = new Set(OF_PROMETHEUS.labels)
  for (const name of metrics) {
    if (OF_PROMETHEUS.metrics.includes(name)) continue
    const metric = metricOf(name)
    expect(metric, `${name} of ${expression}`).toBeDefined()
    for (const label of metric?.labels ?? []) known.add(label)
  }
  for (const label of labels) expect(known, expression).toContain(label)
}

describe('ops/millrace-alerts.yml', () => {
  test('has alerts, each once', () => {
    expect(RULES.length).toBeGreaterThan(10)
    expect(new Set(RULES.map(({ alert }) => alert)).size).toBe(RULES.length)
  })

  test.each(RULES)('$alert: its metrics exist, and docs/metrics.md tells what to do', (rule) => {
    expectKnown(rule.expr)
    expect(rule.for).toMatch(/^\d+[mh]$/)
    expect(['warning', 'critical']).toContain(rule.labels.severity)
    expect(rule.annotations.summary).toBeTruthy()
    const [file, anchor] = rule.annotations.runbook_url?.split('#') ?? []
    expect(file).toBe('docs/metrics.md')
    const headings = [...DOCS.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-'))
    expect(headings).toContain(anchor)
  })
})

describe('ops/grafana-dashboard.json', () => {
  const panels = DASHBOARD.panels.filter(({ type }) => type !== 'row')

  test('has panels', () => expect(panels.length).toBeGreaterThan(20))

  test.each(panels)('$title: its metrics exist, and it has a unit', ({ targets = [], fieldConfig }) => {
    expect(targets.length).toBeGreaterThan(0)
    for (const { expr, legendFormat } of targets) {
      expectKnown(expr)
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
      const { labels } = namesIn(expr)
      for (const label of shown) expect(labels).toContain(label)
    }
    expect(fieldConfig?.defaults.unit).toBeTruthy()
  })

  test('variables name what exists', () => {
    const queries = DASHBOARD.templating.list.flatMap(({ definition }) => definition ?? [])
    expect(queries.length).toBeGreaterThan(3)
    for (const query of queries) {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? []
      expectKnown(`sum by (${label}) (${selector})`)
    }
  })

  test('panels do not overlap and are on the grid', () => {
    const taken = new Set<string>()
    for (const { gridPos, title } of DASHBOARD.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken, title).not.toContain(`${x},${y}`)
          taken.add(`${x},${y}`)
        }
      }
    }
  })
})

test('ops/prometheus.yml scrapes the default address, with the rules that are there', () => {
  const config = parse(textOf('ops/prometheus.yml'))
  expect(config.rule_files.map((file: string) => textOf(`ops/${file}`)).length).toBe(1)
  expect(config.scrape_configs[0].static_configs[0].targets).toEqual(['127.0.0.1:7070'])
  expect(config.scrape_configs[0].job_name).toBe('millrace')
})

describe('names in an expression', () => {
  test.each([
    ['up', ['up'], []],
    ['sum by (le) (rate(a_bucket{x="b{c}", y=~"d"}[5m])) > 1e3', ['a_bucket'], ['x', 'y', 'le']],
    ['a and on (x) b / ignoring(y) c offset 5m', ['a', 'b', 'c'], ['x', 'y']],
    ['rate(a{b!~"c\\"d"}[$__rate_interval]) > bool 2', ['a'], ['b']],
  ])('%s', (expression, metrics, labels) => {
    const named = namesIn(expression)
    expect([...named.metrics]).toEqual(metrics)
    expect([...named.labels].sort()).toEqual([...labels].sort())
  })
})
