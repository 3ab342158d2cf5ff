/** Random damage to bytes: small and large, blind and where lengths stand. */

/** Numbers that parsers get wrong, as unsigned 64-bit values. */
const INTERESTING = [
  0n, 1n, 2n, 7n, 8n, 9n, 16n, 31n, 32n, 33n, 40n, 127n, 128n, 255n, 256n, 4095n, 4096n, 4097n, 65535n, 65536n,
  2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 8n,
]

/** Inputs never grow beyond this. */
export const MAX_INPUT_BYTES = 256 * 1024

const encodeVarint = (value) => {
  const out = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) { out.push(Number(rest)); return Uint8Array.from(out) }
    out.push(Number(rest & 127n) | 128)
  }
}

const littleEndian = (value, width) => {
  const out = new Uint8Array(width)
  for (let i = 0; i < width; i++) out[i] = Number((value >> BigInt(8 * i)) & 255n)
  return out
}

const splice = (bytes, at, remove, insert) => {
  const out = new Uint8Array(bytes.byteLength - remove + insert.byteLength)
  out.set(bytes.subarray(0, at))
  out.set(insert, at)
  out.set(bytes.subarray(at + remove), at + insert.byteLength)
  return out
}

const overwrite = (bytes, at, patch) => {
  const out = bytes.slice()
  out.set(patch.subarray(0, Math.max(0, out.byteLength - at)), at)
  return out
}

/** A place in `bytes`: half of the time one where a length or an offset is known to stand. */
const place = (random, bytes, hot) => {
  if (hot.length > 0 && random.chance(0.5)) return Math.min(random.pick(hot), bytes.byteLength)
  return random.int(bytes.byteLength + 1)
}

const value = (random, bytes) => {
  const kind = random.int(4)
  if (kind === 0) return random.pick(INTERESTING)
  if (kind === 1) return BigInt(bytes.byteLength + random.int(17)) - 8n & (2n ** 64n - 1n)
  if (kind === 2) return BigInt(random.int(bytes.byteLength + 1))
  return BigInt(random.int(2 ** 32)) * (random.chance(0.5) ? 1n : 2n ** BigInt(random.int(32)))
}

/** Each takes the random numbers, the bytes, the places of lengths, and another input of the corpus; gives new bytes. */
const KINDS = {
  'bit flip': (random, bytes, hot) => {
    if (bytes.byteLength === 0) return bytes
    const at = Math.min(place(random, bytes, hot), bytes.byteLength - 1)
    return overwrite(bytes, at, Uint8Array.of(bytes[at] ^ (1 << random.int(8))))
  },
  'random byte': (random, bytes, hot) => overwrite(bytes, place(random, bytes, hot), Uint8Array.of(random.int(256))),
  'integer': (random, bytes, hot) => overwrite(bytes, place(random, bytes, hot), littleEndian(value(random, bytes), random.pick([1, 2, 4, 8]))),
  'varint': (random, bytes, hot) => {
    const at = place(random, bytes, hot)
    let length = 0
    while (length < 10 && (bytes[at + length] ?? 0) >= 128) length++
    return splice(bytes, at, Math.min(bytes.byteLength - at, length + 1), encodeVarint(value(random, bytes)))
  },
  'step': (random, bytes, hot) => {
    const at = Math.min(place(random, bytes, hot), Math.max(0, bytes.byteLength - 1))
    return overwrite(bytes, at, Uint8Array.of((bytes[at] ?? 0) + random.pick([1, 255, 2, 254, 8, 248])))
  },
  'truncation': (random, bytes, hot) => bytes.slice(0, place(random, bytes, hot)),
  'extension': (random, bytes) => splice(bytes, bytes.byteLength, 0, random.chance(0.5) ? new Uint8Array(random.int(5000)) : random.bytes(random.int(64))),
  'insertion': (random, bytes, hot) => splice(bytes, place(random, bytes, hot), 0, random.chance(0.5) ? new Uint8Array(random.int(40)) : random.bytes(random.int(40))),
  'removal': (random, bytes, hot) => {
    const at = place(random, bytes, hot)
    return splice(bytes, at, Math.min(bytes.byteLength - at, random.int(100)), new Uint8Array(0))
  },
  'duplication': (random, bytes, hot) => {
    const at = place(random, bytes, hot)
    const chunk = bytes.slice(at, at + 1 + random.int(200))
    return splice(bytes, random.chance(0.5) ? at : place(random, bytes, hot), 0, chunk)
  },
  'exchange': (random, bytes, hot) => {
    const from = place(random, bytes, hot)
    return overwrite(bytes, place(random, bytes, hot), bytes.slice(from, from + 1 + random.int(64)))
  },
  'zeros': (random, bytes, hot) => overwrite(bytes, place(random, bytes, hot), new Uint8Array(1 + random.int(64))),
  'splice': (random, bytes, hot, other) => {
    const from = random.int(other.byteLength + 1)
    const chunk = other.slice(from, from + random.int(random.chance(0.5) ? 64 : 4096))
    const at = place(random, bytes, hot)
    return splice(bytes, at, random.chance(0.5) ? Math.min(bytes.byteLength - at, chunk.byteLength) : 0, chunk)
  },
}

/**
 * Damage `bytes` by one to six changes.
 *
 * @param random - a seeded random of the testkit
 * @param hot - places of lengths and offsets in the undamaged bytes
 * @param other - another input, for splices
 */
export const mutate = (random, bytes, hot, other) => {
  const changes = random.pick([1, 1, 1, 1, 2, 2, 3, 6])
  let out = bytes
  for (let i = 0; i < changes; i++) {
    const changed = KINDS[random.pick(Object.keys(KINDS))](random, out, hot, other)
    if (changed.byteLength <= MAX_INPUT_BYTES) out = changed
  }
  return out
}
