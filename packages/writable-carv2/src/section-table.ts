/**
 * Which sections a file holds, in memory: found by multihash, or by whole CID, whichever the store compares by.
 *
 * Sections are numbered as they come and lie one behind the other, so that each ends where the next one begins. Of each the
 * table has its place and a keyed fingerprint of 64 bits; numbers that are open to lookup stand in open-addressing tables,
 * one for each value of the fingerprint's first byte. CIDs are held for the first sections only: a lookup that meets the
 * fingerprint of a later one says {@link MAYBE}, and its CID must be read from the file. At most 28 bytes for a section, and
 * what {@link KeptCids} may take. Everything grows in small pieces: nothing large is ever copied.
 */
import { systemRandom } from '@dagstore/io'
import { isSameKey, KeptCids, multihashAt } from './kept-cids.ts'

/** {@link SectionTable.probe}: there is no such section. */
export const NONE = -1
/** {@link SectionTable.probe}: there may be one, number {@link SectionTable.suspect}. */
export const MAYBE = -2

const SHARDS = 256
const FIRST_SLOTS = 16
const SEGMENT_BITS = 12
const SEGMENT = 1 << SEGMENT_BITS
const KEPT_BYTES = 12 << 20

export interface SectionTableOptions {
  readonly wholeCid: boolean
  /** Where the first section begins, from the start of the file. */
  readonly start: number
  /** Memory for CIDs. @default 12 MiB */
  readonly keptBytes?: number
}

export class SectionTable {
  readonly wholeCid: boolean
  /** The section that {@link MAYBE} is about. */
  suspect: number = NONE
  readonly #kept: KeptCids
  /** Secret, so that nobody can choose CIDs that all fall together. */
  readonly #seedA: number
  readonly #seedB: number
  #count = 0
  #cidBytes = 0
  #end: number
  /** By number, in segments. */
  readonly #starts: Float64Array[] = []
  /** Two words each. */
  readonly #prints: Uint32Array[] = []
  /** One bit each: 1 for a repeat, which lookups do not find. */
  readonly #repeats: Uint8Array[] = []
  /** Numbers plus one, 0 where nothing stands; each a power of two long and at most three quarters full. */
  readonly #shards: Uint32Array[] = Array.from({ length: SHARDS }, () => new Uint32Array(FIRST_SLOTS))
  readonly #sizes = new Uint32Array(SHARDS)
  // of the key hashed last
  #print = 0
  #check = 0
  #hashed: Uint8Array | undefined

  constructor ({ wholeCid, start, keptBytes = KEPT_BYTES }: SectionTableOptions) {
    this.wholeCid = wholeCid
    this.#end = start
    this.#kept = new KeptCids(keptBytes)
    const seeds = new Int32Array(systemRandom.bytes(8).buffer)
    this.#seedA = seeds[0]!
    this.#seedB = seeds[1]!
  }

