export { createHttpGateway, type HttpGateway, type HttpGatewayOptions } from './gateway.ts'
export type { TlsCredentials } from './tls-door.ts'
