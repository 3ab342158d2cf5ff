/**
 * Numbers by digests of 32 bytes, in little memory.
 *
 *     digests  entry after entry, 32 bytes each, in chunks
 *     values   entry after entry, one u32 each, in chunks
 *     slots    number of an entry + 1, or 0; an entry stands in the first slot from its hash on that was free
 *
 * Digests are uniform, so their first bytes are hash enough. A digest may be there several times.
 */

export const DIGEST_BYTES = 32
const CHUNK = 1 << 14
const FIRST_SLOTS = 64

export class DigestTable {
  readonly #digests: Uint8Array[] = []
  readonly #values: Uint32Array[] = []
  #slots = new Uint32Array(FIRST_SLOTS)
  #size = 0

  get size (): number { return this.#size }

  /** Memory that it takes. */
  get bytes (): number { return this.#digests.length * CHUNK * (DIGEST_BYTES + 4) + this.#slots.byteLength }

  /** Keeps no reference. @param value - u32 */
  add (digest: Uint8Array, value: number): void {
    const entry = this.#size++
    if (entry % CHUNK === 0) {
      this.#digests.push(new Uint8Array(CHUNK * DIGEST_BYTES))
      this.#values.push(new Uint32Array(CHUNK))
    }
    this.#digests.at(-1)!.set(digest, entry % CHUNK * DIGEST_BYTES)
    this.#values.at(-1)![entry % CHUNK] = value
    if (4 * this.#size > 3 * this.#slots.length) this.#grow()
    else this.#place(entry, hashOf(digest, 0))
  }

  /** Calls `found` for each entry of the digest, in any order; what it returns is the new value. */
  update (digest: Uint8Array, found: (value: number) => number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = hashOf(digest, 0) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = slots[slot]! - 1
      if (!this.#isAt(entry, digest)) continue
      const values = this.#values[Math.floor(entry / CHUNK)]!
      values[entry % CHUNK] = found(values[entry % CHUNK]!)
    }
  }

  #isAt (entry: number, digest: Uint8Array): boolean {
    const chunk = this.#digests[Math.floor(entry / CHUNK)]!
    const at = entry % CHUNK * DIGEST_BYTES
    for (let i = 0; i < DIGEST_BYTES; i++) if (chunk[at + i] !== digest[i]) return false
    return true
  }

  #place (entry: number, hash: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = entry + 1
  }

  #grow (): void {
    this.#slots = new Uint32Array(2 * this.#slots.length)
    for (let entry = 0; entry < this.#size; entry++) this.#place(entry, hashOf(this.#digests[Math.floor(entry / CHUNK)]!, entry % CHUNK * DIGEST_BYTES))
  }
}

const hashOf = (bytes: Uint8Array, at: number): number => bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24
