/** Which bytes an index is written with, inside a CARv2 or beside it. */
import type { BuiltIndex } from './built-index.ts'
import type { IndexStream } from './index-stream.ts'
import { INDEX_SORTED, type IndexCodec, MULTIHASH_INDEX_SORTED } from './index-view.ts'

export interface IndexForm {
  /** With our trailer of checksums and lengths, which other readers pass over; the standard bytes alone; or none. @default 'trailer', 'standard' for codec 0x0400 */
  readonly index?: 'trailer' | 'standard' | 'none' | undefined
  /** @default 0x0401 */
  readonly codec?: IndexCodec | undefined
}

export interface ResolvedForm {
  readonly kind: 'trailer' | 'standard' | 'none'
  /** Of a form that is not 'none', as below. */
  of(index: BuiltIndex): FormedIndex
  /** Whether an index that is not in memory can be written so. */
  readonly streams: boolean
  ofStream(index: IndexStream): FormedIndex
}

export interface FormedIndex {
  readonly entryCount: number
  readonly sizeBytes: number
  readonly encode: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/** Of the form 'none'. */
export const NO_INDEX: FormedIndex = { entryCount: 0, sizeBytes: 0, encode: () => [] }

/** @throws {TypeError} no such form or codec; a trailer behind codec 0x0400, which it does not describe */
export const indexForm = ({ index, codec = MULTIHASH_INDEX_SORTED }: IndexForm): ResolvedForm => {
  if (codec !== MULTIHASH_INDEX_SORTED && codec !== INDEX_SORTED) throw new TypeError(`index codec; want=0x0400 or 0x0401 got=${String(codec)}`)
  const kind = index ?? (codec === INDEX_SORTED ? 'standard' : 'trailer')
  if (kind !== 'trailer' && kind !== 'standard' && kind !== 'none') throw new TypeError(`index form; want=trailer, standard or none got=${String(kind)}`)
  if (kind === 'trailer' && codec === INDEX_SORTED) throw new TypeError('an index of codec 0x0400 has no trailer')
  return {
    kind,
    streams: codec === MULTIHASH_INDEX_SORTED,
    of: (built) => {
      if (kind === 'trailer') return { entryCount: built.entryCount, sizeBytes: built.sizeBytes, encode: () => built.encode() }
      if (codec === MULTIHASH_INDEX_SORTED) return { entryCount: built.entryCount, sizeBytes: built.standardBytes, encode: () => built.encodeStandard() }
      let sizeBytes = 0
      for (const chunk of built.encodeStandard(codec)) sizeBytes += chunk.byteLength
      return { entryCount: built.entryCount, sizeBytes, encode: () => built.encodeStandard(codec) }
    },
    ofStream: (stream) => {
      const sizeBytes = kind === 'trailer' ? stream.sizeBytes : stream.standardBytes
      return { entryCount: stream.entryCount, sizeBytes, encode: () => firstBytes(stream.encode(), sizeBytes) }
    },
  }
}

const firstBytes = async function * (chunks: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = length
  for await (const chunk of chunks) {
    if (left === 0) return
    const part = chunk.subarray(0, Math.min(left, chunk.byteLength))
    left -= part.byteLength
    if (part.byteLength > 0) yield part
  }
}
