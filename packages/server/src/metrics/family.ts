import type { BrokerStats } from '@millrace/broker'
import type { GatewayStats } from '@millrace/gateway-http'
import type { HistogramView } from '@millrace/record'

/** All that a page tells of, taken at one moment. */
export interface Snapshot extends BrokerStats {
  readonly gateway: GatewayStats
  readonly version: string
  /** Since the server began to serve. */
  readonly uptimeMs: number
  /** What keeps it from doing its work. */
  readonly problems: readonly string[]
}

/** One value, with the labels that tell it from others of its family. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

interface Described {
  readonly name: string
  readonly help: string
}

/** Metrics of one name: how Prometheus names, explains and types them, and where their values come from. */
export type Family = Described &
  (
    | { readonly type: 'counter' | 'gauge'; readonly samples: (snapshot: Snapshot) => readonly Sample[] }
    /** Of durations in ms. */
    | { readonly type: 'histogram'; readonly histogram: (snapshot: Snapshot) => HistogramView }
  )

type Value = (snapshot: Snapshot) => number

/** A number that only grows. */
export function counter(name: string, help: string, value: Value): Family {
  return { name, help, type: 'counter', samples: (snapshot) => [{ labels: {}, value: value(snapshot) }] }
}

/** A number that goes up and down. */
export function gauge(name: string, help: string, value: Value): Family {
  return { name, help, type: 'gauge', samples: (snapshot) => [{ labels: {}, value: value(snapshot) }] }
}

/** Durations. */
export function durations(name: string, help: string, histogram: (snapshot: Snapshot) => HistogramView): Family {
  return { name, help, type: 'histogram', histogram }
}

/** Several of one kind, by the things that `of` lists. */
export function each<Thing>(
  type: 'counter' | 'gauge',
  of: (snapshot: Snapshot) => readonly Thing[],
  labels: (thing: Thing) => Readonly<Record<string, string>>,
): (name: string, help: string, value: (thing: Thing) => number) => Family {
  return (name, help, value) => ({
    name,
    help,
    type,
    samples: (snapshot) => of(snapshot).map((thing) => ({ labels: labels(thing), value: value(thing) })),
  })
}
