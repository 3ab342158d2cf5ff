/** What a store knows of its pieces, as the handlers ask for it. */
import { toPieceCidV1 } from '@dagstore/piece'
import type { PieceLocation, PieceStore } from '@dagstore/piece-store'
import type { PieceParts } from '@dagstore/rpc'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'

const RAW = 0x55
/** A piece store knows sectors; the numbers of their deals stay with who made these. */
const NO_DEAL = '0'

export const pieceParts = (pieces: PieceStore): PieceParts => ({
  list: async function * (options) {
    for await (const { piece, locations } of pieces.list(options)) yield { pieceCid: piece, deals: locations.map(dealAt) }
  },
  get: async (piece) => {
    const locations = await pieces.get(piece)
    return locations.length === 0 ? undefined : { pieceCid: toPieceCidV1(piece), deals: locations.map(dealAt) }
  },
  piecesWith: (payload) => pieces.pieces(payload),
  // their codecs are not kept, since they do not matter for finding the pieces
  payloads: async function * (options) { for await (const multihash of pieces.payloads(options)) yield CID.createV1(RAW, decode(multihash)) },
})

const dealAt = ({ payloadBytes, ...place }: PieceLocation): { readonly dealId: string } & PieceLocation & { readonly rawSize?: number } =>
  ({ dealId: NO_DEAL, payloadBytes, ...place, ...(payloadBytes === undefined ? {} : { rawSize: payloadBytes }) })
