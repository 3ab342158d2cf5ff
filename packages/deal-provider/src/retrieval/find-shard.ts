/**
 * Which shard has a payload: the piece that was asked for, else one whose index says so, else one that a deal names; unsealed ones first.
 *
 * Source: go-fil-markets retrievalmarket/impl/provider.go `getBestPieceInfoMatch`, `HandleQueryStream`. Stricter: identity CIDs hold their block
 * themselves and are found without a piece.
 */
import type { Dagstore } from '@dagstore/dagstore'
import { IDENTITY } from '@dagstore/hashes'
import { type CallOptions, withdrawable } from '@dagstore/io'
import { toPieceCidV1, unpaddedBytes } from '@dagstore/piece'
import type { PieceStore } from '@dagstore/piece-store'
import { CID } from 'multiformats/cid'

export interface FindParts {
  readonly dagstore: Pick<Dagstore, 'find' | 'shard'>
  readonly pieces: Pick<PieceStore, 'get' | 'pieces'>
  /** Whether an unsealed copy can be read now. Rejects where nobody can say. */
  readonly isUnsealed: (piece: CID, options: CallOptions) => Promise<boolean>
}

export interface FoundShard {
  /** `undefined`: none is needed. */
  readonly key: string | undefined
  /** v1; `undefined`: a shard that is no piece. */
  readonly pieceCid: CID | undefined
  readonly unsealed: boolean
  /** What is in it at most, in bytes; 0: nobody knows. */
  readonly sizeBytes: number
  /** Whether it is the piece that was asked for. */
  readonly isWanted: boolean
}

/** More shards with one block are not looked at. */
const MOST_SHARDS = 32

/** `undefined`: nothing here has it, as far as indices and deals say. */
export const findShard = async (parts: FindParts, payloadCid: CID, pieceCid: CID | undefined, { signal }: CallOptions): Promise<FoundShard | undefined> => {
  const wanted = pieceCid === undefined ? undefined : pieceOf(pieceCid.toString())?.toString()
  const indexed = await parts.dagstore.find(payloadCid.multihash.bytes, { signal, limit: MOST_SHARDS })
  const named = (await parts.pieces.pieces(payloadCid)).slice(0, MOST_SHARDS).map((piece) => piece.toString())
  const keys = [...new Set([...indexed, ...named])]
  if (wanted !== undefined && keys.includes(wanted)) return look(parts, wanted, true, signal)
  let sealed: FoundShard | undefined
  for (const key of keys) {
    const found = await look(parts, key, false, signal)
    if (found?.unsealed === true) return found
    sealed ??= found
  }
  if (sealed !== undefined) return sealed
  // what a node of identity links to may be anywhere
  return payloadCid.multihash.code === IDENTITY ? { key: undefined, pieceCid: undefined, unsealed: true, sizeBytes: payloadCid.multihash.digest.byteLength, isWanted: false } : undefined
}

const look = async (parts: FindParts, key: string, isWanted: boolean, signal: AbortSignal | undefined): Promise<FoundShard | undefined> => {
  const pieceCid = pieceOf(key)
  if (pieceCid === undefined) {
    const shard = await parts.dagstore.shard(key, { signal })
    return shard === undefined || shard.destroying ? undefined : { key, pieceCid, unsealed: true, sizeBytes: 0, isWanted }
  }
  const [location] = await parts.pieces.get(pieceCid)
  // a shard may be called by its piece and lie elsewhere
  if (location === undefined) {
    const shard = await parts.dagstore.shard(key, { signal })
    return shard === undefined || shard.destroying ? undefined : { key, pieceCid, unsealed: !shard.mountUrl.startsWith('lotus:'), sizeBytes: 0, isWanted }
  }
  const unsealed = await withdrawable(parts.isUnsealed(pieceCid, { signal }), signal).catch((error: unknown) => {
    if (signal?.aborted === true) throw error
    return false // nobody can say: others are taken first
  })
  return { key, pieceCid, unsealed, sizeBytes: location.payloadBytes ?? unpaddedBytes(location.lengthPadded), isWanted }
}

const pieceOf = (key: string): CID | undefined => {
  try {
    return toPieceCidV1(CID.parse(key))
  } catch {
    return undefined
  }
}
