/** All that a store knows and can not find out again: which shards there are, and where their bytes are. */
import { leaving, listed, type BulkParts } from './parts.ts'
import type { CallOptions } from '@dagstore/io'
import type { ShardRecord } from '../machine/index.ts'
import { encodeHead, encodeLine } from './shard-lines.ts'

/** Bytes of a chunk, about. */
const CHUNK = 64 << 10

export async function * exportShards (bulk: BulkParts, { signal }: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
  let lines: Uint8Array[] = [encodeHead()]
  let bytes = 0
  let count = 0
  for await (const { key, record, damaged } of listed(bulk, undefined, leaving(bulk, signal))) {
    // it is on its way out
    if (record.destroying) continue
    const line = encodeLine(damaged ? { type: 'damaged', key } : { type: 'shard', key, url: record.url, borrowed: borrowedBy(record) })
    lines.push(line)
    count++
    bytes += line.byteLength
    if (bytes < CHUNK) continue
    yield joined(lines)
    lines = []
    bytes = 0
  }
  yield joined([...lines, encodeLine({ type: 'end', count })])
}

/** What was moved or linked is the store's own, and gone with it. */
const borrowedBy = ({ localCopy }: ShardRecord): string | undefined => localCopy?.mode === 'borrow' ? localCopy.path : undefined

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.byteLength
  }
  return out
}
