/** Parked pieces of Curio in a piece store. */
import type { PieceLocation } from '@dagstore/piece-store'

/** Whether it is a parked piece and no sector: sector `<id>` of miner 0, as Curio itself names them (lib/storiface `PieceNumber.Ref`). */
export const isParked = ({ miner }: Pick<PieceLocation, 'miner'>): boolean => miner === 0n
