import type { Broker } from '@millrace/broker'
import type { Logger } from '@millrace/record'
import type { Answers } from '../../answers.ts'
import type { LiveTails } from '../live-tails.ts'
import type { Waits } from '../waits.ts'

/** What the routes work with. */
export interface RouteContext {
  readonly broker: Broker
  readonly logger: Logger
  readonly waits: Waits
  readonly answers: Answers
  readonly liveTails: LiveTails
  /** Whether the server is on its way out. */
  readonly isDraining: () => boolean
}
