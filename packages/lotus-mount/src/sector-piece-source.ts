/** Pieces in unsealed sector files, found through a piece store and read in place; nothing is ever written. */
import { type ByteSource, type CallOptions, IoError, type SourceIdentity } from '@dagstore/io'
import { causeOf, openFirstOf, retryOf } from '@dagstore/mounts'
import { type Fr32, unpaddedBytes } from '@dagstore/piece'
import type { PieceLocation, PieceStore } from '@dagstore/piece-store'
import { sectorFileName } from '@dagstore/unsealed-sector'
import type { CID } from 'multiformats/cid'
import type { PieceSource } from './piece-loader.ts'
import type { OpenSectorFile } from './sector-file.ts'
import { openSectorPiece } from './sector-piece.ts'

export interface SectorPieceSourceOptions {
  readonly pieceStore: Pick<PieceStore, 'get'>
  readonly openSectorFile: OpenSectorFile
  /** What unpads; an engine of `@dagstore/piece`. @default plain JavaScript */
  readonly fr32?: Fr32 | undefined
  /** @default 'sectors' */
  readonly name?: string | undefined
  /** @default 0 */
  readonly cost?: number | undefined
}

/**
 * Copies are tried in the order of the piece store. A file that is not there, or whose list of allocated ranges does not cover
 * the piece, is "not here", and damages nothing; when that happens to an open piece, the next copy is read.
 */
export const sectorPieceSource = ({ pieceStore, openSectorFile, fr32, name = 'sectors', cost = 0 }: SectorPieceSourceOptions): PieceSource => {
  const openAt = (piece: CID, { miner, sector, offsetPadded, lengthPadded }: PieceLocation, { signal }: CallOptions): Promise<ByteSource | undefined> =>
    openSectorPiece({
      openFile: (call) => openSectorFile(miner, sector, call),
      offsetPadded,
      lengthPadded,
      identity: identityOf(piece, unpaddedBytes(lengthPadded)),
      fr32,
      signal,
    })

  const stateOf = async (piece: CID, location: PieceLocation, { signal }: CallOptions): Promise<string> => {
    const file = sectorFileName(location.miner, location.sector)
    try {
      const found = await openSectorFile(location.miner, location.sector, { signal })
      if (found === undefined) return `${file} not in ${openSectorFile.places?.join(', ') ?? name}`
      await found.close()
      const source = await openAt(piece, location, { signal })
      if (source === undefined) return `${file} is there, the piece in it is not unsealed`
      await source.close()
      return `${file} is there`
    } catch (error) {
      signal?.throwIfAborted()
      return `${file}: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  return {
    name,
    cost,
    absenceTtlMs: 0, // looking is quick
    stat: async (piece, { signal } = {}) => {
      const locations = await pieceStore.get(piece)
      const [first] = locations
      if (first === undefined) return undefined
      let unsealed: 'sealed' | 'unknown' = 'sealed'
      for (const location of locations) {
        signal?.throwIfAborted()
        try {
          const source = await openAt(piece, location, { signal })
          if (source === undefined) continue
          await source.close()
          signal?.throwIfAborted()
          return { unsealed: 'yes', pieceBytes: source.sizeBytes }
        } catch {
          signal?.throwIfAborted()
          unsealed = 'unknown' // `open` says why
        }
      }
      return { unsealed, pieceBytes: unpaddedBytes(first.lengthPadded) }
    },
    explain: async (piece, { signal } = {}) => {
      const locations = await pieceStore.get(piece)
      const said: string[] = []
      for (const location of locations) said.push(`t0${location.miner} sector ${location.sector} @${location.offsetPadded}: ${await stateOf(piece, location, { signal })}`)
      return said.length === 0 ? undefined : said.join('; ')
    },
    open: async (piece, { signal } = {}) => {
      const locations = await pieceStore.get(piece)
      const places = locations.map((location) => ({
        name: `${name} t0${location.miner}-${location.sector}`,
        open: (call: CallOptions) => openAt(piece, location, call),
      }))
      const { source, failures } = await openFirstOf(places, { signal, identity: (sizeBytes) => identityOf(piece, sizeBytes) })
      if (source !== undefined || failures.length === 0) return source
      throw new IoError('IO_FAILED', `no copy of the piece could be opened; copies=${locations.length} failed=${failures.length}`, { ...causeOf(failures), retry: retryOf(failures) })
    },
  }
}

const identityOf = (piece: CID, sizeBytes: number): SourceIdentity => ({ kind: 'content', cid: piece.toString(), sizeBytes })
