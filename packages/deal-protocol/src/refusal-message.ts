/** An answer that is no success: `{"code":"DEAL_BAD_PROPOSAL","message":"…"}`. */
import { decodeMessage, encodeMessage } from './message-codec.ts'

export interface RefusalMessage {
  readonly code: string
  /** For people. */
  readonly message: string
}

export const encodeRefusal = (refusal: RefusalMessage): string => encodeMessage(refusal)

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeRefusal = (text: string): RefusalMessage => decodeMessage('refusal', text, (of) => ({ code: of.text('code', 64), message: of.text('message') }))
