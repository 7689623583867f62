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
  readonly problems: () => Promise<readonly string[]>
}

interface Watcher {
  readonly service: string
  told: Status | undefined
  readonly tell: (status: Status) => void
}

/** What gRPC's health service tells: the same for every service that there is. */
export class Health {
  private readonly clock: Clock
  private readonly problems: () => Promise<readonly string[]>
  private readonly watchers = new Map<object, Watcher>()
  private timer: Timer | undefined
  private looks = 0
  private isShuttingDown = false

  constructor({ clock, problems }: HealthOptions) {
    this.clock = clock
    this.problems = problems
  }

  /** @throws MillraceError ROUTE_NOT_FOUND when there is no such service */
  async check(service: string): Promise<Status> {
    if (SERVICES.has(service)) return this.serverStatus()
    throw new MillraceError('ROUTE_NOT_FOUND', `there is no service ${JSON.stringify(service.slice(0, 200))}`)
  }

  /** Tells the status as soon as it is known, and again whenever it has changed, until `unwatch(watcher)`. */
  watch(watcher: object, service: string, tell: (status: Status) => void): void {
    this.watchers.set(watcher, { service, told: undefined, tell })
    this.timer ??= this.clock.setTimer(LOOK_MS, () => this.look())
    void this.tellChanges()
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
    this.tell(NOT_SERVING)
  }

  private look(): void {
    this.timer = this.clock.setTimer(LOOK_MS, () => this.look())
    void this.tellChanges()
  }

  private async tellChanges(): Promise<void> {
    const look = ++this.looks
    const server = await this.serverStatus()
    // What an older look saw is no news, and of a shutdown watchers heard at once.
    if (look === this.looks && !this.isShuttingDown) this.tell(server)
  }

  private tell(server: Status): void {
    for (const watcher of [...this.watchers.values()]) {
      const status = SERVICES.has(watcher.service) ? server : SERVICE_UNKNOWN
      if (watcher.told === status) continue
      watcher.told = status
      watcher.tell(status)
    }
  }

  private async serverStatus(): Promise<Status> {
    return this.isShuttingDown || (await this.problems()).length > 0 ? NOT_SERVING : SERVING
  }
}
