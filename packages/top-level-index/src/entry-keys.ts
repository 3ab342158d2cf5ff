/** The entry keys of one run, made one behind the other in larger pieces of memory. */
import { entryLength, writeEntryKey } from './keys.ts'

/** Small arrays cost engines in native code more than the key itself; views of one piece do not. */
const PIECE_BYTES = 16_384
const AROUND_BYTES = 5

export class EntryKeys {
  readonly #run: number
  readonly #prefix: Uint8Array
  #piece: Uint8Array = new Uint8Array(0)
  /** Where the last key starts, and its end. */
  #last = 0
  #end = 0

  /** @param prefix - before every key */
  constructor (run: number, prefix: Uint8Array) {
    this.#run = run
    this.#prefix = prefix
  }

  /** The key of a multihash, never written to again; `undefined` when it is that of the one before. */
  next (multihash: Uint8Array): Uint8Array | undefined {
    const partBytes = entryLength(multihash)
    const bytes = this.#prefix.byteLength + AROUND_BYTES + partBytes
    if (this.#isLast(multihash, partBytes, bytes)) return undefined
    if (this.#end + bytes > this.#piece.byteLength) {
      this.#piece = new Uint8Array(Math.max(PIECE_BYTES, bytes))
      this.#end = 0
    }
    this.#last = this.#end
    this.#end += bytes
    writeEntryKey(this.#piece, this.#last, { prefix: this.#prefix, multihash, partBytes, run: this.#run })
    return this.#piece.subarray(this.#last, this.#end)
  }

  #isLast (multihash: Uint8Array, partBytes: number, bytes: number): boolean {
    if (this.#end - this.#last !== bytes) return false
    const at = this.#last + bytes - partBytes - 4
    // the digest's end differs first
    for (let byte = partBytes - 1; byte >= 0; byte--) if (this.#piece[at + byte] !== multihash[byte]) return false
    return true
  }
}
