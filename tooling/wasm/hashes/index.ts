/**
 * Hash functions that hosts lack or have slowly: blake2b-256 of one message, sha2-256 of one and of four at once.
 *
 * A caller copies the bytes of messages to `input`, calls begin, take and end, and copies the digests from `output` before
 * it begins anew. A call takes at most 64 KiB; the memory has a fixed size.
 */
import { INPUT, OUTPUT } from './memory'

/** 64 KiB for messages: for one, or for four, 16 KiB apart. */
export const input: usize = INPUT
/** Digests of 32 bytes. */
export const output: usize = OUTPUT

export { begin as beginBlake2b, end as endBlake2b, take as takeBlake2b } from './blake2b'
export { beginOne as beginSha256, endOne as endSha256, takeOne as takeSha256 } from './sha256'
export { beginFour as beginSha256Four, endFour as endSha256Four, takeFour as takeSha256Four } from './sha256-four'
