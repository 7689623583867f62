import type { Broker } from '@millrace/broker'
import type { Engine } from '@millrace/engine'
import type { HttpGateway } from '@millrace/gateway-http'
import { type Limits, type Logger, systemClock } from '@millrace/record'
import { formatAddress, reachableHost } from './address.ts'
import { effectiveSettings, flatten, toConfig } from './config.ts'
import { openLogger } from './logger.ts'
import type { Surroundings } from './parts.ts'
import { removeReadyFile, writeReadyFile } from './ready-file.ts'
import type { Config } from './settings.ts'
import type { TlsWatch } from './tls-watch.ts'

/** What `startServer` takes. Everything left out has the default of the command, but for the log level: `silent`. */
export interface ServerOptions extends Partial<Omit<Config, 'limits'>> {
  readonly limits?: Partial<Limits>
  /** Where messages go, instead of standard error. */
  readonly logger?: Logger
  /** Opens what keeps the logs, instead of the local engine over `data`. The server closes it. */
  readonly openEngine?: (surroundings: Surroundings) => Promise<Engine>
}

/** A server that serves. */
export interface Server extends AsyncDisposable {
  /** Where REST and gRPC answer, for a client on this machine. */
  readonly url: string
  /** The bound `HOST:PORT` of REST and gRPC. */
  readonly http: string
  /** The data directory, or `memory`. */
  readonly data: string
  /**
   * Reads the files of TLS at once instead of within seconds. What is wrong with them is logged, and what was in use
   * stays.
   */
  reload(): Promise<void>
  /**
   * Stops accepting, lets open requests end within `limits.shutdownGraceMs`, commits what was appended and lets go of
   * the data directory. Every call gives the same promise.
   */
  close(): Promise<void>
}

/**
 * Starts a server in this process; when it returns, the server is ready.
 * @throws MillraceError INVALID_CONFIG; DATA_DIR_LOCKED, DATA_DIR_INVALID, STORAGE_FAILED; ADDRESS_UNAVAILABLE
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const config = configOf(options)
  const logger = options.logger ?? (await openLogger(config.logLevel))
  // A file that an earlier server left behind must not tell of this one before it is ready.
  if (config.readyFile !== undefined) await removeReadyFile(config.readyFile)
  const startedAtMs = systemClock.monotonicMs()
  const { createGateway, listen, openBroker, openEngineOver, watchTls } = await import('./parts.ts')
  const surroundings: Surroundings = { clock: systemClock, logger, limits: config.limits }
  const tls = watchTls(config, surroundings)
  const credentials = await tls?.load()
  const engine = await (options.openEngine?.(surroundings) ?? openEngineOver(config, surroundings))
  let broker: Broker | undefined
  let gateway: HttpGateway | undefined
  try {
    broker = await openBroker(engine, surroundings)
    const serving = createGateway(broker, config, credentials, surroundings)
    gateway = serving
    const bound = await listen(serving, config.http)
    const http = formatAddress(bound)
    const reachable = formatAddress({ host: reachableHost(bound.host), port: bound.port })
    const url = `${tls === undefined ? 'http' : 'https'}://${reachable}`
    if (config.readyFile !== undefined) {
      await writeReadyFile(config.readyFile, { url, http, data: config.data, pid: process.pid })
    }
    logger.info({ http, data: config.data, tookMs: Math.round(systemClock.monotonicMs() - startedAtMs) }, 'serving')
    tls?.follow((changed) => serving.setTls(changed))
    return runningServer({ url, http, config, logger, tls, gateway, broker, engine })
  } catch (error) {
    await gateway?.close(0)
    await broker?.close()
    await engine.close()
    throw error
  }
}

function configOf(options: ServerOptions): Config {
  const { logger: _, openEngine: __, ...settings } = options
  const where = 'the options of startServer'
  const given = { values: flatten(settings, where), nameOf: ({ key }: { key: string }) => key }
  const embedded = { values: { logLevel: 'silent' }, nameOf: ({ key }: { key: string }) => key }
  return toConfig(effectiveSettings([given, embedded]))
}

function runningServer(o: {
  url: string
  http: string
  config: Config
  logger: Logger
  tls: TlsWatch | undefined
  gateway: HttpGateway
  broker: Broker
  engine: Engine
}): Server {
  const { config, logger } = o
  let closing: Promise<void> | undefined
  const shutDown = async (): Promise<void> => {
    logger.info({ graceMs: config.limits.shutdownGraceMs }, 'shutting down')
    if (config.readyFile !== undefined) await removeReadyFile(config.readyFile).catch(() => {})
    o.tls?.close()
    // Memberships would never end by themselves.
    o.broker.endMemberships()
    try {
      await o.gateway.close(config.limits.shutdownGraceMs)
    } finally {
      // Also after a gateway that failed to close: the engine commits what it has and marks a clean shutdown.
      await o.broker.close().finally(() => o.engine.close())
    }
    logger.info({}, 'shut down')
  }
  const close = (): Promise<void> => {
    closing ??= shutDown()
    return closing
  }
  const reload = async (): Promise<void> => o.tls?.reload()
  return { url: o.url, http: o.http, data: config.data, reload, close, [Symbol.asyncDispose]: close }
}
