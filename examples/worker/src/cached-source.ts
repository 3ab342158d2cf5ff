/** A source whose bytes are kept for later requests: plain bytes, and nothing of the request that brought them. */
import type { PageSpace } from '@dagstore/carv2'
import type { ByteSource } from '@dagstore/io'

/** What is asked for at once, and kept. */
export const CHUNK_BYTES = 1 << 14

/** Keep what is at hand of a source of `sizeBytes` that `bytes` are the end of. */
export const keepEnd = (chunks: PageSpace, sizeBytes: number, bytes: Uint8Array): void => {
  const start = sizeBytes - bytes.byteLength
  for (let n = Math.ceil(start / CHUNK_BYTES); n * CHUNK_BYTES < sizeBytes; n++) {
    const at = n * CHUNK_BYTES - start
    chunks.set(n, bytes.slice(at, at + CHUNK_BYTES))
  }
}

/** @param chunks - of this version of the bytes alone */
export const createCachedSource = (source: ByteSource, chunks: PageSpace): ByteSource => {
  const { sizeBytes } = source
  const peek = (at: number, length: number): Uint8Array | undefined => {
    source.peek(at, length) // that they lie inside of an open source
    const n = Math.floor(at / CHUNK_BYTES)
    const from = at - n * CHUNK_BYTES
    return from + length <= CHUNK_BYTES ? chunks.get(n)?.subarray(from, from + length) : undefined
  }
  const close = (): Promise<void> => source.close()
  return {
    sizeBytes,
    identity: source.identity,
    cost: source.cost,
    read: async (at, length, options) => {
      const peeked = peek(at, length)
      if (peeked !== undefined) return peeked.slice()
      const first = Math.floor(at / CHUNK_BYTES)
      const count = Math.ceil((at + length) / CHUNK_BYTES) - first
      const held = Array.from({ length: count }, (_, i) => chunks.get(first + i))
      const missing = held.indexOf(undefined)
      if (missing >= 0) {
        const start = (first + missing) * CHUNK_BYTES
        const end = Math.min((first + held.lastIndexOf(undefined) + 1) * CHUNK_BYTES, sizeBytes)
        const bytes = await source.read(start, end - start, options)
        for (let from = 0; start + from < end; from += CHUNK_BYTES) {
          const n = (start + from) / CHUNK_BYTES
          chunks.set(n, held[n - first] = bytes.slice(from, from + CHUNK_BYTES))
        }
      }
      const out = new Uint8Array(length)
      held.forEach((chunk, i) => {
        const from = Math.max(0, at - (first + i) * CHUNK_BYTES)
        const to = Math.min(CHUNK_BYTES, at + length - (first + i) * CHUNK_BYTES)
        out.set(chunk!.subarray(from, to), (first + i) * CHUNK_BYTES + from - at)
      })
      return out
    },
    peek,
    close,
    [Symbol.asyncDispose]: close,
  }
}
