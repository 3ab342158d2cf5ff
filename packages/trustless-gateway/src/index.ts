export type { GatewayAnswer, GatewayRequest } from './exchange.ts'
