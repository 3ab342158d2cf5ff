/** Places in sectors that are kept for pieces until the piece store knows them; described in docs/formats/deals.md. */
import type { AnyLevel } from '@dagstore/io'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'

export interface PlannedPlace {
  readonly miner: bigint
  readonly sector: bigint
  readonly sectorBytes: number
  readonly offsetPadded: number
  readonly lengthPadded: number
}

/** Every change is durable when its promise resolves. */
export interface PlannedPlaces {
  get(pieceCid: string): Promise<PlannedPlace | undefined>
  all(): Promise<readonly PlannedPlace[]>
  put(pieceCid: string, place: PlannedPlace): Promise<void>
  delete(pieceCid: string): Promise<void>
}

interface StoredPlace extends Omit<PlannedPlace, 'miner' | 'sector'> { readonly miner: string, readonly sector: string }

/** Of the engines that have a disk; others ignore it. */
const DURABLE = { sync: true } as object

export const openPlannedPlaces = (db: AnyLevel): PlannedPlaces => {
  const places: AbstractSublevel<AbstractLevel<any, any, any>, any, string, StoredPlace> = db.sublevel('sector-places', { valueEncoding: 'json' })
  const placeOf = (stored: StoredPlace): PlannedPlace => ({ ...stored, miner: BigInt(stored.miner), sector: BigInt(stored.sector) })
  return {
    get: async (piece) => {
      const stored = await places.get(piece)
      return stored === undefined ? undefined : placeOf(stored)
    },
    all: async () => (await places.values().all()).map(placeOf),
    put: (piece, place) => places.put(piece, { ...place, miner: place.miner.toString(), sector: place.sector.toString() }, DURABLE),
    delete: (piece) => places.del(piece, DURABLE),
  }
}
