/** All that a store knows and can not find out again: which shards there are, and where their bytes are. */
import { leaving, listed, type BulkParts } from './parts.ts'
import { type CallOptions, joinBytes } from '@dagstore/io'
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
    yield joinBytes(lines)
    lines = []
    bytes = 0
  }
  yield joinBytes([...lines, encodeLine({ type: 'end', count })])
}

/** What was moved or linked is the store's own, and gone with it. */
const borrowedBy = ({ localCopy }: ShardRecord): string | undefined => localCopy?.mode === 'borrow' ? localCopy.path : undefined
