/**
 * A set of whole CIDs: their bytes one after another, and a table of where they stand.
 *
 *     chunk   entries, each at a multiple of 4: length in 2 bytes, then the CID
 *     entry   number n: where it stands, in units of 4 bytes, and its hash
 *     slot    n + 1, or 0; an entry stands in one of the first slots from its hash on that was free
 *
 * Digests are uniform, so their last bytes are hash enough, unless they were chosen to collide. What finds no slot near its
 * hash goes to an ordinary Set of strings, whose hash is seeded: hostile CIDs cost as much as they would there, and no more.
 */
import type { CID } from 'multiformats/cid'

export interface CidSet {
  readonly size: number
  /** False when it was there already. */
  add(cid: CID): boolean
  has(cid: CID): boolean
}

const CHUNK_BYTES = 1 << 16
const UNIT = 4
const LENGTH_BYTES = 2
/** Longer ones, which only identity CIDs are, go to the Set. */
const MAX_CID_BYTES = 512
const MAX_PROBES = 32
const FIRST_SLOTS = 256

/** Results of a search beside a free slot. */
const FOUND = -1
const CROWDED = -2

/** Takes 44 to 62 bytes of memory for a CID of 36 bytes (measured, from a hundred thousand to three million of them). */
export const createCidSet = (): CidSet => new ByteSet()

class ByteSet implements CidSet {
  #slots = new Int32Array(FIRST_SLOTS)
  #hashes = new Int32Array(FIRST_SLOTS)
  #places = new Uint32Array(FIRST_SLOTS)
  #entries = 0
  readonly #chunks: Uint8Array[] = []
  #usedBytes = CHUNK_BYTES
  /** Those that did not get a slot, by {@link cidKey}. */
  readonly #others = new Set<string>()
  #size = 0

  get size (): number { return this.#size }

  has (cid: CID): boolean {
    const { bytes } = cid
    if (bytes.byteLength <= MAX_CID_BYTES && this.#find(bytes, hashOf(bytes)) === FOUND) return true
    return this.#others.size > 0 && this.#others.has(cidKey(cid))
  }

  add (cid: CID): boolean {
    const { bytes } = cid
    const hash = hashOf(bytes)
    const slot = bytes.byteLength <= MAX_CID_BYTES ? this.#find(bytes, hash) : CROWDED
    if (slot === FOUND || (this.#others.size > 0 && this.#others.has(cidKey(cid)))) return false
    this.#size++
    const place = slot === CROWDED ? undefined : this.#store(bytes)
    if (place === undefined) {
      this.#others.add(cidKey(cid))
      return true
    }
    if (this.#entries === this.#places.length) {
      this.#places = grown(this.#places, new Uint32Array(2 * this.#entries))
      this.#hashes = grown(this.#hashes, new Int32Array(2 * this.#entries))
    }
    this.#places[this.#entries] = place
    this.#hashes[this.#entries] = hash
    this.#slots[slot] = ++this.#entries
    if (this.#entries * 8 > this.#slots.length * 5) this.#rehash()
    return true
  }

  /** A free slot, or {@link FOUND} or {@link CROWDED}. */
  #find (bytes: Uint8Array, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = (hash + probe) & mask
      const entry = slots[slot]! - 1
      if (entry < 0) return slot
      if (this.#hashes[entry] === hash && this.#isAt(this.#places[entry]!, bytes)) return FOUND
    }
    return CROWDED
  }

  #isAt (place: number, bytes: Uint8Array): boolean {
    const { chunk, at, length } = this.#entryAt(place)
    if (length !== bytes.byteLength) return false
    for (let i = 0; i < length; i++) if (chunk[at + i] !== bytes[i]) return false
    return true
  }

  #entryAt (place: number): { readonly chunk: Uint8Array, readonly at: number, readonly length: number } {
    const chunk = this.#chunks[Math.floor(place * UNIT / CHUNK_BYTES)]!
    const at = place * UNIT % CHUNK_BYTES
    return { chunk, at: at + LENGTH_BYTES, length: chunk[at]! << 8 | chunk[at + 1]! }
  }

  /** Where it stands; `undefined`: beyond what a place can say. */
  #store (bytes: Uint8Array): number | undefined {
    if (this.#usedBytes + LENGTH_BYTES + bytes.byteLength > CHUNK_BYTES) {
      if ((this.#chunks.length + 1) * (CHUNK_BYTES / UNIT) > 2 ** 32) return undefined
      this.#chunks.push(new Uint8Array(CHUNK_BYTES))
      this.#usedBytes = 0
    }
    const chunk = this.#chunks[this.#chunks.length - 1]!
    const at = this.#usedBytes
    chunk[at] = bytes.byteLength >> 8
    chunk[at + 1] = bytes.byteLength & 0xff
    chunk.set(bytes, at + LENGTH_BYTES)
    this.#usedBytes = Math.ceil((at + LENGTH_BYTES + bytes.byteLength) / UNIT) * UNIT
    return ((this.#chunks.length - 1) * CHUNK_BYTES + at) / UNIT
  }

  #rehash (): void {
    const slots = new Int32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (let entry = 0; entry < this.#entries; entry++) {
      const hash = this.#hashes[entry]!
      let probe = 0
      while (probe < MAX_PROBES && slots[(hash + probe) & mask] !== 0) probe++
      if (probe < MAX_PROBES) {
        slots[(hash + probe) & mask] = entry + 1
      } else {
        const { chunk, at, length } = this.#entryAt(this.#places[entry]!)
        this.#others.add(cidKey({ bytes: chunk.subarray(at, at + length) }))
      }
    }
    this.#slots = slots
  }
}

/** Of the last eight bytes. */
const hashOf = (bytes: Uint8Array): number => {
  const end = bytes.byteLength
  const low = (bytes[end - 1] ?? 0) | (bytes[end - 2] ?? 0) << 8 | (bytes[end - 3] ?? 0) << 16 | (bytes[end - 4] ?? 0) << 24
  const high = (bytes[end - 5] ?? 0) | (bytes[end - 6] ?? 0) << 8 | (bytes[end - 7] ?? 0) << 16 | (bytes[end - 8] ?? 0) << 24
  const mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
  return mixed ^ mixed >>> 15
}

const grown = <T extends Uint32Array | Int32Array>(from: T, to: T): T => {
  to.set(from)
  return to
}

/** Arguments of one call are limited by the stack; identity CIDs may be long. */
const PART_BYTES = 4096

/** A CID as a string of one character per byte. */
export const cidKey = ({ bytes }: { readonly bytes: Uint8Array }): string => {
  if (bytes.byteLength <= PART_BYTES) return characters(bytes)
  let key = ''
  for (let at = 0; at < bytes.byteLength; at += PART_BYTES) key += characters(bytes.subarray(at, at + PART_BYTES))
  return key
}

/** `apply` takes any list of numbers, and is several times faster than spreading. */
const characters = (bytes: Uint8Array): string => String.fromCharCode.apply(null, bytes as unknown as number[])
