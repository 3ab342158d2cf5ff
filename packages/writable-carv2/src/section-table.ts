/**
 * Which sections a file holds, in memory: found by multihash, or by whole CID, whichever the store compares by.
 *
 * Sections are numbered as they come. Their CIDs lie one after another in one piece of memory; numbers that are open to
 * lookup stand in a hash table of their keys, the end of the CID or all of it. Some 70 bytes for a usual section.
 */
import { systemRandom } from '@dagstore/io'

/** Where a section lies; offsets from the start of the file, to its length varint. */
export interface PlacedSection {
  readonly at: number
  /** Varint and CID. */
  readonly headBytes: number
  readonly dataBytes: number
}

/** With its binary CID, which may not be kept. */
export interface NamedSection extends PlacedSection {
  readonly cid: Uint8Array
}

/** What the table needs of a CID; every CID of multiformats has it. */
export interface TableCid {
  readonly bytes: Uint8Array
  readonly multihash: { readonly bytes: Uint8Array }
}

const NONE = -1
const FIRST_SECTIONS = 1024

export class SectionTable {
  readonly #wholeCid: boolean
  /** Secret, so that nobody can choose identity CIDs that all fall together. */
  readonly #seed: number = new DataView(systemRandom.bytes(4).buffer).getUint32(0)
  #count = 0
  /** By number. */
  #at = new Float64Array(FIRST_SECTIONS)
  #headBytes = new Uint32Array(FIRST_SECTIONS)
  #dataBytes = new Uint32Array(FIRST_SECTIONS)
  /** Where the CID begins; that of the next one is where it ends. */
  #cidAt = new Float64Array(FIRST_SECTIONS + 1)
  #keyBytes = new Uint32Array(FIRST_SECTIONS)
  /** 1: found by lookups; 0: a repeat. */
  #isFirst = new Uint8Array(FIRST_SECTIONS)
  #cids = new Uint8Array(FIRST_SECTIONS * 36)
  /** Numbers, at most half full; a power of two long. */
  #slots = new Int32Array(FIRST_SECTIONS * 2).fill(NONE)

  constructor (options: { readonly wholeCid: boolean }) {
    this.#wholeCid = options.wholeCid
  }

  /** Sections, repeats included. */
  get count (): number { return this.#count }

  find (cid: TableCid): PlacedSection | undefined {
    const number = this.#slots[this.#slotOf(this.#key(cid))]!
    return number === NONE ? undefined : this.#section(number)
  }

  has (cid: TableCid): boolean {
    return this.#slots[this.#slotOf(this.#key(cid))] !== NONE
  }

  /** A repeat of one already there is kept for {@link all}, and not found. Keeps no reference. */
  add (cid: TableCid, at: number, headBytes: number, dataBytes: number): void {
    if (this.#count === this.#at.length) this.#grow()
    const number = this.#count++
    const start = this.#cidAt[number]!
    const end = start + cid.bytes.byteLength
    if (end > this.#cids.byteLength) this.#cids = longer(this.#cids, new Uint8Array(Math.max(end, this.#cids.byteLength * 2)))
    this.#cids.set(cid.bytes, start)
    this.#cidAt[number + 1] = end
    this.#at[number] = at
    this.#headBytes[number] = headBytes
    this.#dataBytes[number] = dataBytes
    const key = this.#key(cid)
    this.#keyBytes[number] = key.byteLength
    const slot = this.#slotOf(key)
    if (this.#slots[slot] !== NONE) return
    this.#slots[slot] = number
    this.#isFirst[number] = 1
  }

  /** Every section that {@link find} would find, in the order of the file. One added meanwhile may or may not be met. */
  * distinct (): Generator<NamedSection, void, undefined> {
    for (let number = 0; number < this.#count; number++) {
      if (this.#isFirst[number] === 1) yield { ...this.#section(number), cid: this.#cid(number) }
    }
  }

  /** Calls back for those and the repeats, in the order of the file. */
  all (each: (at: number, headBytes: number, dataBytes: number, cid: Uint8Array) => void): void {
    for (let number = 0; number < this.#count; number++) each(this.#at[number]!, this.#headBytes[number]!, this.#dataBytes[number]!, this.#cid(number))
  }

  #key (cid: TableCid): Uint8Array {
    return this.#wholeCid ? cid.bytes : cid.multihash.bytes
  }
  #section (number: number): PlacedSection {
    return { at: this.#at[number]!, headBytes: this.#headBytes[number]!, dataBytes: this.#dataBytes[number]! }
  }
  #cid (number: number): Uint8Array {
    return this.#cids.subarray(this.#cidAt[number]!, this.#cidAt[number + 1]!)
  }

  /** Where the key stands, or would stand. */
  #slotOf (key: Uint8Array): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = this.#hash(key, 0, key.byteLength) & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot]!
      if (number === NONE || this.#isKeyOf(number, key)) return slot
    }
  }
  #isKeyOf (number: number, key: Uint8Array): boolean {
    const length = key.byteLength
    if (this.#keyBytes[number] !== length) return false
    const cids = this.#cids
    const start = this.#cidAt[number + 1]! - length
    for (let i = length - 1; i >= 0; i--) if (cids[start + i] !== key[i]) return false
    return true
  }
  /** FNV-1a from a secret start, its bits mixed at the end as MurmurHash3 does. */
  #hash (bytes: Uint8Array, from: number, to: number): number {
    let hash = this.#seed
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return hash ^ (hash >>> 16)
  }

  #grow (): void {
    const length = this.#at.length * 2
    this.#at = longer(this.#at, new Float64Array(length))
    this.#headBytes = longer(this.#headBytes, new Uint32Array(length))
    this.#dataBytes = longer(this.#dataBytes, new Uint32Array(length))
    this.#cidAt = longer(this.#cidAt, new Float64Array(length + 1))
    this.#keyBytes = longer(this.#keyBytes, new Uint32Array(length))
    this.#isFirst = longer(this.#isFirst, new Uint8Array(length))
    const slots = new Int32Array(length * 2).fill(NONE)
    const mask = slots.length - 1
    for (let number = 0; number < this.#count; number++) {
      if (this.#isFirst[number] === 0) continue
      const end = this.#cidAt[number + 1]!
      let slot = this.#hash(this.#cids, end - this.#keyBytes[number]!, end) & mask
      while (slots[slot] !== NONE) slot = (slot + 1) & mask
      slots[slot] = number
    }
    this.#slots = slots
  }
}

const longer = <T extends { set(from: T): void }>(old: T, made: T): T => {
  made.set(old)
  return made
}
