/** The end of a deal: its place is given up, and its shard destroyed, unless another deal has the same piece. */
import { type PiecePlace, type ProviderDeal, STATES_WITH_PIECE } from '@dagstore/deal-protocol'
import { lotusUrl } from '@dagstore/lotus-mount/mount'
import { codeOf } from './failure.ts'
import type { Parts } from './parts.ts'
import { portCall } from './port-call.ts'
import { shardKey } from './registration.ts'

/** Deals with the same piece that have not ended, this one left out. */
export type OthersWithPiece = (deal: ProviderDeal) => AsyncIterable<ProviderDeal>

/**
 * Idempotent. The destruction is begun on return, in the turn of the piece, so that whoever registers it after that meets it; it takes as long as there are
 * readers.
 *
 * @throws the reason of the provider's end, and what its parts throw
 */
export const retire = (parts: Parts, deal: ProviderDeal, others: OthersWithPiece): Promise<Retirement> =>
  parts.pieceLock(shardKey(deal), () => giveUp(parts, deal, others), parts.ending)

export interface Retirement { readonly destruction: Promise<void> }

const giveUp = async (parts: Parts, deal: ProviderDeal, others: OthersWithPiece): Promise<Retirement> => {
  const { pieces, sealing, dagstore, otherDeals, ending: signal } = parts
  const { place, payloadCid, proposal: { pieceCid, pieceSize } } = deal
  let [held, placeHeld] = [false, false]
  for await (const other of others(deal)) {
    if (!STATES_WITH_PIECE.has(other.state)) continue
    held = true
    if (place !== undefined && other.place !== undefined && samePlace(place, other.place)) placeHeld = true
  }
  if (place !== undefined && !placeHeld) {
    if (sealing.removePiece !== undefined) await portCall(parts, sealing.removePiece({ pieceCid, pieceBytes: pieceSize, place, deal, signal }))
    await pieces.remove(pieceCid, { ...place, payloadBytes: undefined })
  }
  const key = shardKey(deal)
  if (held || (await pieces.get(pieceCid)).length > 0 || (otherDeals !== undefined && await portCall(parts, otherDeals(pieceCid, { signal })))) return { destruction: Promise.resolve() }
  if (payloadCid !== undefined) await pieces.removePayload(payloadCid, pieceCid)
  const info = await dagstore.shard(key, { signal })
  // of the same key and another place: somebody else's
  if (info === undefined || info.mountUrl !== lotusUrl(pieceCid)) return { destruction: Promise.resolve() }
  const destruction = dagstore.destroy(key, { signal }).catch((error: unknown) => {
    if (codeOf(error) !== 'DAGSTORE_SHARD_UNKNOWN') throw error
  })
  destruction.catch(() => {}) // whoever waits for it has its error
  return { destruction }
}

const samePlace = (a: PiecePlace, b: PiecePlace): boolean =>
  a.miner === b.miner && a.sector === b.sector && a.offsetPadded === b.offsetPadded && a.lengthPadded === b.lengthPadded
