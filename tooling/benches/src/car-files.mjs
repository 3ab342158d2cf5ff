/** Large inputs for measurements, made quickly: the bytes differ per block and repeat from run to run. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { CarBufferWriter } from '@ipld/car'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

/** A cheap generator of 32-bit numbers (xorshift). */
const numbers = (seed) => {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** `count` blocks of `min` to `max` bytes: `{ cid, bytes }`, raw, hashed by `hash` (default sha2-256). Made one by one. */
export const makeBlocks = function * (seed, count, min, max, { code = 0x12, hash = (bytes) => createHash('sha256').update(bytes).digest() } = {}) {
  const next = numbers(seed)
  const pool = new Uint32Array(Math.ceil(max / 4) + 4096).map(next)
  for (let i = 0; i < count; i++) {
    const length = min + (next() % (max - min + 1))
    const start = (next() % 4096) * 4
    const bytes = new Uint8Array(pool.buffer, start, length).slice()
    new DataView(bytes.buffer).setUint32(0, i, true)
    yield { cid: CID.createV1(0x55, Digest.create(code, new Uint8Array(hash(bytes)))), bytes }
  }
}

const varint = (value) => {
  const out = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) { out.push(rest); return Uint8Array.from(out) }
    out.push((rest % 128) | 128)
  }
}

/** Write blocks as a CARv1 file with the first block as its root; their CIDs, and where the data of each stands. */
export const writeCarFile = (path, blocks) => {
  const file = openSync(path, 'w')
  const found = []
  let at = 0
  let pending = []
  let pendingBytes = 0
  const put = (bytes) => { pending.push(bytes); pendingBytes += bytes.byteLength; at += bytes.byteLength }
  const flush = () => { writeSync(file, Buffer.concat(pending)); pending = []; pendingBytes = 0 }
  for (const { cid, bytes } of blocks) {
    if (found.length === 0) put(headerOf(cid))
    put(varint(cid.bytes.byteLength + bytes.byteLength))
    put(cid.bytes)
    found.push({ cid, offset: at, length: bytes.byteLength })
    put(bytes)
    if (pendingBytes > 8 * 2 ** 20) flush()
  }
  flush()
  closeSync(file)
  return { blocks: found, sizeBytes: at }
}

const headerOf = (root) => {
  const buffer = new ArrayBuffer(1024)
  const writer = CarBufferWriter.createWriter(buffer, { roots: [root], headerSize: CarBufferWriter.headerLength({ roots: [root] }) })
  return writer.close({ resize: true })
}
