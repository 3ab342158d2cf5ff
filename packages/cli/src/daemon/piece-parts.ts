/** What a store knows of its pieces, as the handlers ask for it. */
import type { Dagstore } from '@dagstore/dagstore'
import { dealsOfPiece, migratedDeals } from '@dagstore/deal-provider'
import type { AnyLevel, CallOptions } from '@dagstore/io'
import { type AnyPieceCid, toPieceCidV1 } from '@dagstore/piece'
import type { PieceDeal, PieceLocation, PieceStore } from '@dagstore/piece-store'
import type { PieceParts } from '@dagstore/rpc'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'

const RAW = 0x55
/** Of a copy whose deals nobody has told of, and of deals that have no number on the chain yet. */
const NO_DEAL = '0'

/** @param dagstore - in its database it is said which deals were taken here, and which were migrated; its index knows what is in pieces */
export const pieceParts = (pieces: PieceStore, dagstore: Pick<Dagstore, 'find'> & { readonly db: AnyLevel }): PieceParts => {
  const { db } = dagstore
  const dealsOf = async (piece: AnyPieceCid, locations: readonly PieceLocation[], options?: CallOptions): Promise<readonly PieceDeal[]> => {
    const own = (await dealsOfPiece(db, piece, options)).map(({ dealId, place }) => ({ dealId: dealId === undefined ? NO_DEAL : String(dealId), place }))
    const known = [...await migratedDeals(db, piece, options), ...own]
    return locations.flatMap(({ payloadBytes, ...place }) => {
      const ids = new Set(known.filter((deal) => deal.place !== undefined && samePlace(deal.place, place)).map(({ dealId }) => dealId))
      return (ids.size > 0 ? [...ids] : [NO_DEAL]).map((dealId) => ({ dealId, ...place, ...(payloadBytes === undefined ? {} : { rawSize: payloadBytes }) }))
    })
  }
  return {
    // only pieces and places are asked for here, so no deal is looked up
    list: async function * (options) {
      for await (const { piece, locations } of pieces.list(options)) yield { pieceCid: piece, deals: locations.map(({ payloadBytes: _, ...place }) => ({ dealId: NO_DEAL, ...place })) }
    },
    get: async (piece, options) => {
      const locations = await pieces.get(piece)
      return locations.length === 0 ? undefined : { pieceCid: toPieceCidV1(piece), deals: await dealsOf(piece, locations, options) }
    },
    // whose deals say it, and whose index does: nobody tells the payloads of deals that come from a list
    piecesWith: async (payload, options) => {
      const found = new Map((await pieces.pieces(payload)).map((piece) => [piece.toString(), piece]))
      for (const key of await dagstore.find(payload.multihash.bytes, options)) {
        const piece = pieceOfKey(key)
        if (piece !== undefined && (await pieces.get(piece)).length > 0) found.set(piece.toString(), piece)
      }
      return [...found.values()]
    },
    // their codecs are not kept, since they do not matter for finding the pieces
    payloads: async function * (options) { for await (const multihash of pieces.payloads(options)) yield CID.createV1(RAW, decode(multihash)) },
  }
}

/** Shards of pieces are called by them. `undefined`: it is another. */
const pieceOfKey = (key: string): CID | undefined => {
  try {
    return toPieceCidV1(CID.parse(key))
  } catch {
    return undefined
  }
}

type Place = Omit<PieceLocation, 'payloadBytes'>

const samePlace = (a: Place, b: Place): boolean => a.miner === b.miner && a.sector === b.sector && a.offsetPadded === b.offsetPadded && a.lengthPadded === b.lengthPadded
