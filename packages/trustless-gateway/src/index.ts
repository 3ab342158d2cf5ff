export type { GatewayEvent, GatewayRoute } from './events.ts'
export type { GatewayAnswer, GatewayRequest } from './exchange.ts'
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
export type { WebContext } from './web.ts'
