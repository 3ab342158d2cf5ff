/** Randomness as a port, so that tests own it. */

export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array
}

export const systemRandom: Random = {
  bytes: (length) => {
    const out = new Uint8Array(length)
    // one call gives at most 65,536 bytes
    for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(out.subarray(at, Math.min(length, at + 65_536)))
    return out
  },
}
