/** The CIDs of the first sections of a file, as many as a budget of memory holds; those of later ones are read from the file. */

/** Longest that fits: the length before a CID is a u16. */
const LENGTH_BYTES = 2
const CHUNK_BITS = 18
const CHUNK_BYTES = 1 << CHUNK_BITS
const SEGMENT_BITS = 12
const SEGMENT = 1 << SEGMENT_BITS

/** Binary CIDs by number. None straddles two chunks, so that nothing is ever copied to grow. */
export class KeptCids {
  readonly #budgetBytes: number
  readonly #chunks: Uint8Array[] = []
  /** Of the chunk that is being filled. */
  #used = CHUNK_BYTES
  /** Chunk number times {@link CHUNK_BYTES}, plus where in it; some 12 MiB of budget fit into 32 bits. */
  readonly #places: Uint32Array[] = []
  #count = 0
  #full = false

  /** @param budgetBytes - for CIDs, below 4 GiB */
  constructor (budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  /** The CIDs of so many sections are here, from the first on. */
  get count (): number { return this.#count }

  get memoryBytes (): number { return this.#chunks.length * CHUNK_BYTES + this.#places.length * SEGMENT * 4 }

  /** Of the section numbered {@link count}; ignored once the budget is used up. Keeps no reference. */
  add (cid: Uint8Array): void {
    if (this.#full) return
    const length = cid.byteLength
    if (this.#used + LENGTH_BYTES + length > CHUNK_BYTES) {
      if ((this.#chunks.length + 1) * CHUNK_BYTES > this.#budgetBytes || length > CHUNK_BYTES - LENGTH_BYTES || length > 0xffff) {
        this.#full = true
        return
      }
      this.#chunks.push(new Uint8Array(CHUNK_BYTES))
      this.#used = 0
    }
    const number = this.#count++
    const within = number & (SEGMENT - 1)
    if (within === 0) this.#places.push(new Uint32Array(SEGMENT))
    const last = this.#chunks.length - 1
    const chunk = this.#chunks[last]!
    let at = this.#used
    this.#places[number >>> SEGMENT_BITS]![within] = last * CHUNK_BYTES + at
    chunk[at++] = length & 0xff
    chunk[at++] = length >>> 8
    for (let i = 0; i < length; i++) chunk[at++] = cid[i]!
    this.#used = at
  }

  /** A view that may not be kept or written; `undefined`: not here. */
  get (number: number): Uint8Array | undefined {
    if (number >= this.#count) return undefined
    const place = this.#places[number >>> SEGMENT_BITS]![number & (SEGMENT - 1)]!
    const chunk = this.#chunks[place >>> CHUNK_BITS]!
    const at = place & (CHUNK_BYTES - 1)
    const length = chunk[at]! | (chunk[at + 1]! << 8)
    return chunk.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length)
  }
}

/** Whether two binary CIDs, or their multihashes, are the same. */
export const isSameKey = (a: Uint8Array, b: Uint8Array, wholeCid: boolean): boolean => {
  const from = wholeCid ? 0 : multihashAt(a)
  const shift = (wholeCid ? 0 : multihashAt(b)) - from
  if (a.byteLength + shift !== b.byteLength) return false
  for (let at = a.byteLength - 1; at >= from; at--) if (a[at] !== b[at + shift]) return false
  return true
}

/** Where the multihash of a binary CID begins: that of version 0 is nothing else, version 1 has version and codec before it. */
export const multihashAt = (cid: Uint8Array): number => {
  if (cid[0] !== 1) return 0
  let at = 1
  while (cid[at]! >= 0x80) at++
  return at + 1
}

/** Whether a binary CID holds its data. */
export const isIdentity = (cid: Uint8Array): boolean => cid[multihashAt(cid)] === 0
