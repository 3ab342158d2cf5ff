/** The bytes of one crashable file: what is in it now, and what would be left of it. */
import type { SeededRandom } from './random.ts'

export const SECTOR_BYTES = 512

/** Whole sectors. */
const PAGE_BYTES = 8 * SECTOR_BYTES

/** By page; what is missing, or beyond the end of a page, is zeros. */
type Pages = (Uint8Array | undefined)[]

/** Grows on demand; `durable` is the image at the last sync. Pages belong to all images that have them until one changes its own. */
export class Inode {
  static #next = 1n
  readonly number: bigint = Inode.#next++
  /** Raised by each change; stands for the modification time. */
  version = 1n
  #pages: Pages = []
  #length: number
  #durable: { readonly pages: Readonly<Pages>, readonly length: number }
  /** Pages that nobody else has. */
  readonly #own = new Set<number>()
  readonly #dirty = new Set<number>()

  /** @param content - belongs to the file from here on: nobody changes it */
  constructor (content: Uint8Array = new Uint8Array(0)) {
    for (let at = 0; at < content.byteLength; at += PAGE_BYTES) this.#pages.push(content.subarray(at, at + PAGE_BYTES))
    this.#length = content.byteLength
    this.#durable = { pages: [...this.#pages], length: this.#length }
  }

  get length (): number { return this.#length }

  read (at: number, length: number): Uint8Array {
    const out = new Uint8Array(Math.max(0, Math.min(length, this.#length - at)))
    for (let done = 0; done < out.byteLength;) {
      const within = (at + done) % PAGE_BYTES
      const take = Math.min(PAGE_BYTES - within, out.byteLength - done)
      const page = this.#pages[Math.floor((at + done) / PAGE_BYTES)]
      if (page !== undefined) out.set(page.subarray(within, within + take), done)
      done += take
    }
    return out
  }

  write (at: number, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    for (let done = 0; done < bytes.byteLength;) {
      const within = (at + done) % PAGE_BYTES
      const take = Math.min(PAGE_BYTES - within, bytes.byteLength - done)
      this.#page(Math.floor((at + done) / PAGE_BYTES)).set(bytes.subarray(done, done + take), within)
      done += take
    }
    this.#length = Math.max(this.#length, at + bytes.byteLength)
    for (let s = Math.floor(at / SECTOR_BYTES); s * SECTOR_BYTES < at + bytes.byteLength; s++) this.#dirty.add(s)
    this.version++
  }

  truncate (length: number): void {
    // where nothing is durable, what is taken away leaves the zeros that there would be
    const end = Math.min(this.#length, this.#durable.length)
    for (let s = Math.floor(Math.min(length, this.#length) / SECTOR_BYTES); s * SECTOR_BYTES < end; s++) {
      if (this.#durable.pages[Math.floor(s * SECTOR_BYTES / PAGE_BYTES)] !== undefined) this.#dirty.add(s)
    }
    this.#cutTo(length)
    this.version++
  }

  sync (): void {
    this.#durable = { pages: [...this.#pages], length: this.#length }
    this.#own.clear()
    this.#dirty.clear()
  }

  /** The file as a power cut may leave it: each unsynced sector old or new by chance, and any length between the two. */
  survivor (random: SeededRandom): Inode {
    const old = this.#durable.length
    const choices = [old, this.#length, ...(old === this.#length ? [] : [Math.min(old, this.#length) + random.int(Math.abs(old - this.#length) + 1)])]
    const length = random.pick(choices)
    const left = new Inode()
    left.#pages = [...this.#durable.pages]
    left.#length = old
    left.#cutTo(length)
    for (const sector of this.#dirty) {
      const from = sector * SECTOR_BYTES
      if (from >= length || random.chance(0.5)) continue
      const bytes = new Uint8Array(Math.min(SECTOR_BYTES, length - from))
      bytes.set(this.read(from, bytes.byteLength))
      left.write(from, bytes)
    }
    left.version = 1n
    left.sync()
    return left
  }

  /** The new length; nothing is left beyond it. */
  #cutTo (length: number): void {
    const last = Math.floor(length / PAGE_BYTES)
    if (length < this.#length) {
      if (this.#pages[last] !== undefined) this.#page(last).fill(0, length % PAGE_BYTES)
      for (let page = last + 1; page < this.#pages.length; page++) this.#own.delete(page)
      this.#pages.length = Math.min(this.#pages.length, last + 1)
    }
    this.#length = length
  }

  /** A page that may be changed. */
  #page (at: number): Uint8Array {
    const shared = this.#pages[at]
    if (shared !== undefined && this.#own.has(at)) return shared
    const page = new Uint8Array(PAGE_BYTES)
    if (shared !== undefined) page.set(shared)
    this.#pages[at] = page
    this.#own.add(at)
    return page
  }
}
