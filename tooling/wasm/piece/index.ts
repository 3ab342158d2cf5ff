/**
 * Pads, unpads and hashes the bytes of pieces, up to 512 chunks (64 KiB padded) per call, in a memory of fixed size.
 *
 * A caller copies bytes into `payload` or `padded`, calls a function, and copies its result out before the next call.
 */
import { pad, unpad } from './fr32'
import { PADDED, PAYLOAD } from './memory'
import { hashFourPairs, prepare } from './nodes'

prepare()

/** Where payload bytes go in, and come out unpadded. */
export const payload: usize = PAYLOAD
/** Where padded bytes and nodes go in and come out. */
export const padded: usize = PADDED

export { pad, unpad }

/** Replace the nodes 2i and 2i + 1 at `padded` by their parent at i, for so many pairs, at most 1024. */
export function hashPairs (pairs: i32): void {
  let from = PADDED
  let to = PADDED
  // the last turn may hash up to three pairs that nobody asked for; nothing reads them
  for (let done = 0; done < pairs; done += 4) {
    hashFourPairs(from, to)
    from += 256
    to += 128
  }
}

/** Pad the chunks at `payload` and reduce them, a power of two of at most 512, to the root of their tree, at `padded`. */
export function commit (chunks: i32): void {
  pad(chunks)
  for (let pairs = 2 * chunks; pairs > 0; pairs >>= 1) hashPairs(pairs)
}
