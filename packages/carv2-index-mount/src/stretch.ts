/** A block read together with those that follow it in the CAR: one lookup and one read for many blocks of a walk. */
import { parseCid } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { BlockStretch } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { MountedIndex } from './mounted-index.ts'
import { endsAt, equal, type SectionBytes, spanOf } from './section-read.ts'

export interface StretchParts {
  readonly section: SectionBytes
  readonly index: MountedIndex
  readonly hashes: Hashes | undefined
  readonly wholeCid: boolean
}

/** Sections that nobody asked for may lie between two that follow each other in a walk: blocks met before, say. */
const MOST_SKIPPED = 4

/** Makes a function that reads stretches. `undefined`: nothing is known, and another path has to tell. */
export const createStretches = (parts: StretchParts): (cid: CID, maxBytes: number, signal: AbortSignal | undefined) => Promise<BlockStretch | undefined> => {
  const { section, index } = parts
  const { source, layout } = section
  return async (cid, maxBytes, signal) => {
    try {
      const [entry] = await index.find(cid.multihash.bytes, 1, signal)
      if (entry?.headBytes === undefined || entry.dataBytes === undefined) return undefined
      const { at, length } = spanOf(section, entry, 'section')
      const end = layout.payloadStart + (index.view.facts.payloadEnd ?? layout.payloadBytes)
      // of a long block the one behind it would mostly come in part
      const want = Math.max(length, 2 * length > maxBytes ? 0 : Math.min(maxBytes, end - at))
      const peeked = source.peek(at, want)
      const stretch = new SectionStretch(parts, peeked === undefined ? await source.read(at, want, { signal }) : new Uint8Array(peeked))
      return stretch.begin(cid) ? stretch : undefined
    } catch {
      signal?.throwIfAborted()
      return undefined // what it is, the other path tells
    }
  }
}

class SectionStretch implements BlockStretch {
  readonly #parts: StretchParts
  readonly #window: Uint8Array
  /** Where the section behind the one that was taken last begins. */
  #at = 0
  bytes: Uint8Array = NONE

  constructor (parts: StretchParts, window: Uint8Array) {
    this.#parts = parts
    this.#window = window
  }

  /** False: what it begins with is not the block. */
  begin (cid: CID): boolean {
    const bytes = this.#takeWithin(cid, 0)
    if (bytes === undefined) return false
    this.bytes = bytes
    return true
  }

  take (cid: CID): Uint8Array | undefined { return this.#takeWithin(cid, MOST_SKIPPED) }

  #takeWithin (cid: CID, mostSkipped: number): Uint8Array | undefined {
    const window = this.#window
    const { limits: { maxSectionBytes } } = this.#parts.section
    let at = this.#at
    for (let skipped = 0; skipped <= mostSkipped; skipped++) {
      let cidAt = at
      let length = 0
      for (let scale = 1; ; scale *= 128) {
        const byte = window[cidAt++]
        if (byte === undefined || cidAt - at > MOST_LENGTH_BYTES) return undefined
        length += (byte & 0x7f) * scale
        if (byte < 0x80) break
      }
      const end = cidAt + length
      if (length === 0 || length > maxSectionBytes || end > window.byteLength) return undefined
      const dataAt = this.#dataAt(cid, cidAt, end)
      if (dataAt !== undefined) {
        const data = window.subarray(dataAt, end)
        if (!this.#isRight(cid, data)) return undefined
        this.#at = end
        return data
      }
      at = end
    }
    return undefined
  }

  /** Where the data of the section begins; `undefined`: it is of another block. */
  #dataAt (cid: CID, cidAt: number, end: number): number | undefined {
    const window = this.#window
    const { bytes } = cid
    const whole = cidAt + bytes.byteLength
    if (whole <= end && endsAt(window, whole, bytes)) return whole
    if (this.#parts.wholeCid) return undefined
    try {
      const { multihash, length } = parseCid(window.subarray(0, end), cidAt)
      return equal(multihash, cid.multihash.bytes) && length <= this.#parts.section.limits.maxCidBytes ? cidAt + length : undefined
    } catch {
      return undefined // whoever asks for what is there is told
    }
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

const NONE = new Uint8Array(0)
/** Of the length before a section: up to 2^35 bytes. */
const MOST_LENGTH_BYTES = 5
