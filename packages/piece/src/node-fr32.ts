/** fr32 at Node's speed; the same names as in the portable form. */
import { sharedEngine } from './node-engine.ts'
import { paddedBytes, unpaddedBytes } from './sizes.ts'

/** Pad into new memory. @param input - a multiple of 127 bytes @throws {RangeError} it is none */
export const padFr32 = (input: Uint8Array): Uint8Array => {
  const output = new Uint8Array(paddedBytes(input.byteLength))
  sharedEngine().padInto(input, output)
  return output
}

/** Pad into the start of `output`; bytes written, 128 for each 127. @throws {RangeError} no whole chunks, or too short an output */
export const padFr32Into = (input: Uint8Array, output: Uint8Array): number => sharedEngine().padInto(input, output)

/** Unpad into new memory. @param padded - a multiple of 128 bytes @throws {RangeError} it is none */
export const unpadFr32 = (padded: Uint8Array): Uint8Array => {
  const output = new Uint8Array(unpaddedBytes(padded.byteLength))
  sharedEngine().unpadInto(padded, output)
  return output
}

/** Unpad into the start of `output`, which may be `padded`; bytes written. @throws {RangeError} no whole chunks, or too short an output */
export const unpadFr32Into = (padded: Uint8Array, output: Uint8Array): number => sharedEngine().unpadInto(padded, output)
