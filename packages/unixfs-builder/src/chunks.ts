/** A stream cut anew. */
import { untilAborted } from '@dagstore/io'

export interface RechunkOptions {
  readonly signal?: AbortSignal | undefined
  /** The parts belong to us: one that is a chunk already is that chunk. @default false, all are copied */
  readonly owned?: boolean | undefined
}

/**
 * The same bytes in chunks of exactly `chunkBytes`, the last one shorter; none for no bytes. Each chunk is memory of its
 * own, and at most one of them is being filled at a time. An abort rejects at once, even while `content` is waited for.
 */
export async function * rechunk (content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, chunkBytes: number, { signal, owned = false }: RechunkOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  let chunk = new Uint8Array(0)
  let filled = 0
  signal?.throwIfAborted()
  for await (const part of untilAborted(content, signal)) {
    signal?.throwIfAborted()
    if (owned && filled === 0 && part.byteLength === chunkBytes && part.buffer.byteLength === chunkBytes) {
      yield part
      signal?.throwIfAborted()
      continue
    }
    for (let at = 0; at < part.byteLength;) {
      const taken = part.subarray(at, at + chunkBytes - filled)
      if (filled + taken.byteLength > chunk.byteLength) chunk = grown(chunk, filled, filled + taken.byteLength, chunkBytes)
      chunk.set(taken, filled)
      filled += taken.byteLength
      at += taken.byteLength
      if (filled < chunkBytes) continue
      yield chunk
      signal?.throwIfAborted()
      chunk = new Uint8Array(0)
      filled = 0
    }
  }
  if (filled > 0) yield filled === chunk.byteLength ? chunk : chunk.slice(0, filled)
}

/** Room for `wanted` bytes and, since more may follow, up to twice as many: a small file does not cost a whole chunk. */
const grown = (chunk: Uint8Array, filled: number, wanted: number, chunkBytes: number): Uint8Array<ArrayBuffer> => {
  const room = new Uint8Array(filled === 0 ? wanted : Math.min(chunkBytes, Math.max(wanted, 2 * chunk.byteLength)))
  room.set(chunk.subarray(0, filled))
  return room
}
