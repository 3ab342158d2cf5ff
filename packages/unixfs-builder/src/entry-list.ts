/**
 * The entries of a directory while it is walked: name, CID and size of each, as bytes in large blocks of memory, so that a
 * million of them are about a hundred megabytes and no objects. Big-endian.
 *
 *     entry   size of what it leads to, f64; length of the name, u32; of the CID, u32; name; CID
 */
import { linkLength } from './pb-node.ts'

/** Entries do not cross the border of a block; one that is longer has a block of its own. */
const BLOCK_BYTES = 1 << 20
/** What stands before the name. */
export const HEAD_BYTES = 16
const PLACE_BYTES = 8

export class EntryList {
  readonly #blocks: Uint8Array[] = []
  readonly #views: DataView[] = []
  /** Of the last block, as if there had been a full one before the first. */
  #used: number = BLOCK_BYTES
  /** Of each entry, its block times {@link BLOCK_BYTES} and its place in it. */
  #places: Float64Array = new Float64Array(16)
  #count = 0
  #isSorted = true
  #heldBytes = 0
  #linkBytes = 0
  #nameAndCidBytes = 0

  get count (): number {
    return this.#count
  }

  /** Memory that the entries take. */
  get heldBytes (): number {
    return this.#heldBytes
  }

  /** Length of all links in one node, also of those that were cleared. */
  get linkBytes (): number {
    return this.#linkBytes
  }

  /** Length of all names and CIDs, also of those that were cleared. */
  get nameAndCidBytes (): number {
    return this.#nameAndCidBytes
  }

  /**
   * @param name - UTF-8
   * @returns `false`: the entry before has the same name; not added. Others are found by {@link sort}.
   */
  add (name: Uint8Array, cid: Uint8Array, dagBytes: number): boolean {
    const order = this.#count === 0 ? 1 : compareBytes(name, this.name(this.#count - 1))
    if (order === 0) return false
    if (order < 0) this.#isSorted = false
    const length = HEAD_BYTES + name.byteLength + cid.byteLength
    if (this.#used + length > BLOCK_BYTES) this.#addBlock(Math.max(BLOCK_BYTES, length))
    const last = this.#blocks.length - 1
    const [block, view] = [this.#blocks[last]!, this.#views[last]!]
    view.setFloat64(this.#used, dagBytes)
    view.setUint32(this.#used + 8, name.byteLength)
    view.setUint32(this.#used + 12, cid.byteLength)
    block.set(name, this.#used + HEAD_BYTES)
    block.set(cid, this.#used + HEAD_BYTES + name.byteLength)
    this.#addPlace(last * BLOCK_BYTES + this.#used)
    this.#used += length
    this.#heldBytes += length + PLACE_BYTES
    this.#linkBytes += linkLength(cid.byteLength, name.byteLength, dagBytes)
    this.#nameAndCidBytes += name.byteLength + cid.byteLength
    return true
  }

  /**
   * Entries in the order of their names' bytes.
   *
   * @returns the second of two with one name, or `undefined` and all is sorted
   */
  sort (): number | undefined {
    if (this.#isSorted) return undefined
    const order = Uint32Array.from({ length: this.#count }, (_, i) => i).sort((a, b) => compareBytes(this.name(a), this.name(b)))
    const twice = order.find((entry, i) => i > 0 && compareBytes(this.name(entry), this.name(order[i - 1]!)) === 0)
    if (twice !== undefined) return twice
    const before = this.#places
    this.#places = Float64Array.from(order, (entry) => before[entry]!)
    this.#isSorted = true
    return undefined
  }

  /** Hold no entries. */
  clear (): void {
    this.#blocks.length = 0
    this.#views.length = 0
    this.#used = BLOCK_BYTES
    this.#count = 0
    this.#isSorted = true
    this.#heldBytes = 0
  }

  /** All of an entry. A view. */
  record (entry: number): Uint8Array {
    return this.#slice(entry, 0, HEAD_BYTES + this.#u32(entry, 8) + this.#u32(entry, 12))
  }

  /** A view. */
  name (entry: number): Uint8Array {
    return this.#slice(entry, HEAD_BYTES, this.#u32(entry, 8))
  }

  /** A view. */
  cid (entry: number): Uint8Array {
    return this.#slice(entry, HEAD_BYTES + this.#u32(entry, 8), this.#u32(entry, 12))
  }

  dagBytes (entry: number): number {
    const place = this.#places[entry]!
    return this.#views[Math.floor(place / BLOCK_BYTES)]!.getFloat64(place % BLOCK_BYTES)
  }

  #u32 (entry: number, field: number): number {
    const place = this.#places[entry]!
    return this.#views[Math.floor(place / BLOCK_BYTES)]!.getUint32(place % BLOCK_BYTES + field)
  }

  #slice (entry: number, field: number, length: number): Uint8Array {
    const place = this.#places[entry]!
    const start = place % BLOCK_BYTES + field
    return this.#blocks[Math.floor(place / BLOCK_BYTES)]!.subarray(start, start + length)
  }

  #addBlock (length: number): void {
    const block = new Uint8Array(length)
    this.#blocks.push(block)
    this.#views.push(new DataView(block.buffer))
    this.#used = 0
  }

  #addPlace (place: number): void {
    if (this.#count === this.#places.length) {
      const more = new Float64Array(2 * this.#count)
      more.set(this.#places)
      this.#places = more
    }
    this.#places[this.#count++] = place
  }
}

export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.byteLength, b.byteLength)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return a[at]! - b[at]!
  return a.byteLength - b.byteLength
}
