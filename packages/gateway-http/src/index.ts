export { createHttpGateway, type HttpGateway, type HttpGatewayOptions } from './gateway.ts'
export type { ConnectionCounts, GatewayStats, MetricsPage } from './gateway-stats.ts'
export type { RequestCount } from './request-stats.ts'
export type { TlsCredentials } from './tls-door.ts'
