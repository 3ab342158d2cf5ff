/** What the demo remembers between runs: which piece an input became, and where a piece is about to be written. */
import type { NodeDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'

export interface PieceRecord {
  readonly pieceCid: CID
  readonly pieceCidV2: CID
  readonly payloadBytes: number
  readonly paddedBytes: number
}

/** A place in a sector that is kept for a piece until the piece store knows it. */
export interface PlannedPlace {
  readonly miner: bigint
  readonly sector: bigint
  readonly sectorBytes: number
  readonly offsetPadded: number
  readonly lengthPadded: number
}

/** Every change is durable when its promise resolves. */
export interface Journal {
  /** `undefined`: never seen, or seen with another fingerprint. */
  find (absolutePath: string, fingerprint: string): Promise<PieceRecord | undefined>
  record (absolutePath: string, fingerprint: string, piece: PieceRecord): Promise<void>
  plannedPlace (pieceCid: string): Promise<PlannedPlace | undefined>
  plannedPlaces (): Promise<readonly PlannedPlace[]>
  planPlace (pieceCid: string, place: PlannedPlace): Promise<void>
  forgetPlace (pieceCid: string): Promise<void>
}

interface StoredPiece { readonly fingerprint: string, readonly v1: string, readonly v2: string, readonly payloadBytes: number, readonly paddedBytes: number }
interface StoredPlace extends Omit<PlannedPlace, 'miner' | 'sector'> { readonly miner: string, readonly sector: string }

const DURABLE = { sync: true } as object

export const openJournal = (db: NodeDagstore['db']): Journal => {
  const inputs = db.sublevel<string, StoredPiece>('demo-inputs', { valueEncoding: 'json' })
  const places = db.sublevel<string, StoredPlace>('demo-places', { valueEncoding: 'json' })
  const placeOf = (stored: StoredPlace): PlannedPlace => ({ ...stored, miner: BigInt(stored.miner), sector: BigInt(stored.sector) })
  return {
    find: async (path, fingerprint) => {
      const stored = await inputs.get(path)
      if (stored === undefined || stored.fingerprint !== fingerprint) return undefined
      return { pieceCid: CID.parse(stored.v1), pieceCidV2: CID.parse(stored.v2), payloadBytes: stored.payloadBytes, paddedBytes: stored.paddedBytes }
    },
    record: (path, fingerprint, piece) =>
      inputs.put(path, { fingerprint, v1: piece.pieceCid.toString(), v2: piece.pieceCidV2.toString(), payloadBytes: piece.payloadBytes, paddedBytes: piece.paddedBytes }, DURABLE),
    plannedPlace: async (piece) => {
      const stored = await places.get(piece)
      return stored === undefined ? undefined : placeOf(stored)
    },
    plannedPlaces: async () => (await places.values().all()).map(placeOf),
    planPlace: (piece, place) => places.put(piece, { ...place, miner: place.miner.toString(), sector: place.sector.toString() }, DURABLE),
    forgetPlace: (piece) => places.del(piece, DURABLE),
  }
}
