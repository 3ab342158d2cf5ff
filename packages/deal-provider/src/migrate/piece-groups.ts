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

/** In one write of the piece store and one of the journal. */
const PIECES = 1024
/** Deals in a group at most, unless one piece has more. */
const DEALS = 4096

const V1_CODEC = 0xf101

/** When the reader fails, what it had given comes first. */
export async function * pieceGroups (pieces: AsyncIterable<PieceDeals>): AsyncGenerator<readonly PieceGroupItem[], void, undefined> {
  let group = new Map<string, PieceGroupItem>()
  let deals = 0
  const iterator = pieces[Symbol.asyncIterator]()
  let open = true
  try {
    for (;;) {
      let failure: { readonly error: unknown } | undefined
      const next = await iterator.next().catch((error: unknown) => { failure = { error } })
      open = next !== undefined && next.done !== true
      if (next !== undefined && next.done !== true) deals += add(group, next.value)
      if (open && group.size < PIECES && deals < DEALS) continue
      if (group.size > 0) yield [...group.values()]
      if (failure !== undefined) throw failure.error
      if (!open) return
      group = new Map()
      deals = 0
    }
  } finally {
    if (open) await iterator.return?.()
  }
}

/** @returns how many deals there are more */
const add = (group: Map<string, PieceGroupItem>, { pieceCid, deals }: PieceDeals): number => {
  const piece = pieceCid.code === V1_CODEC ? pieceCid : toPieceCidV1(pieceCid)
  const key = piece.toString()
  const known = group.get(key)
  if (known === undefined) group.set(key, { piece, key, deals: [...deals] })
  else known.deals.push(...deals)
  return deals.length
}
