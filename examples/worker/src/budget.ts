/** How many requests one request makes: the platform ends those that make too many without a word to the client. */
import { GatewayRefusal } from '@dagstore/trustless-gateway'

export interface Budget {
  /** To be called before each. @throws {GatewayRefusal} 503 `GATEWAY_TOO_LARGE`: no more may be made */
  spend(): void
  /** Whether so many may be made, and then some for the answer itself. */
  allows(requests: number): boolean
}

export const createBudget = (max: number): Budget => {
  let left = max
  return {
    spend: () => {
      if (left === 0) throw new GatewayRefusal('GATEWAY_TOO_LARGE', 503, 'The answer takes more reads of the storage than one request may make; ask for parts of it.')
      left--
    },
    allows: (requests) => left >= requests + max / 2,
  }
}
