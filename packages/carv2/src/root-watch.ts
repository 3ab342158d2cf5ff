/** Which roots of a CAR were seen among its sections, without an object per section. */
import type { CID } from 'multiformats/cid'
import { IDENTITY_CODE } from './cid.ts'

export class RootWatch {
  /** The last four bytes of each root that is still missing, as a number: most sections fail on that alone. */
  readonly #tags = new Map<number, Uint8Array[]>()
  readonly #roots: readonly CID[]

  /** A root whose CID holds its data is there without a section. */
  constructor (roots: readonly CID[]) {
    this.#roots = roots
    for (const { bytes, multihash } of roots) {
      if (multihash.code === IDENTITY_CODE) continue
      const tag = tagOf(bytes, bytes.byteLength)
      const same = this.#tags.get(tag) ?? []
      if (same.some((other) => equal(other, bytes, 0, bytes.byteLength))) continue
      this.#tags.set(tag, [...same, bytes])
    }
  }

  /** The CID in bytes [from, to) was seen. */
  see (bytes: Uint8Array, from: number, to: number): void {
    if (this.#tags.size === 0) return
    const tag = tagOf(bytes, to)
    const same = this.#tags.get(tag)
    if (same === undefined) return
    const left = same.filter((root) => !equal(root, bytes, from, to))
    if (left.length === 0) this.#tags.delete(tag)
    else this.#tags.set(tag, left)
  }

  /** Roots not seen, in the order of the header, each once. */
  missing (): readonly CID[] {
    const left = new Set([...this.#tags.values()].flat())
    return this.#roots.filter(({ bytes }) => left.has(bytes))
  }
}

const tagOf = (bytes: Uint8Array, end: number): number =>
  (bytes[end - 1]! | (bytes[end - 2]! << 8) | (bytes[end - 3]! << 16) | (bytes[end - 4]! << 24)) >>> 0

const equal = (a: Uint8Array, b: Uint8Array, from: number, to: number): boolean => {
  if (a.byteLength !== to - from) return false
  for (let i = 0; i < a.byteLength; i++) {
    if (a[i] !== b[from + i]) return false
  }
  return true
}
