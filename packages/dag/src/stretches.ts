/**
 * Blocks that lie in a store in the order of the walk, read many at a time.
 *
 * A stretch that was read to its end is followed by a longer one; elsewhere one begins short. A few are held, since the blocks of a
 * walk may lie in several places, as nodes and leaves do that were written apart. Where nothing comes of them, blocks lie in no such
 * order, or are so long that each is a read of its own; then walks go on without stretches for a while, and longer each time that
 * they are tried in vain.
 */
import type { BlockCallOptions, BlockStretch, BlockStretches } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

const FIRST_BYTES = 1 << 16
const MOST_BYTES = 1 << 20
const MOST_HELD = 4
/** Reads in vain, one after another: roots and the nodes below may lie far from what else there is. */
const MOST_VAIN = 3
/** Short blocks that are read without stretches then. */
const FIRST_PAUSE = 64
const LONGEST_PAUSE = 1 << 14
const PAUSE_GROWTH = 4

interface Held {
  readonly stretch: BlockStretch
  /** That were asked for. */
  readonly bytes: number
  usedBytes: number
}

export class Stretches {
  readonly #store: BlockStretches
  readonly #maxBytes: number
  readonly #call: BlockCallOptions
  /** The one used last comes last. */
  readonly #held: Held[] = []
  /** Of the next read, at most. */
  #nextBytes = FIRST_BYTES
  /** Blocks that were taken since the last read. */
  #taken = 1
  /** Whether the last read was judged by what came of it. */
  #isJudged = true
  #vain = 0
  #pause = FIRST_PAUSE
  /** So many blocks are left to be read otherwise. */
  #resting = 0

  /** @param maxBytes - of all that are held */
  constructor (store: BlockStretches, maxBytes: number, call: BlockCallOptions) {
    this.#store = store
    this.#maxBytes = maxBytes
    this.#call = call
  }

  get isEmpty (): boolean { return this.#held.length === 0 }

  take (cid: CID): Uint8Array | undefined {
    const held = this.#held
    for (let n = held.length - 1; n >= 0; n--) {
      const one = held[n]!
      const bytes = one.stretch.take(cid)
      if (bytes !== undefined) {
        this.#taken++
        one.usedBytes += bytes.byteLength
        if (n < held.length - 1) held.push(...held.splice(n, 1))
        return bytes
      }
      if (!one.stretch.isSpent) continue
      held.splice(n, 1)
      this.#nextBytes = 4 * one.usedBytes < one.bytes ? one.bytes : 2 * one.bytes
    }
    return undefined
  }

  /** Whether the next block that is not at hand is one for {@link read}. */
  isDue (): boolean {
    if (this.#resting > 0) return false
    if (this.#isJudged) return true
    this.#isJudged = true
    if (this.#taken > 0) {
      this.#vain = 0
      this.#pause = FIRST_PAUSE
    } else if (++this.#vain >= MOST_VAIN) {
      this.#rest()
      return false
    }
    return true
  }

  /** A block was read otherwise. */
  passed (bytes: number): void {
    if (this.#resting > 0 && !isLong(bytes)) this.#resting--
  }

  /** Rejects with what the store does. */
  async read (cid: CID): Promise<Uint8Array> {
    const wasInVain = this.#taken === 0
    const want = Math.min(this.#nextBytes, MOST_BYTES, this.#maxBytes / 2)
    this.#makeRoom(want)
    this.#nextBytes = FIRST_BYTES
    this.#isJudged = false
    this.#taken = 0
    const stretch = await this.#store.stretch(cid, want, this.#call)
    const { bytes } = stretch
    if (!stretch.isSpent) this.#held.push({ stretch, bytes: want, usedBytes: bytes.byteLength })
    else if (isLong(bytes.byteLength) && wasInVain) this.#rest()
    return bytes
  }

  #makeRoom (bytes: number): void {
    const held = this.#held
    let heldBytes = 0
    for (const one of held) heldBytes += one.bytes
    while (held.length > 0 && (held.length >= MOST_HELD || heldBytes + bytes > this.#maxBytes)) heldBytes -= held.shift()!.bytes
  }

  #rest (): void {
    this.#held.length = 0
    this.#resting = this.#pause
    this.#pause = Math.min(LONGEST_PAUSE, PAUSE_GROWTH * this.#pause)
    // then once, to see
    this.#vain = MOST_VAIN - 1
    this.#isJudged = true
    this.#taken = 0
  }
}

/** One behind it would hardly come with it in a first read. */
const isLong = (bytes: number): boolean => 2 * bytes > FIRST_BYTES
