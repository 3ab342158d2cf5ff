/** One request while it is answered: what its parts find out for the event that tells of it. */
import type { GatewayRoute } from './events.ts'
import type { Ticket } from './limits/admission.ts'

export interface Call {
  route: GatewayRoute
  /** Blocks in the body so far. */
  blocks: number
  /** From when on work is done for it. */
  ticket: Ticket | undefined
}
