import { readFileSync } from 'node:fs'
import type { Broker } from '@millrace/broker'
import type { HttpGateway, MetricsPage } from '@millrace/gateway-http'
import type { Clock } from '@millrace/record'
import type { Snapshot } from './family.ts'

export interface MetricsOptions {
  readonly broker: Broker
  readonly clock: Clock
  /** The gateway, once there is one. */
  readonly gateway: () => HttpGateway
}

/** A page is shown to all who ask for so long: collecting it looks at every partition. */
const KEPT_MS = 1_000

/** The page that Prometheus scrapes. All figures are kept where they come about; this asks for them. */
export class Metrics {
  private readonly options: MetricsOptions
  private readonly startedMs: number
  private readonly version = versionOfPackage()
  private page: Promise<MetricsPage> | undefined
  private expiresMs = 0

  constructor(options: MetricsOptions) {
    this.options = options
    this.startedMs = options.clock.monotonicMs()
  }

  /** Those who ask while a page is made share it. */
  render(): Promise<MetricsPage> {
    const { clock } = this.options
    if (this.page !== undefined && clock.monotonicMs() < this.expiresMs) return this.page
    const page = this.make().finally(() => {
      if (this.page === page) this.expiresMs = clock.monotonicMs() + KEPT_MS
    })
    page.catch(() => {
      if (this.page === page) this.page = undefined
    })
    this.page = page
    this.expiresMs = Number.POSITIVE_INFINITY
    return page
  }

  private async make(): Promise<MetricsPage> {
    // Whoever does not scrape does not load what makes the page.
    const { renderPage } = await import('./page.ts')
    return renderPage(await this.snapshot())
  }

  private async snapshot(): Promise<Snapshot> {
    const { broker, clock, gateway } = this.options
    const problems = await broker.problems()
    const stats = await broker.stats()
    const uptimeMs = clock.monotonicMs() - this.startedMs
    return { ...stats, gateway: gateway().stats(), version: this.version, uptimeMs, problems }
  }
}

function versionOfPackage(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
