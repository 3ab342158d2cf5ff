/**
 * Every block of every indexed shard, each multihash once, in constant memory: a block is left out where a shard that comes
 * before in the order of the keys holds it too, and where the same shard has it further in front. An index that became current
 * since the listing began counts for nothing there, since nobody knows whether it was listed: no block is missed, and one may
 * come twice when its shard is indexed anew meanwhile. Shards are read in small pieces, and no lease is held between two of them.
 */
import { type CarLayout, parseCid, readLayout, scanSections } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { BlockstoreError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import type { ShardLease } from '../lease.ts'
import { compareKeys } from '../key-order.ts'
import type { Candidate } from './candidates.ts'
import type { Watched } from './commit-watch.ts'
import type { CrossShardParts } from './parts.ts'

interface Block { readonly cid: CID, readonly data: Uint8Array, readonly sectionOffset: number }
interface Piece { readonly blocks: readonly Block[], readonly next: number | undefined }

const PIECE_BYTES = 1 << 20

type Pair = { readonly cid: CID, readonly bytes: AsyncGenerator<Uint8Array> }

/**
 * @throws {BlockstoreError} at the end, `BLOCKSTORE_UNREADABLE`: some shards could not be read; all others were.
 *   `BLOCKSTORE_HASH_MISMATCH`, `BLOCKSTORE_UNKNOWN_HASH` where `bytes` of such a block is iterated.
 */
export async function * everyBlock (parts: CrossShardParts, signal: AbortSignal | undefined): AsyncGenerator<Pair, void, undefined> {
  parts.checkOpen()
  const failures: unknown[] = []
  const watched = parts.commits.begin()
  try {
    for await (const shard of parts.indexed({ signal })) {
      try {
        yield * blocksOf(parts, shard, watched, signal)
      } catch (error) {
        signal?.throwIfAborted()
        parts.checkOpen()
        failures.push(error)
      }
    }
  } finally {
    watched.end()
  }
  if (failures.length === 0) return
  throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `shards could not be listed; count=${failures.length}`, { cause: new AggregateError(failures) })
}

async function * blocksOf (parts: CrossShardParts, shard: Candidate, watched: Watched, signal: AbortSignal | undefined): AsyncGenerator<Pair, void, undefined> {
  const { leases, hashes } = parts
  let generation: number | undefined
  let layout: CarLayout | undefined
  let from: number | undefined
  do {
    const piece: Piece = await leases.use(shard, async (lease) => {
      if (layout === undefined) {
        layout = await readLayout(lease.source, { badIndex: 'report', signal })
        generation = lease.indexGeneration
      }
      if (lease.indexGeneration !== generation) throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `shard changed while it was listed; key=${shard.key}`)
      return readPiece(lease, layout, from ?? layout.headerBytes, signal)
    }, { signal })
    for (const { cid, data } of piece.blocks) {
      if (await heldBefore(parts, cid, shard.key, watched, signal)) continue
      yield { cid, bytes: checked(hashes, cid, data) }
    }
    from = piece.next
  } while (from !== undefined)
}

/** Sections from `from` on, until there are enough bytes of them. */
const readPiece = async (lease: ShardLease, layout: CarLayout, from: number, signal: AbortSignal | undefined): Promise<Piece> => {
  const blocks: Block[] = []
  let bytes = 0
  for await (const { cid, data, sectionOffset, headBytes, dataBytes } of scanSections(lease.source, { ...layout, headerBytes: from }, { data: true, signal })) {
    if (data === undefined) throw new TypeError('sections were asked for with their data')
    const [first] = await lease.index.find(parseCid(cid, 0).multihash, { signal, limit: 1 })
    if (first?.sectionOffset === sectionOffset) blocks.push({ cid: CID.decode(cid), data, sectionOffset })
    bytes += headBytes + dataBytes
    if (bytes >= PIECE_BYTES) return { blocks, next: sectionOffset + headBytes + dataBytes }
  }
  return { blocks, next: undefined }
}

const heldBefore = async ({ finder, leases }: CrossShardParts, cid: CID, key: string, watched: Watched, signal: AbortSignal | undefined): Promise<boolean> => {
  const multihash = cid.multihash.bytes
  for await (const other of finder.candidates(multihash, { signal })) {
    if (watched.isNew(other.number) || compareKeys(other.key, key) >= 0) continue
    try {
      if (await leases.use(other, async ({ index }) => (await index.find(multihash, { signal, limit: 1 })).length > 0, { signal })) return true
    } catch {
      signal?.throwIfAborted()
      // a shard that cannot be read yields nothing itself
    }
  }
  return false
}

async function * checked (hashes: Hashes, cid: CID, data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  const { code, digest } = cid.multihash
  if (!hashes.has(code)) throw new BlockstoreError('BLOCKSTORE_UNKNOWN_HASH', `no hasher; code=0x${code.toString(16)}`, { cid })
  if (!hashes.matches(code, digest, data)) throw new BlockstoreError('BLOCKSTORE_HASH_MISMATCH', 'block does not match its CID', { cid })
  yield data
}
