import { Broker } from '@millrace/broker'
import { DEFAULT_LIMITS, type Limits } from '@millrace/record'
import { createMemoryEngine, ManualClock, type MemoryEngine } from '@millrace/testkit'
import { RequestGuard } from '../src/guard.ts'
import type { RestApp } from '../src/rest/app.ts'
import { Unsent } from '../src/unsent.ts'
import { type LogLine, type Protocol, type RestServer, recordingLogger, restApp, serveRest } from './rest-harness.ts'

export interface TailServer {
  readonly app: RestApp
  readonly rest: RestServer
  readonly broker: Broker
  readonly engine: MemoryEngine
  readonly clock: ManualClock
  readonly limits: Limits
  readonly unsent: Unsent
  readonly lines: LogLine[]
}

/** REST over the memory engine, with a topic `t` of one partition unless the engine has one. */
export async function serveTails(
  protocol: Protocol,
  given: Partial<Limits> = {},
  clock: ManualClock = new ManualClock(),
  engine: MemoryEngine = createMemoryEngine({ clock }),
): Promise<TailServer> {
  const limits = { ...DEFAULT_LIMITS, ...given }
  const broker = new Broker({ engine, clock, limits })
  const { logger, lines } = recordingLogger()
  const unsent = new Unsent(limits.unsentBytes)
  const guard = new RequestGuard({ checkHost: true, allowedOrigins: ['http://page.example'] })
  const app = await restApp({ broker, clock, logger, limits, guard, unsent })
  const rest = await serveRest(app, protocol)
  if ((await engine.topics.find('t')) === undefined) await broker.topics.create({ name: 't' })
  return { app, rest, broker, engine, clock, limits, unsent, lines }
}
