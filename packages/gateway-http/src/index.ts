export { createHttpGateway, type HttpGateway, type HttpGatewayOptions } from './gateway.ts'
