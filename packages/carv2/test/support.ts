/** What several tests here need. */
import { type Block, makeBlock } from '@dagstore-tooling/fixtures'
import type { ByteSource } from '@dagstore/io'
import type { IndexView, KeyedIndexEntry, ScanEnd, Section } from '../src/index.ts'

/** Blocks that cost little to make, none like another. */
export const plainBlocks = (count: number, length: number): Block[] => Array.from({ length: count }, (_, i) => {
  const data = new Uint8Array(length)
  new DataView(data.buffer).setUint32(0, i)
  return makeBlock(data)
})

export const concat = (parts: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...parts]))

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const out: T[] = []
  for await (const item of items) out.push(item)
  return out
}

export const scanAll = async (scan: AsyncGenerator<Section, ScanEnd>): Promise<{ sections: Section[], end: ScanEnd }> => {
  const sections: Section[] = []
  for (;;) {
    const next = await scan.next()
    if (next.done === true) return { sections, end: next.value }
    sections.push(next.value)
  }
}

/** A source that has nothing at hand, counts its reads, and hands out copies. */
export const slowSource = (bytes: Uint8Array, cost: ByteSource['cost'] = { kind: 'local', seekBytes: 16384 }): ByteSource & { reads: { at: number, length: number }[], closed: boolean } => {
  const reads: { at: number, length: number }[] = []
  const source = {
    sizeBytes: bytes.byteLength,
    identity: { kind: 'file', sizeBytes: bytes.byteLength, mtimeNs: 5n, inode: 7n } as const,
    cost,
    reads,
    closed: false,
    read: async (at: number, length: number, { signal }: { signal?: AbortSignal | undefined } = {}) => {
      signal?.throwIfAborted()
      if (!(at >= 0 && length >= 0 && at + length <= bytes.byteLength)) throw new RangeError(`read out of range; at=${at} length=${length}`)
      reads.push({ at, length })
      await Promise.resolve()
      return bytes.slice(at, at + length)
    },
    peek: () => undefined,
    close: async () => { source.closed = true },
    [Symbol.asyncDispose]: async () => { source.closed = true },
  }
  return source
}

/** What `entries` gives beside places, out of `digests`. */
export const digestsOf = async (index: Pick<IndexView, 'digests'>): Promise<Pick<KeyedIndexEntry, 'code' | 'digest'>[]> => {
  const found: Pick<KeyedIndexEntry, 'code' | 'digest'>[] = []
  for await (const { code, digestBytes, rows, rowBytes } of index.digests()) {
    for (let at = 0; at < rows.byteLength; at += rowBytes) found.push({ code, digest: rows.slice(at, at + digestBytes) })
  }
  return found
}
