/** The bytes of one crashable file: what is in it now, and what would be left of it. */
import type { SeededRandom } from './random.ts'

export const SECTOR_BYTES = 512

/** Grows on demand; `durable` is the image at the last sync. */
export class Inode {
  static #next = 1n
  readonly number: bigint = Inode.#next++
  /** Raised by each change; stands for the modification time. */
  version = 1n
  #current: Uint8Array
  #length: number
  #durable: Uint8Array
  readonly #dirty = new Set<number>()

  constructor (content: Uint8Array = new Uint8Array(0)) {
    this.#current = content.slice()
    this.#length = content.byteLength
    this.#durable = content.slice()
  }

  get length (): number { return this.#length }

  read (at: number, length: number): Uint8Array { return this.#current.slice(at, at + length) }

  write (at: number, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#reserve(at + bytes.byteLength)
    this.#current.set(bytes, at)
    this.#length = Math.max(this.#length, at + bytes.byteLength)
    for (let s = Math.floor(at / SECTOR_BYTES); s * SECTOR_BYTES < at + bytes.byteLength; s++) this.#dirty.add(s)
    this.version++
  }

  truncate (length: number): void {
    if (length < this.#length) this.#current.fill(0, length, this.#length)
    else this.#reserve(length)
    for (let s = Math.floor(Math.min(length, this.#length) / SECTOR_BYTES); s * SECTOR_BYTES < this.#length; s++) this.#dirty.add(s)
    this.#length = length
    this.version++
  }

  sync (): void {
    this.#durable = this.#current.slice(0, this.#length)
    this.#dirty.clear()
  }

  /** What a power cut may leave: each unsynced sector old or new by chance, and any length between the two. */
  survivor (random: SeededRandom): Uint8Array {
    const old = this.#durable.byteLength
    const choices = [old, this.#length, ...(old === this.#length ? [] : [Math.min(old, this.#length) + random.int(Math.abs(old - this.#length) + 1)])]
    const length = random.pick(choices)
    const out = new Uint8Array(length)
    out.set(this.#durable.subarray(0, Math.min(old, length)))
    for (const sector of this.#dirty) {
      const from = sector * SECTOR_BYTES
      if (from >= length || random.chance(0.5)) continue
      const to = Math.min(from + SECTOR_BYTES, length)
      out.fill(0, from, to)
      out.set(this.#current.subarray(from, Math.min(to, Math.max(from, this.#length))), from)
    }
    return out
  }

  #reserve (length: number): void {
    if (length <= this.#current.byteLength) return
    const grown = new Uint8Array(Math.max(length, Math.min(this.#current.byteLength * 2, this.#current.byteLength + (64 << 20)), 4096))
    grown.set(this.#current.subarray(0, this.#length))
    this.#current = grown
  }
}
