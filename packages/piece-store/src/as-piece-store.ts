/** The piece store of another system as one of ours, to read sectors from. */
import { PieceStoreError } from './errors.ts'
import type { DealProblem, PieceDeal, PieceDealReader } from './piece-deals.ts'
import type { PieceLocation, PieceStore } from './piece-store.ts'

export interface AsPieceStoreOptions {
  /** Told of damaged rows. Those of a piece that has other copies, and those of a list, are left out; else the call rejects. */
  readonly onProblem?: ((problem: DealProblem) => void) | undefined
}

/**
 * What the piece loader needs, asked of `reader` each time. Deals in no sector yet are left out. `list` has the order of the
 * reader, in which a piece may come again; `pieces` is empty where the system keeps no such list.
 *
 * @param reader - stays the caller's
 */
export const asPieceStore = (reader: PieceDealReader, { onProblem = () => {} }: AsPieceStoreOptions = {}): Pick<PieceStore, 'get' | 'list' | 'pieces'> => ({
  get: async (piece) => {
    let first: DealProblem | undefined
    const found = await reader.get(piece, { onProblem: (problem) => { first ??= problem; onProblem(problem) } })
    const locations = locationsOf(found?.deals ?? [])
    // what cannot be read may be a copy: the piece is not unknown
    if (locations.length === 0 && first !== undefined) throw new PieceStoreError('PIECE_STORE_DAMAGED', `damaged row; at=${first.place}`, { cause: first.error })
    return locations
  },
  list: async function * (options = {}) {
    for await (const { pieceCid, deals } of reader.list({ ...options, onProblem })) {
      const locations = locationsOf(deals)
      if (locations.length > 0) yield { piece: pieceCid, locations }
    }
  },
  pieces: async (payload) => await reader.piecesWith?.(payload) ?? [],
})

/** By miner, sector, offset, length, each place once: two deals may name one copy. */
const locationsOf = (deals: readonly PieceDeal[]): readonly PieceLocation[] => {
  const places = new Map<string, PieceLocation>()
  for (const { miner, sector, offsetPadded, lengthPadded, rawSize } of deals) {
    if (sector === undefined) continue
    const place = `${miner} ${sector} ${offsetPadded} ${lengthPadded}`
    places.set(place, { miner, sector, offsetPadded, lengthPadded, payloadBytes: rawSize ?? places.get(place)?.payloadBytes })
  }
  return [...places.values()].sort((a, b) => compare(a.miner, b.miner) || compare(a.sector, b.sector) || a.offsetPadded - b.offsetPadded || a.lengthPadded - b.lengthPadded)
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
