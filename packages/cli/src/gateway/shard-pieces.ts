/** Shards that are pieces: those whose key is the CID of the piece that their CARv1 payload makes, as `add --key piece` gives it. */
import type { Dagstore, ShardLease } from '@dagstore/dagstore'
import { type CallOptions, createWindow } from '@dagstore/io'
import { LOTUS_SCHEME } from '@dagstore/lotus-mount/mount'
import { pieceBytes } from '@dagstore/piece'
import type { GatewayPieces, GatewayPieceStat } from '@dagstore/trustless-gateway'
import type { CID } from 'multiformats/cid'
import { codeOf } from '../failure.ts'

/** What lies in pieces of the loader is left to it. Sizes are told without a fetch: where one would be needed, that rejects. */
export const shardPieces = (dagstore: Pick<Dagstore, 'shard' | 'acquire'>): GatewayPieces => {
  const lease = async (piece: CID, options: CallOptions & { readonly noDownload: boolean }): Promise<ShardLease | undefined> => {
    const key = piece.toString()
    const info = await dagstore.shard(key, options)
    if (info === undefined || info.destroying || info.mountUrl.startsWith(`${LOTUS_SCHEME}:`)) return undefined
    try {
      return await dagstore.acquire(key, options)
    } catch (error) {
      if (GONE.has(codeOf(error) ?? '')) return undefined
      throw error
    }
  }
  return {
    stat: async (piece, options) => {
      const held = await lease(piece, { ...options, noDownload: true })
      if (held === undefined) return undefined
      try {
        return placeOf(held)?.stat
      } finally {
        await held.close()
      }
    },
    open: async (piece, options) => {
      const held = await lease(piece, { ...options, noDownload: false })
      const place = held === undefined ? undefined : placeOf(held)
      if (held === undefined || place === undefined) {
        await held?.close()
        return undefined
      }
      return { ...place.stat, source: createWindow(held.source, place.from, place.stat.rawBytes), close: () => held.close() }
    },
  }
}

/** The first of them that has a piece serves it; one that fails is passed over where another has it. */
export const firstOfPieces = (all: readonly GatewayPieces[]): GatewayPieces => {
  const first = async <T>(ask: (pieces: GatewayPieces) => Promise<T | undefined>, { signal }: CallOptions): Promise<T | undefined> => {
    let failure: { readonly error: unknown } | undefined
    for (const pieces of all) {
      try {
        const found = await ask(pieces)
        if (found !== undefined) return found
      } catch (error) {
        signal?.throwIfAborted()
        failure ??= { error }
      }
    }
    if (failure !== undefined) throw failure.error
    return undefined
  }
  return {
    stat: (piece, options) => first((pieces) => pieces.stat(piece, options), options),
    open: (piece, options) => first((pieces) => pieces.open(piece, options), options),
  }
}

const GONE: ReadonlySet<string> = new Set(['DAGSTORE_SHARD_UNKNOWN', 'DAGSTORE_SHARD_DESTROYED'])

/** Where the payload lies; `undefined`: its index does not say. */
const placeOf = ({ source, index: { facts: { payloadStart, payloadEnd } } }: ShardLease): { readonly from: number, readonly stat: GatewayPieceStat & { readonly rawBytes: number } } | undefined => {
  if (payloadStart === undefined || payloadEnd === undefined) return undefined
  // of a file with zeros behind its payload they belong to the piece
  const { unpadded } = pieceBytes(payloadStart === 0 ? source.sizeBytes : payloadEnd)
  return { from: payloadStart, stat: { rawBytes: payloadEnd, pieceBytes: unpadded, carVersion: 1 } }
}
