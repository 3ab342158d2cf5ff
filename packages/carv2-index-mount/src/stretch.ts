/** A block read together with those that follow it in the CAR: one lookup and one read for many blocks of a walk. */
import type { Hashes } from '@dagstore/hashes'
import type { BlockStretch } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { MountedIndex } from './mounted-index.ts'
import { endsAt, type SectionBytes, spanOf } from './section-read.ts'

export interface StretchParts {
  readonly section: SectionBytes
  readonly index: MountedIndex
  readonly hashes: Hashes | undefined
  readonly wholeCid: boolean
}

/** Sections that nobody asked for may lie between two that follow each other in a walk: blocks met before, say. */
const MOST_SKIPPED = 4
/** Of the length before a section: up to 2^35 bytes. */
const MOST_LENGTH_BYTES = 5

/** Makes a function that reads stretches. `undefined`: nothing is known, and another path has to tell. */
export const createStretches = (parts: StretchParts): (cid: CID, maxBytes: number, signal: AbortSignal | undefined) => Promise<BlockStretch | undefined> => {
  const { section, index } = parts
  const { source, layout } = section
  return async (cid, maxBytes, signal) => {
    try {
      const [entry] = await index.find(cid.multihash.bytes, 1, signal)
      if (entry?.headBytes === undefined || entry.dataBytes === undefined) return undefined
      const { at, length } = spanOf(section, entry, 'section')
      const end = layout.payloadStart + Math.min(index.view.facts.payloadEnd ?? layout.payloadBytes, layout.payloadBytes)
      // of a long block the one behind it would mostly come in part
      const want = Math.max(length, 2 * length > maxBytes ? 0 : Math.min(maxBytes, end - at))
      const peeked = source.peek(at, want)
      const window = peeked === undefined ? await source.read(at, want, { signal }) : new Uint8Array(peeked)
      signal?.throwIfAborted()
      return stretchOf(parts, window, cid)
    } catch {
      signal?.throwIfAborted()
      return undefined // what it is, the other path tells
    }
  }
}

/** `undefined`: what it begins with is not the block. */
const stretchOf = (parts: StretchParts, window: Uint8Array, cid: CID): BlockStretch | undefined => {
  const sections = new Sections(parts, window)
  const bytes = sections.take(cid, 0)
  return bytes === undefined ? undefined : { bytes, get isSpent () { return sections.isSpent }, take: (other) => sections.take(other, MOST_SKIPPED) }
}

/** Sections one behind the other, of which the last one is mostly cut off. */
class Sections {
  readonly #parts: StretchParts
  readonly #window: Uint8Array
  /** Where the section behind the one that was taken last begins. */
  #at = 0
  /** No whole section stands there. */
  isSpent = false

  constructor (parts: StretchParts, window: Uint8Array) {
    this.#parts = parts
    this.#window = window
  }

  take (cid: CID, mostSkipped: number): Uint8Array | undefined {
    const window = this.#window
    const { limits: { maxSectionBytes } } = this.#parts.section
    let at = this.#at
    for (let skipped = 0; skipped <= mostSkipped; skipped++) {
      let cidAt = at
      let length = 0
      for (let scale = 1; ; scale *= 128) {
        const byte = window[cidAt++]
        if (byte === undefined || cidAt - at > MOST_LENGTH_BYTES || (byte === 0 && scale > 1)) return this.#endAt(at)
        length += (byte & 0x7f) * scale
        if (byte < 0x80) break
      }
      const end = cidAt + length
      if (length === 0 || length > maxSectionBytes || end > window.byteLength) return this.#endAt(at)
      const dataAt = this.#dataAt(cid, cidAt, end)
      if (dataAt !== undefined) {
        const data = window.subarray(dataAt, end)
        if (!this.#isRight(cid, data)) return undefined
        this.#at = end
        this.isSpent = end === window.byteLength
        return data
      }
      at = end
    }
    return undefined
  }

  #endAt (at: number): undefined {
    if (at === this.#at) this.isSpent = true
  }

  /** Where the data of the section begins; `undefined`: it is of another block, or of none. */
  #dataAt ({ bytes, multihash }: CID, cidAt: number, end: number): number | undefined {
    const window = this.#window
    const { limits: { maxCidBytes } } = this.#parts.section
    let dataAt = cidAt + bytes.byteLength
    if (dataAt <= end && bytes.byteLength <= maxCidBytes && endsAt(window, dataAt, bytes)) return dataAt
    if (this.#parts.wholeCid) return undefined
    // another CID of the same multihash: that alone, or behind a version and a codec
    let multihashAt = cidAt
    if (window[cidAt] === 1) {
      for (multihashAt++; window[multihashAt]! >= 0x80; multihashAt++);
      if (window[multihashAt] === 0 && multihashAt > cidAt + 1) return undefined
      multihashAt++
    } else if (multihash.code !== 0x12 || multihash.size !== 0x20) return undefined
    dataAt = multihashAt + multihash.bytes.byteLength
    return dataAt <= end && dataAt - cidAt <= maxCidBytes && endsAt(window, dataAt, multihash.bytes) ? dataAt : undefined
  }

  #isRight (cid: CID, data: Uint8Array): boolean {
    const { hashes } = this.#parts
    if (hashes === undefined) return true
    const { code, digest } = cid.multihash
    try {
      return hashes.has(code) && hashes.matches(code, digest, data)
    } catch {
      return false // a hasher that fails; told by the other path
    }
  }
}
