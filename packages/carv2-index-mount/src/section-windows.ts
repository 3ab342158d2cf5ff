/** Sections that were read along with others, found by what they hold. */
import { decodeVarint, parseCid } from '@dagstore/carv2'
import type { CID } from 'multiformats/cid'
import { keyOf } from './byte-key.ts'
import type { SectionBytes } from './section-read.ts'

export interface SectionWindowsParts {
  readonly limits: SectionBytes['limits']
  readonly wholeCid: boolean
  /** Of the windows that are kept, at most; the latest is kept however long it is. */
  readonly maxBytes: number
}

/** What is left of a window behind its whole sections. */
export interface CutSection {
  readonly bytes: Uint8Array
  /** How much of the section follows, as far as it tells. */
  readonly missingBytes: number
}

interface Window {
  readonly bytes: Uint8Array
  readonly sections: ReadonlyMap<string, { readonly at: number, readonly dataAt: number, readonly end: number }>
}

export class SectionWindows {
  readonly #parts: SectionWindowsParts
  /** The latest comes last. */
  readonly #windows: Window[] = []
  #usedBytes = 0

  constructor (parts: SectionWindowsParts) {
    this.#parts = parts
  }

  /** Keeps `bytes`, which begin with a section. Gives what follows the whole ones. */
  add (bytes: Uint8Array): CutSection {
    const sections = new Map<string, { at: number, dataAt: number, end: number }>()
    let at = 0
    for (let next = this.#sectionAt(bytes, at); next !== undefined; next = this.#sectionAt(bytes, at)) {
      if (!sections.has(next.key)) sections.set(next.key, { at, dataAt: next.dataAt, end: next.end })
      at = next.end
    }
    this.#windows.push({ bytes, sections })
    this.#usedBytes += bytes.byteLength
    while (this.#windows.length > 1 && this.#usedBytes > this.#parts.maxBytes) this.#usedBytes -= this.#windows.shift()!.bytes.byteLength
    return { bytes: bytes.subarray(at), missingBytes: this.#missing(bytes, at) }
  }

  /** The data of the block, unverified, in memory of its own; its head stands before it. */
  take (cid: CID): Uint8Array | undefined {
    const key = keyOf(this.#parts.wholeCid ? cid.bytes : cid.multihash.bytes)
    for (let i = this.#windows.length - 1; i >= 0; i--) {
      const { bytes, sections } = this.#windows[i]!
      const found = sections.get(key)
      // not `slice`: of a Buffer that would be a view
      if (found !== undefined) return new Uint8Array(bytes.subarray(found.at, found.end)).subarray(found.dataAt - found.at)
    }
    return undefined
  }

  #missing (bytes: Uint8Array, at: number): number {
    try {
      const { value, length } = decodeVarint(bytes, at)
      return value > this.#parts.limits.maxSectionBytes ? 0 : Math.max(0, at + length + value - bytes.byteLength)
    } catch {
      return 0
    }
  }

  /** `undefined`: it goes beyond the window, or there is none. */
  #sectionAt (bytes: Uint8Array, at: number): { readonly key: string, readonly dataAt: number, readonly end: number } | undefined {
    const { limits, wholeCid } = this.#parts
    if (at >= bytes.byteLength) return undefined
    try {
      const { value, length } = decodeVarint(bytes, at)
      const cidAt = at + length
      const end = cidAt + value
      if (value === 0 || value > limits.maxSectionBytes || end > bytes.byteLength) return undefined
      const cid = parseCid(bytes.subarray(0, end), cidAt)
      if (cid.length > limits.maxCidBytes) return undefined
      const dataAt = cidAt + cid.length
      return { key: keyOf(wholeCid ? bytes.subarray(cidAt, dataAt) : cid.multihash), dataAt, end }
    } catch {
      return undefined // whoever asks for what is there is told
    }
  }
}
