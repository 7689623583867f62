import type { Broker } from '@millrace/broker'
import { createHttpGateway } from '@millrace/gateway-http'
import { DEFAULT_LIMITS, silentLogger, systemClock } from '@millrace/record'

export interface BareGateway {
  readonly url: string
  readonly close: () => Promise<void>
}

/** A gateway with nothing behind it but these parts of a broker: for what it says of itself. */
export async function serveBareGateway(parts: object = {}): Promise<BareGateway> {
  const gateway = createHttpGateway({
    broker: { limits: DEFAULT_LIMITS, problems: async () => [], ...parts } as unknown as Broker,
    clock: systemClock,
    logger: silentLogger,
    limits: DEFAULT_LIMITS,
    checkHost: true,
    metrics: async () => ({ contentType: 'text/plain', text: 'some' }),
  })
  const { host, port } = await gateway.listen('127.0.0.1', 0)
  return { url: `http://${host}:${port}`, close: () => gateway.close(0) }
}
