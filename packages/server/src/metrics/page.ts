import type { MetricsPage } from '@millrace/gateway-http'
import type { HistogramView } from '@millrace/record'
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import { FAMILIES } from './families.ts'
import type { Family, Snapshot } from './family.ts'

/** A value as prom-client's registry prints it. */
interface PrintedValue {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

/** What says nothing, or nonsense before the first delay, and what goes through every open socket. */
const USELESS = [
  'nodejs_eventloop_lag_min_seconds',
  'nodejs_eventloop_lag_stddev_seconds',
  ...['handles', 'requests', 'resources'].flatMap((what) => [`nodejs_active_${what}`, `nodejs_active_${what}_total`]),
]

/** Memory, processor, collector and event loop: of the process, however many servers it has. */
let processRegistry: Registry | undefined

/** The snapshot in Prometheus' text format, and behind it what prom-client tells of the process. */
export async function renderPage(snapshot: Snapshot): Promise<MetricsPage> {
  if (processRegistry === undefined) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
    for (const name of USELESS) processRegistry.removeSingleMetric(name)
  }
  const registry = new Registry()
  for (const family of FAMILIES) registry.registerMetric(metricOf(family, snapshot))
  const text = `${await registry.metrics()}\n${await processRegistry.metrics()}`
  return { contentType: registry.contentType, text }
}

/** Of a metric, a registry needs its name, help, type and values; prom-client's own classes would count once more. */
function metricOf(family: Family, snapshot: Snapshot): Metric {
  const { name, help, type } = family
  const values = family.type === 'histogram' ? bucketsOf(name, family.histogram(snapshot)) : family.samples(snapshot)
  return { name, get: async () => ({ name, help, type, aggregator: 'sum', values }) } as unknown as Metric
}

function bucketsOf(name: string, { bounds, counts, sum }: HistogramView): PrintedValue[] {
  const values: PrintedValue[] = []
  let count = 0
  for (const [index, inBucket] of counts.entries()) {
    count += inBucket
    const bound = bounds[index]
    const le = bound === undefined ? '+Inf' : bound / 1_000
    values.push({ metricName: `${name}_bucket`, labels: { le }, value: count })
  }
  values.push({ metricName: `${name}_sum`, labels: {}, value: sum / 1_000 })
  values.push({ metricName: `${name}_count`, labels: {}, value: count })
  return values
}
