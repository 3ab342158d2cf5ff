/** The deals of a reader in groups, the pieces of a group each once. */
import { toPieceCidV1 } from '@dagstore/piece'
import type { PieceDeal, PieceDeals } from '@dagstore/piece-store'
import type { CID } from 'multiformats/cid'

/** A piece, and deals of it that came together. */
export interface PieceGroupItem {
  readonly piece: CID
  /** The piece CID as text: the key of the shard. */
  readonly key: string
  readonly deals: PieceDeal[]
}

/** As many as `registerMany` writes at once. */
const PIECES = 256
/** Deals in a group at most, unless one piece has more. */
const DEALS = 4096

const V1_CODEC = 0xf101

export async function * pieceGroups (pieces: AsyncIterable<PieceDeals>): AsyncGenerator<readonly PieceGroupItem[], void, undefined> {
  let group = new Map<string, PieceGroupItem>()
  let deals = 0
  for await (const { pieceCid, deals: more } of pieces) {
    const piece = pieceCid.code === V1_CODEC ? pieceCid : toPieceCidV1(pieceCid)
    const key = piece.toString()
    const known = group.get(key)
    if (known === undefined) group.set(key, { piece, key, deals: [...more] })
    else known.deals.push(...more)
    deals += more.length
    if (group.size < PIECES && deals < DEALS) continue
    yield [...group.values()]
    group = new Map()
    deals = 0
  }
  if (group.size > 0) yield [...group.values()]
}