  /** Sections, repeats included. */
  get count (): number { return this.#count }
  /** Where the last section ends, from the start of the file. */
  get end (): number { return this.#end }
  /** Length of all CIDs together. */
  get cidBytes (): number { return this.#cidBytes }
  /** Of typed arrays, not counting their headers. */
  get memoryBytes (): number {
    return this.#kept.memoryBytes + this.#starts.length * SEGMENT * (8 + 8 + 1 / 8) + this.#shards.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /**
   * The number of the section that this CID finds, {@link NONE} or {@link MAYBE}.
   *
   * @param cid - binary, as everywhere here: nothing else of a CID has to be fetched from memory
   * @param cleared - suspects that turned out to be others
   */
  probe (cid: Uint8Array, cleared?: ReadonlySet<number>): number {
    this.#hash(cid)
    const print = this.#print
    const slots = this.#shards[print >>> 24]!
    const mask = slots.length - 1
    for (let slot = print & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot]! - 1
      if (number === NONE) return NONE
      if (!this.#hasPrint(number)) continue
      if (number < this.#kept.count) {
        if (isSameKey(this.#kept.get(number)!, cid, this.wholeCid)) return number
      } else if (cleared?.has(number) !== true) {
        this.suspect = number
        return MAYBE
      }
    }
  }

  /** Whether the section of this number was added with this CID, as far as its fingerprint tells. */
  agrees (number: number, cid: Uint8Array): boolean {
    this.#hash(cid)
    return this.#hasPrint(number)
  }

  /**
   * The section behind the last one. It is found by lookups unless it is a repeat. Keeps no reference.
   *
   * @param end - where it ends, from the start of the file
   */
  add (cid: Uint8Array, end: number, isRepeat: boolean): void {
    if (cid !== this.#hashed) this.#hash(cid) // mostly it was just looked for
    const number = this.#count++
    this.#cidBytes += cid.byteLength
    const within = number & (SEGMENT - 1)
    if (within === 0) {
      this.#starts.push(new Float64Array(SEGMENT))
      this.#prints.push(new Uint32Array(SEGMENT * 2))
      this.#repeats.push(new Uint8Array(SEGMENT / 8))
    }
    const segment = number >>> SEGMENT_BITS
    this.#starts[segment]![within] = this.#end
    const prints = this.#prints[segment]!
    prints[2 * within] = this.#print
    prints[2 * within + 1] = this.#check
    if (this.#kept.count === number) this.#kept.add(cid)
    this.#end = end
    if (isRepeat) this.#repeats[segment]![within >>> 3]! |= 1 << (within & 7)
    else this.#open(number)
  }

  /** Where the section begins. */
  start (number: number): number {
    return number === this.#count ? this.#end : this.#starts[number >>> SEGMENT_BITS]![number & (SEGMENT - 1)]!
  }

  /** A view that may not be kept; `undefined`: it must be read from the file. */
  cid (number: number): Uint8Array | undefined {
    return this.#kept.get(number)
  }

  isRepeat (number: number): boolean {
    return (this.#repeats[number >>> SEGMENT_BITS]![(number & (SEGMENT - 1)) >>> 3]! & (1 << (number & 7))) !== 0
  }

  #open (number: number): void {
    const shard = this.#print >>> 24
    let slots = this.#shards[shard]!
    if (++this.#sizes[shard]! > slots.length * 0.75) slots = this.#shards[shard] = this.#larger(slots)
    place(slots, this.#print, number)
  }

  #larger (slots: Uint32Array): Uint32Array {
    const larger = new Uint32Array(slots.length * 2)
    for (const entry of slots) {
      if (entry === 0) continue
      const number = entry - 1
      place(larger, this.#prints[number >>> SEGMENT_BITS]![2 * (number & (SEGMENT - 1))]!, number)
    }
    return larger
  }

  #hasPrint (number: number): boolean {
    const prints = this.#prints[number >>> SEGMENT_BITS]!
    const at = 2 * (number & (SEGMENT - 1))
    return prints[at] === this.#print && prints[at + 1] === this.#check
  }

  /** Two lanes over the key in words, each from its secret start, mixed at the end as MurmurHash3 does. */
  #hash (cid: Uint8Array): void {
    const length = cid.byteLength
    let at = this.wholeCid ? 0 : multihashAt(cid)
    let a = this.#seedA ^ (length - at)
    let b = this.#seedB
    for (const last = length - 4; at <= last; at += 4) {
      const word = cid[at]! | (cid[at + 1]! << 8) | (cid[at + 2]! << 16) | (cid[at + 3]! << 24)
      a = Math.imul(a ^ word, 0x01000193)
      a ^= a >>> 15
      b = Math.imul(b + word, 0x85ebca6b) ^ (b >>> 13)
    }
    for (; at < length; at++) {
      a = Math.imul(a ^ cid[at]!, 0x01000193)
      b = Math.imul(b + cid[at]!, 0x85ebca6b) ^ (b >>> 13)
    }
    this.#print = mixed(a ^ Math.imul(b, 0x9e3779b1))
    this.#check = mixed(b)
    this.#hashed = cid
  }
}

const place = (slots: Uint32Array, print: number, number: number): void => {
  const mask = slots.length - 1
  let slot = print & mask
  while (slots[slot] !== 0) slot = (slot + 1) & mask
  slots[slot] = number + 1
}

const mixed = (value: number): number => {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
