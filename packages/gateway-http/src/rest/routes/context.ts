import type { Broker } from '@millrace/broker'
import type { Logger } from '@millrace/record'
import type { Answers } from '../../answers.ts'
import type { MetricsPage } from '../../gateway-stats.ts'
import type { RequestStats } from '../../request-stats.ts'
import type { LiveTails } from '../live-tails.ts'
import type { Waits } from '../waits.ts'

/** What the routes work with. */
export interface RouteContext {
  readonly broker: Broker
  readonly logger: Logger
  readonly waits: Waits
  readonly answers: Answers
  readonly requests: RequestStats
  /** Renders the page of metrics; without it there is none. */
  readonly metrics: (() => Promise<MetricsPage>) | undefined
  readonly liveTails: LiveTails
  /** Whether the server is on its way out. */
  readonly isDraining: () => boolean
}
