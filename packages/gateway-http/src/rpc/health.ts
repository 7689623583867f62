import { type Clock, MillraceError, type Timer } from '@millrace/record'
import { grpc, HEALTH_CHECK, UNARY } from '@millrace/wire'

type Status = grpc.health.v1.HealthCheckResponse.ServingStatus
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = grpc.health.v1.HealthCheckResponse.ServingStatus

/** How often it is looked whether the server can still do its work, while anybody watches. */
const LOOK_MS = 1_000

/** Services by name; the empty name is the whole server. */
const SERVICES: ReadonlySet<string> = new Set([
  '',
  ...[HEALTH_CHECK, ...Object.values(UNARY)].map(({ path }) => path.split('/')[1] ?? ''),
])

export interface HealthOptions {
  readonly clock: Clock
  /** Why the server cannot do its work, as /readyz has it; empty when it can. */
  readonly problems: () => readonly string[]
}

/** What gRPC's health service tells: the same for every service that there is. */
export class Health {
  private readonly clock: Clock
  private readonly problems: () => readonly string[]
  private readonly watchers = new Map<object, { service: string; told: Status; tell: (status: Status) => void }>()
  private timer: Timer | undefined
  private isShuttingDown = false

  constructor({ clock, problems }: HealthOptions) {
    this.clock = clock
    this.problems = problems
  }

  /** @throws MillraceError ROUTE_NOT_FOUND when there is no such service */
  check(service: string): Status {
    const status = this.statusOf(service)
    if (status !== SERVICE_UNKNOWN) return status
    throw new MillraceError('ROUTE_NOT_FOUND', `there is no service ${JSON.stringify(service.slice(0, 200))}`)
  }

  /** Tells the status now, and again whenever it has changed, until `unwatch(watcher)`. */
  watch(watcher: object, service: string, tell: (status: Status) => void): void {
    const status = this.statusOf(service)
    this.watchers.set(watcher, { service, told: status, tell })
    this.timer ??= this.clock.setTimer(LOOK_MS, () => this.look())
    tell(status)
  }

  unwatch(watcher: object): void {
    this.watchers.delete(watcher)
    if (this.watchers.size > 0) return
    this.timer?.cancel()
    this.timer = undefined
  }

  /** From now on nothing is served; watchers hear it. */
  shutDown(): void {
    this.isShuttingDown = true
    this.tellChanges()
  }

  private look(): void {
    this.timer = this.clock.setTimer(LOOK_MS, () => this.look())
    this.tellChanges()
  }

  private tellChanges(): void {
    const server = this.serverStatus()
    for (const watcher of this.watchers.values()) {
      if (watcher.told === SERVICE_UNKNOWN || watcher.told === server) continue
      watcher.told = server
      watcher.tell(server)
    }
  }

  private statusOf(service: string): Status {
    return SERVICES.has(service) ? this.serverStatus() : SERVICE_UNKNOWN
  }

  private serverStatus(): Status {
    return this.isShuttingDown || this.problems().length > 0 ? NOT_SERVING : SERVING
  }
}
