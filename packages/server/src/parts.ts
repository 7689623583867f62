import { resolve } from 'node:path'
import { Broker } from '@millrace/broker'
import type { Engine } from '@millrace/engine'
import { BACKUPS_DIRECTORY, openLocalEngine } from '@millrace/engine-local'
import { createHttpGateway, type HttpGateway, type TlsCredentials } from '@millrace/gateway-http'
import { memoryDisk, nodeDisk } from '@millrace/log'
import { type Clock, type Limits, type Logger, MillraceError } from '@millrace/record'
import { isLoopback, parseAddress } from './address.ts'
import { Metrics } from './metrics/metrics.ts'
import type { Config } from './settings.ts'
import { tlsFilesOf } from './tls-files.ts'
import { TlsWatch } from './tls-watch.ts'

// This module loads all of the server. Whoever only looks at settings does not import it.

/** What every part gets. */
export interface Surroundings {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
}

/**
 * Opens the local engine.
 * @throws MillraceError DATA_DIR_LOCKED, DATA_DIR_INVALID, STORAGE_FAILED, DISK_FULL
 */
export function openEngineOver({ data, backupDir }: Config, surroundings: Surroundings): Promise<Engine> {
  if (data === 'memory') return openLocalEngine({ disk: memoryDisk(), dataDir: '/memory', ...surroundings })
  const dataDir = absolute(data)
  const backups = backupDir === undefined ? `${dataDir}/${BACKUPS_DIRECTORY}` : absolute(backupDir)
  return openLocalEngine({ disk: nodeDisk(), dataDir, backupDir: backups, ...surroundings })
}

function absolute(path: string): string {
  return resolve(path).replaceAll('\\', '/')
}

/** The broker, which has taken up what was going on when the last one ended. */
export async function openBroker(engine: Engine, surroundings: Surroundings): Promise<Broker> {
  const broker = new Broker({ engine, ...surroundings })
  await broker.open()
  return broker
}

/** What knows the credentials of TLS, from the files that `config` names; undefined: it names none. */
export function watchTls(config: Config, { clock, logger }: Surroundings): TlsWatch | undefined {
  const files = tlsFilesOf(config)
  return files && new TlsWatch({ files, clock, logger })
}

/** The gateway of REST and gRPC before the broker. It does not listen yet. */
export function createGateway(
  broker: Broker,
  config: Config,
  tls: TlsCredentials | undefined,
  { clock, logger, limits }: Surroundings,
): HttpGateway {
  const metrics = new Metrics({ broker, clock, gateway: () => gateway })
  const gateway = createHttpGateway({
    broker,
    clock,
    logger,
    limits,
    allowedOrigins: config.corsOrigin,
    checkHost: isLoopback(parseAddress(config.http)?.host ?? ''),
    metrics: () => metrics.render(),
    tls,
  })
  return gateway
}

/**
 * Binds the gateway's port.
 * @throws MillraceError ADDRESS_UNAVAILABLE, which says why
 */
export async function listen(gateway: HttpGateway, http: string): Promise<{ host: string; port: number }> {
  const { host, port } = parseAddress(http) ?? { host: '', port: 0 }
  try {
    return await gateway.listen(host, port)
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException
    if (syscall === undefined) throw cause
    const reason = REASONS[code ?? ''] ?? message
    throw new MillraceError('ADDRESS_UNAVAILABLE', `cannot listen at ${http}: ${reason}`, { cause })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'the operating system does not allow it',
  ENOTFOUND: 'there is no host of that name',
}
