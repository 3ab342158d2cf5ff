/**
 * A CARv1 of any number of tiny blocks that is nowhere: its bytes are made as they are read. The digests are spread like
 * real ones but are not those of the data, so it is only for work that does not hash.
 */

const CID_PREFIX = Uint8Array.of(1, 0x55, 0x12, 0x20)
const DATA_BYTES = 8
/** Varint, CID, data. */
export const SECTION_BYTES = 1 + 36 + DATA_BYTES
export const HEAD_BYTES = 37

const mix = (value) => {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return (x ^ (x >>> 15)) >>> 0
}

/** Writes the digest of block `i` into `out` at `at`. */
export const writeDigest = (out, at, i) => {
  for (let word = 0; word < 8; word++) {
    const value = mix(i * 8 + word + 0x9e3779b9)
    out[at + 4 * word] = value >>> 24
    out[at + 4 * word + 1] = value >>> 16
    out[at + 4 * word + 2] = value >>> 8
    out[at + 4 * word + 3] = value
  }
  // the words repeat when i * 8 passes 2^32; the number itself keeps digests apart
  new DataView(out.buffer, out.byteOffset + at + 24).setBigUint64(0, BigInt(i))
}

/** Binary CID of block `i`. */
export const cidOf = (i) => {
  const cid = new Uint8Array(36)
  cid.set(CID_PREFIX)
  writeDigest(cid, 4, i)
  return cid
}

const ROOTS_OPEN = Uint8Array.of(0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73, 0x81, 0xd8, 0x2a, 0x58, 37, 0)
const ROOTS_CLOSE = Uint8Array.of(0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 1)
const header = () => {
  const root = cidOf(0)
  return Uint8Array.of(ROOTS_OPEN.byteLength + root.byteLength + ROOTS_CLOSE.byteLength, ...ROOTS_OPEN, ...root, ...ROOTS_CLOSE)
}

/** The bytes of [at, at + into.byteLength) of a CAR of `count` blocks. */
const fill = (into, at, head) => {
  let done = 0
  if (at < head.byteLength) {
    const part = head.subarray(at, at + into.byteLength)
    into.set(part)
    done = part.byteLength
  }
  const section = new Uint8Array(SECTION_BYTES)
  section[0] = SECTION_BYTES - 1
  section.set(CID_PREFIX, 1)
  while (done < into.byteLength) {
    const from = at + done - head.byteLength
    const i = Math.floor(from / SECTION_BYTES)
    const skip = from - i * SECTION_BYTES
    if (skip === 0 && done + SECTION_BYTES <= into.byteLength) {
      into[done] = SECTION_BYTES - 1
      into.set(CID_PREFIX, done + 1)
      writeDigest(into, done + 5, i)
      into.fill(0, done + HEAD_BYTES, done + SECTION_BYTES)
      done += SECTION_BYTES
    } else {
      writeDigest(section, 5, i)
      const part = section.subarray(skip, skip + into.byteLength - done)
      into.set(part, done)
      done += part.byteLength
    }
  }
}

/** Such a CAR as a byte source that can also block. `onRead(at, length)` is told of each read. */
export const virtualCar = (count, onRead = () => {}) => {
  const head = header()
  const sizeBytes = head.byteLength + count * SECTION_BYTES
  const make = (at, length) => {
    onRead(at, length)
    const out = new Uint8Array(length)
    fill(out, at, head)
    return out
  }
  const close = async () => {}
  return {
    sizeBytes,
    headerBytes: head.byteLength,
    identity: { kind: 'content', cid: `virtual-${count}`, sizeBytes },
    cost: { kind: 'local', seekBytes: 4096 },
    /** Where the section of block `i` stands. */
    sectionOffset: (i) => head.byteLength + i * SECTION_BYTES,
    read: async (at, length) => make(at, length),
    peek: () => undefined,
    readSync: (at, into) => {
      const length = Math.min(into.byteLength, sizeBytes - at)
      onRead(at, length)
      fill(into.subarray(0, length), at, head)
      return length
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
