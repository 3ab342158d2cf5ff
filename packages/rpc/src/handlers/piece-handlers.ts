/** Which pieces there are, where they lie, and what is in them. Source: lotus node/impl/storminer.go `Pieces…`; go-fil-markets piecestore. */
import type { LotusApi, PieceDealInfo } from '@dagstore/lotus-api'
import { PieceError, toPieceCidV1 } from '@dagstore/piece'
import type { PieceDeal } from '@dagstore/piece-store'
import type { CID } from 'multiformats/cid'
import { refusal } from './failures.ts'
import type { PieceParts } from './parts.ts'

type PieceMethods = Pick<LotusApi, 'PiecesListPieces' | 'PiecesListCidInfos' | 'PiecesGetPieceInfo' | 'PiecesGetCIDInfo'>

export const pieceHandlers = ({ list, get, piecesWith, payloads }: PieceParts, notice: (text: string) => void): PieceMethods => ({
  PiecesListPieces: async ({ signal } = {}) => {
    const found = new Map<string, CID>()
    const onProblem = ({ place, error }: { readonly place: string, readonly error: Error }): void => { notice(`a row of the pieces is damaged; at=${place} why=${error.message}`) }
    for await (const { pieceCid } of list({ signal, onProblem })) found.set(pieceCid.toString(), pieceCid)
    return [...found.values()]
  },
  PiecesListCidInfos: async ({ signal } = {}) => {
    const found: CID[] = []
    for await (const payload of payloads({ signal })) found.push(payload)
    return found
  },
  PiecesGetPieceInfo: async (pieceCid, { signal } = {}) => {
    const piece = pieceOf(pieceCid)
    const found = piece === undefined ? undefined : await get(piece, { signal })
    if (found === undefined) throw refusal(`piece with CID ${pieceCid.toString()}: not found`, undefined, 'PIECE_UNKNOWN')
    return { PieceCID: found.pieceCid, Deals: found.deals.flatMap(dealInfoOf) }
  },
  PiecesGetCIDInfo: async (payloadCid, { signal } = {}) => {
    const pieces = await piecesWith(payloadCid, { signal })
    if (pieces.length === 0) throw refusal(`payload CID ${payloadCid.toString()}: not found`, undefined, 'PIECE_UNKNOWN')
    // as Lotus has it since the DAG store: where in the piece, says the index
    return { CID: payloadCid, PieceBlockLocations: pieces.map((PieceCID) => ({ RelOffset: 0, BlockSize: 0, PieceCID })) }
  },
})

const pieceOf = (cid: CID): CID | undefined => {
  try {
    return toPieceCidV1(cid)
  } catch (error) {
    if (error instanceof PieceError) return undefined
    throw error
  }
}

const MAX_U64 = 0xffff_ffff_ffff_ffffn

/** Lotus knows deals by the number on the chain, and none without a sector; other names are 0 there. */
const dealInfoOf = ({ dealId, sector, offsetPadded, lengthPadded }: PieceDeal): readonly PieceDealInfo[] => {
  if (sector === undefined) return []
  const number = /^\d{1,20}$/.test(dealId) ? BigInt(dealId) : 0n
  return [{ DealID: number <= MAX_U64 ? number : 0n, SectorID: sector, Offset: offsetPadded, Length: lengthPadded }]
}
