import type { Broker } from '@millrace/broker'
import type { Engine } from '@millrace/engine'
import type { HttpGateway } from '@millrace/gateway-http'
import { type Limits, type Logger, systemClock } from '@millrace/record'
import { formatAddress, reachableHost } from './address.ts'
import { effectiveSettings, flatten, toConfig } from './config.ts'
import { type LogOutput, openLogOutput } from './log-output.ts'
import type { Surroundings } from './parts.ts'
import { removeReadyFile, writeReadyFile } from './ready-file.ts'
import { changeBetween, changeLimits } from './reload.ts'
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
   * Takes over the log level and the limits of `config` that can change while the server runs, and logs which others
   * differ; begins the log file anew, and reads the files of TLS at once. What is wrong with them is logged, and what was
   * in use stays.
   * @param read gives the configuration as it is now; what it throws is logged, and nothing changes
   */
  reload(read?: () => Config): Promise<void>
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
  const output = await openLogOutput(options.logger === undefined ? config.logLevel : 'silent', config.logFile)
  const logger = options.logger ?? output.logger
  // A file that an earlier server left behind must not tell of this one before it is ready.
  if (config.readyFile !== undefined) await removeReadyFile(config.readyFile)
  const startedAtMs = systemClock.monotonicMs()
  const { createGateway, listen, openBroker, openEngineOver, watchTls } = await import('./parts.ts')
  const limits = { ...config.limits }
  const surroundings: Surroundings = { clock: systemClock, logger, limits }
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
    return runningServer({ url, http, config, limits, output, logger, tls, gateway, broker, engine })
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
  limits: Limits
  output: LogOutput
  logger: Logger
  tls: TlsWatch | undefined
  gateway: HttpGateway
  broker: Broker
  engine: Engine
}): Server {
  const { config, logger } = o
  let closing: Promise<void> | undefined
  const shutDown = async (): Promise<void> => {
    logger.info({ graceMs: o.limits.shutdownGraceMs }, 'shutting down')
    if (config.readyFile !== undefined) await removeReadyFile(config.readyFile).catch(() => {})
    o.tls?.close()
    // Memberships would never end by themselves.
    o.broker.endMemberships()
    try {
      await o.gateway.close(o.limits.shutdownGraceMs)
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
  let current = config
  const reload = async (read = () => current): Promise<void> => {
    try {
      o.output.reopen()
    } catch (error) {
      logger.error({ err: error }, 'the log file cannot be begun anew, the one in use goes on')
    }
    let next: Config
    try {
      next = read()
    } catch (error) {
      const { message } = error as Error
      logger.error({}, `the configuration is not taken over, what was in use stays: ${message}`)
      return
    }
    const { live } = changeBetween(current, next)
    // What needs a restart stays as it was at the start, whatever was read since.
    const { needRestart } = changeBetween(config, next)
    await o.output.setLevel(next.logLevel)
    changeLimits(o.limits, next.limits)
    current = next
    logger.info({ changed: live, needRestart }, 'the configuration was read again')
    await o.tls?.reload()
  }
  return { url: o.url, http: o.http, data: config.data, reload, close, [Symbol.asyncDispose]: close }
}
