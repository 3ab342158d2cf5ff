/** SHA2-256 of many short messages that differ in a number alone: a gigabyte of input is 33 million of them, and a call of Node for each takes three times as long. */
import { hash } from 'node:crypto'

const BLOCK_BYTES = 64
const ROUNDS = 64

const primes: number[] = []
for (let n = 2; primes.length < ROUNDS; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
const fraction = (x: number): number => Math.floor((x - Math.floor(x)) * 2 ** 32) | 0
const constants = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)))
const start = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))

/** FIPS 180-4, 6.2.2, for the first and only block, whose words stand in `w`; the digest goes to `out`. */
const compress = (w: Int32Array, out: DataView, at: number): void => {
  for (let t = 16; t < ROUNDS; t++) {
    const x = w[t - 15]!
    const y = w[t - 2]!
    w[t] = (w[t - 16]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + w[t - 7]! + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10)) | 0
  }
  let a = start[0]!
  let b = start[1]!
  let c = start[2]!
  let d = start[3]!
  let e = start[4]!
  let f = start[5]!
  let g = start[6]!
  let h = start[7]!
  for (let t = 0; t < ROUNDS; t++) {
    const one = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ e & (f ^ g)) + constants[t]! + w[t]!) | 0
    const two = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b | c & (a | b))) | 0
    h = g
    g = f
    f = e
    e = (d + one) | 0
    d = c
    c = b
    b = a
    a = (one + two) | 0
  }
  out.setInt32(at, start[0]! + a)
  out.setInt32(at + 4, start[1]! + b)
  out.setInt32(at + 8, start[2]! + c)
  out.setInt32(at + 12, start[3]! + d)
  out.setInt32(at + 16, start[4]! + e)
  out.setInt32(at + 20, start[5]! + f)
  out.setInt32(at + 24, start[6]! + g)
  out.setInt32(at + 28, start[7]! + h)
}

/**
 * Digests of `message` with the numbers from `first` on as a 32-bit integer, little-endian, at `numberAt`.
 *
 * @param message - at most 55 bytes
 * @param out - whole digests of 32 bytes, one after another
 */
export const numberedDigests = (message: Uint8Array, numberAt: number, first: number, out: Uint8Array): void => {
  const block = new DataView(new ArrayBuffer(BLOCK_BYTES))
  const bytes = new Uint8Array(block.buffer)
  bytes.set(message)
  bytes[message.byteLength] = 0x80
  block.setUint32(BLOCK_BYTES - 4, message.byteLength * 8)
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  const words = new Int32Array(ROUNDS)
  for (let at = 0, number = first; at < out.byteLength; at += 32, number++) {
    block.setUint32(numberAt, number, true)
    for (let word = 0; word < 16; word++) words[word] = block.getInt32(4 * word)
    compress(words, view, at)
  }
  // as Node has it
  const last = first + out.byteLength / 32 - 1
  block.setUint32(numberAt, last, true)
  if (Buffer.compare(hash('sha256', bytes.subarray(0, message.byteLength), 'buffer'), out.subarray(out.byteLength - 32)) !== 0) throw new Error(`not the digest of number ${last}`)
}
