/** Which roots of a CAR were seen among its sections, without an object per section. */
import type { CID } from 'multiformats/cid'
import { byteKey } from './byte-key.ts'
import { IDENTITY_CODE } from './cid.ts'

export class RootWatch {
  readonly #roots: readonly CID[]
  readonly #missing = new Set<string>()
  /** The last four bytes of each root as a number: most sections fail on that alone. */
  readonly #tags = new Set<number>()

  /** A root whose CID holds its data is there without a section. */
  constructor (roots: readonly CID[]) {
    this.#roots = roots
    for (const { bytes, multihash } of roots) {
      if (multihash.code === IDENTITY_CODE) continue
      this.#missing.add(byteKey(bytes))
      this.#tags.add(tagOf(bytes, bytes.byteLength))
    }
  }

  /** The CID in bytes [from, to) was seen. */
  see (bytes: Uint8Array, from: number, to: number): void {
    if (this.#missing.size > 0 && this.#tags.has(tagOf(bytes, to))) this.#missing.delete(byteKey(bytes.subarray(from, to)))
  }

  /** Roots not seen, in the order of the header, each once. */
  missing (): readonly CID[] {
    const left = new Set(this.#missing)
    return this.#roots.filter(({ bytes }) => left.delete(byteKey(bytes)))
  }
}

const tagOf = (bytes: Uint8Array, end: number): number =>
  (bytes[end - 1]! | (bytes[end - 2]! << 8) | (bytes[end - 3]! << 16) | (bytes[end - 4]! << 24)) >>> 0
