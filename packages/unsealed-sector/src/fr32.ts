/** What pads and unpads. */
import { padFr32Into, unpadFr32Into } from '@dagstore/piece'

/** fr32 into given memory; an engine of `@dagstore/piece` is one. */
export interface Fr32 {
  /** Into the start of `output`, 128 bytes for each 127. @param input - a multiple of 127 bytes */
  padInto(input: Uint8Array, output: Uint8Array): number
  /** Into the start of `output`, which may be `padded` itself. @param padded - a multiple of 128 bytes */
  unpadInto(padded: Uint8Array, output: Uint8Array): number
}

/** In plain JavaScript, which runs everywhere. */
export const PLAIN_FR32: Fr32 = { padInto: padFr32Into, unpadInto: unpadFr32Into }
