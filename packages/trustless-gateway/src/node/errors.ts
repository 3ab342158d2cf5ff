/** The errors of the server itself. */

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type GatewayServerErrorCode = 'GATEWAY_ADDRESS_IN_USE' | 'GATEWAY_CANNOT_LISTEN' | 'GATEWAY_BAD_CERTIFICATE'

export class GatewayServerError extends Error {
  override readonly name = 'GatewayServerError'
  readonly code: GatewayServerErrorCode

  constructor (code: GatewayServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
