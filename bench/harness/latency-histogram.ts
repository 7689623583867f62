import { build } from 'hdr-histogram-js'
import type { Figures } from './tasks.ts'

const HIGHEST_NS = 60e9

/** Latencies in an HDR histogram, three significant digits, from 1 ns to a minute. */
export class LatencyHistogram {
  private readonly histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_NS,
    numberOfSignificantValueDigits: 3,
  })

  record(tookNs: number): void {
    this.histogram.recordValue(Math.min(tookNs, HIGHEST_NS))
  }

  /** In ms. */
  figures(): Figures {
    const at = (percentile: number): number => this.histogram.getValueAtPercentile(percentile) / 1e6
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: this.histogram.maxValue / 1e6 }
  }
}
