/**
 * Blocks that lie in a store in the order of the walk, read many at a time.
 *
 * Reads grow while what they bring is asked for. Where it is not, blocks lie in another order, or are so long that each is a read
 * of its own; then walks go on without stretches for a while, and longer each time that they are tried in vain.
 */
import type { BlockCallOptions, BlockStretch, BlockStretches } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

const FIRST_BYTES = 1 << 16
const MOST_BYTES = 1 << 19
/** Blocks that are read without stretches once one was in vain. */
const FIRST_PAUSE = 32
const LONGEST_PAUSE = 1024

export class Stretches {
  readonly #store: BlockStretches
  readonly #mostBytes: number
  readonly #call: BlockCallOptions
  #last: BlockStretch | undefined
  /** The one before: a node that was read in between may lie elsewhere. */
  #before: BlockStretch | undefined
  #bytes = FIRST_BYTES
  /** Blocks that came of the last one, without the first. */
  #taken = 0
  #pause = FIRST_PAUSE
  /** So many blocks are left to be read otherwise. */
  #resting = 0

  /** @param maxBytes - of both that are held */
  constructor (store: BlockStretches, maxBytes: number, call: BlockCallOptions) {
    this.#store = store
    this.#mostBytes = Math.min(MOST_BYTES, maxBytes / 2)
    this.#call = call
  }

  take (cid: CID): Uint8Array | undefined {
    const bytes = this.#last?.take(cid) ?? this.#before?.take(cid)
    if (bytes !== undefined) this.#taken++
    return bytes
  }

  /** Whether the next block that is not at hand is one for {@link read}. */
  isDue (): boolean {
    if (this.#resting > 0) {
      this.#resting--
      return false
    }
    return true
  }

  /** Rejects with what the store does. */
  async read (cid: CID): Promise<Uint8Array> {
    if (this.#taken > 0) {
      this.#pause = FIRST_PAUSE
      this.#bytes = Math.min(this.#mostBytes, 2 * this.#bytes)
    } else if (this.#last !== undefined) {
      this.#resting = this.#pause
      this.#pause = Math.min(LONGEST_PAUSE, 2 * this.#pause)
      this.#bytes = FIRST_BYTES
    }
    this.#taken = 0
    const stretch = await this.#store.stretch(cid, Math.min(this.#bytes, this.#mostBytes), this.#call)
    this.#before = this.#last
    this.#last = stretch
    return stretch.bytes
  }
}
