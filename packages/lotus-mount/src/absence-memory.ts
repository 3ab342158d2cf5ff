/** Which sources said a while ago that a piece is not there, or sealed, so that they are not asked again at once. */
import type { Clock } from '@dagstore/io'
import type { PieceStat } from './piece-loader.ts'

export interface Absence {
  /** What the source said; `undefined`: no record. `unasked`: it could not open the piece, and was not asked what it knows. */
  readonly stat: PieceStat | undefined | 'unasked'
}

export interface AbsenceMemory {
  /** `undefined`: nothing is remembered. */
  get (source: string, piece: string): Absence | undefined
  set (source: string, piece: string, absence: Absence, ttlMs: number): void
  /** What every source said about the piece; about all pieces, where none is given. */
  forget (piece?: string): void
}

/** Pieces that are remembered; those asked for longest ago are forgotten first. */
const MAX_PIECES = 16_384

interface Said extends Absence { readonly until: number }

export const createAbsenceMemory = (clock: Clock): AbsenceMemory => {
  const pieces = new Map<string, Map<string, Said>>()
  return {
    get: (source, piece) => {
      const said = pieces.get(piece)?.get(source)
      return said !== undefined && clock.monotonic() < said.until ? said : undefined
    },
    set: (source, piece, { stat }, ttlMs) => {
      if (ttlMs <= 0) return
      const sources = pieces.get(piece) ?? new Map<string, Said>()
      pieces.delete(piece)
      pieces.set(piece, sources)
      sources.set(source, { stat, until: clock.monotonic() + ttlMs })
      const [oldest] = pieces.size > MAX_PIECES ? pieces.keys() : []
      if (oldest !== undefined) pieces.delete(oldest)
    },
    forget: (piece) => {
      if (piece === undefined) pieces.clear()
      else pieces.delete(piece)
    },
  }
}
