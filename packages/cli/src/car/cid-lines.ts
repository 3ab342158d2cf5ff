/** Lists of CIDs as text: millions of them cost no strings. */
import { base32 } from 'multiformats/bases/base32'
import { base58btc } from 'multiformats/bases/base58'

const CHUNK_BYTES = 1 << 16
const NEWLINE = 0x0a
const ALPHABET = Buffer.from('abcdefghijklmnopqrstuvwxyz234567')
const BASE32_PREFIX = 0x62

const isV0 = (cid: Uint8Array): boolean => cid[0] === 0x12 && cid[1] === 0x20

/** Of a CID that the scan has checked. `CID.toString` remembers every text, weakly, which makes millions of them slow. */
export const cidText = (bytes: Uint8Array): string => isV0(bytes) ? base58btc.baseEncode(bytes) : base32.encode(bytes)

/** Lines that are written together. */
export class CidLines {
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #used = 0

  /** Enough for a write. */
  get isFull (): boolean { return this.#used > CHUNK_BYTES / 2 }

  /** One line. */
  cid (cid: Uint8Array): void {
    if (isV0(cid)) {
      this.text(`${cidText(cid)}\n`)
      return
    }
    const length = 2 + Math.ceil(cid.byteLength * 8 / 5)
    this.#room(length)
    const chunk = this.#chunk
    let at = this.#used
    chunk[at++] = BASE32_PREFIX
    let bits = 0
    let value = 0
    for (let i = 0; i < cid.byteLength; i++) {
      value = (value << 8 | cid[i]!) & 0xfff
      for (bits += 8; bits >= 5;) chunk[at++] = ALPHABET[value >>> (bits -= 5) & 31]!
    }
    if (bits > 0) chunk[at++] = ALPHABET[value << (5 - bits) & 31]!
    chunk[at++] = NEWLINE
    this.#used = at
  }

  /** Whole lines. */
  text (lines: string): void {
    this.#room(3 * lines.length)
    this.#used += this.#chunk.write(lines, this.#used)
  }

  #room (bytes: number): void {
    if (this.#used + bytes <= this.#chunk.byteLength) return
    const longer = Buffer.allocUnsafe(Math.max(2 * this.#chunk.byteLength, this.#used + bytes))
    this.#chunk.copy(longer, 0, 0, this.#used)
    this.#chunk = longer
  }

  /** What was collected; whoever takes it keeps it. */
  take (): Uint8Array {
    const lines = this.#chunk.subarray(0, this.#used)
    this.#chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    this.#used = 0
    return lines
  }
}
