/** Pieces in unsealed sector files, found through a piece store and read in place; nothing is ever written. */
import type { CallOptions } from '@dagstore/io'
import { type Fr32, unpaddedBytes } from '@dagstore/piece'
import type { PieceLocation, PieceStore } from '@dagstore/piece-store'
import { sectorFileName } from '@dagstore/unsealed-sector'
import { contentIdentity } from './content-identity.ts'
import { copiesSource, type Copy, type UnsealCopy } from './copies-source.ts'
import { isParked } from './parked-piece.ts'
import type { PieceSource } from './piece-loader.ts'
import type { OpenSectorFile } from './sector-file.ts'
import { openSectorPiece } from './sector-piece.ts'

export interface SectorPieceSourceOptions {
  readonly pieceStore: Pick<PieceStore, 'get'>
  readonly openSectorFile: OpenSectorFile
  /** What unpads; an engine of `@dagstore/piece`. @default plain JavaScript */
  readonly fr32?: Fr32 | undefined
  /** @default nothing can be unsealed */
  readonly unseal?: UnsealCopy | undefined
  /** @default 'sectors' */
  readonly name?: string | undefined
  /** @default 0 */
  readonly cost?: number | undefined
}

/**
 * Copies are tried in the order of the piece store. A file that is not there, or whose list of allocated ranges does not cover
 * the piece, is "not here", and damages nothing; when that happens to an open piece, the next copy is read. Where no copy is here
 * the piece is lost, unless a sealed one is, or it can be unsealed.
 */
export const sectorPieceSource = ({ pieceStore, openSectorFile, fr32, unseal, name = 'sectors', cost = 0 }: SectorPieceSourceOptions): PieceSource => copiesSource({
  name,
  cost,
  absenceTtlMs: 0, // looking is quick
  unseal,
  // whoever can unseal it knows where
  isSealed: async ({ miner, sector }, call) => unseal !== undefined || await openSectorFile.hasSealed?.(miner, sector, call) === true,
  locationsOf: async (piece) => (await pieceStore.get(piece)).filter((location) => !isParked(location)),
  copiesOf: async (piece, location) => {
    const { miner, sector, offsetPadded, lengthPadded } = location
    const open: Copy['open'] = ({ signal }) => openSectorPiece({
      openFile: (call) => openSectorFile(miner, sector, call),
      offsetPadded,
      lengthPadded,
      identity: contentIdentity(piece, unpaddedBytes(lengthPadded)),
      fr32,
      signal,
    })
    return [{
      name: `${name} t0${miner}-${sector}`,
      open,
      describe: async (call) => `t0${miner} sector ${sector} @${offsetPadded}: ${await stateOf(location, open, { openSectorFile, name }, call)}`,
    }]
  },
})

const stateOf = async ({ miner, sector }: PieceLocation, open: Copy['open'], { openSectorFile, name }: { readonly openSectorFile: OpenSectorFile, readonly name: string }, { signal }: CallOptions): Promise<string> => {
  const file = sectorFileName(miner, sector)
  try {
    const found = await openSectorFile(miner, sector, { signal })
    if (found === undefined) {
      const sealed = await openSectorFile.hasSealed?.(miner, sector, { signal }) === true
      return `${file} not in ${openSectorFile.places?.join(', ') ?? name}${sealed ? '; a sealed one is' : ''}`
    }
    await found.close()
    const source = await open({ signal })
    if (source === undefined) return `${file} is there, the piece in it is not unsealed`
    await source.close()
    return `${file} is there`
  } catch (error) {
    signal?.throwIfAborted()
    return `${file}: ${error instanceof Error ? error.message : String(error)}`
  }
}
