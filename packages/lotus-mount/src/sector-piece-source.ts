/// <reference lib="esnext.disposable" preserve="true" />
/** Pieces in unsealed sector files, found through the piece store and read in place. */
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { unpaddedBytes } from '@dagstore/piece'
import type { PieceLocation, PieceStore } from '@dagstore/piece-store'
import { openSector, SectorError, type UnsealedSector } from '@dagstore/unsealed-sector'
import type { CID } from 'multiformats/cid'
import type { PieceSource } from './piece-source.ts'

/** The unsealed file of a sector, opened for reading; `undefined` when there is none here. */
export type OpenSectorFile = (miner: bigint, sector: bigint, options?: CallOptions) => Promise<ByteSource | undefined>

export interface SectorPieceSourceOptions {
  readonly pieceStore: Pick<PieceStore, 'get'>
  readonly openSectorFile: OpenSectorFile
  /** For messages. @default 'unsealed sectors' */
  readonly name?: string
  /** @default 0: local files come first */
  readonly cost?: number
}

/**
 * A file that is not there, or whose range is not in use, is an answer (no unsealed copy here), not damage: sectors are
 * sealed, moved and freed at any time by whoever owns them.
 */
export const sectorPieceSource = ({ pieceStore, openSectorFile, name = 'unsealed sectors', cost = 0 }: SectorPieceSourceOptions): PieceSource => {
  /** The sector of one location with the piece in it; `undefined` when it is not there. */
  const locate = async ({ miner, sector, offsetPadded, lengthPadded }: PieceLocation, options?: CallOptions): Promise<UnsealedSector | undefined> => {
    const file = await openSectorFile(miner, sector, options)
    if (file === undefined) return undefined
    let opened: UnsealedSector | undefined
    try {
      opened = await openSector(file, { signal: options?.signal })
      if (opened.isAllocated(offsetPadded, lengthPadded)) return opened
    } catch (error) {
      // a sector that is being written, or is damaged, has nothing to give
      if (!(error instanceof SectorError)) {
        await file.close()
        throw error
      }
    }
    await file.close()
    return undefined
  }

  /** The first location that has it; failures of single locations count only when none has. */
  const first = async <T>(piece: CID, options: CallOptions | undefined, use: (sector: UnsealedSector, location: PieceLocation) => Promise<T>): Promise<{ readonly value: T | undefined, readonly locations: readonly PieceLocation[] }> => {
    const locations = await pieceStore.get(piece)
    const causes: unknown[] = []
    for (const location of locations) {
      options?.signal?.throwIfAborted()
      try {
        const sector = await locate(location, options)
        if (sector !== undefined) return { value: await use(sector, location), locations }
      } catch (error) {
        options?.signal?.throwIfAborted()
        causes.push(error)
      }
    }
    if (causes.length > 0) throw new IoError('IO_FAILED', `sector files could not be read; failed=${causes.length} of=${locations.length}`, { retry: 'later', cause: causes.length === 1 ? causes[0] : new AggregateError(causes) })
    return { value: undefined, locations }
  }

  return {
    name,
    cost,
    stat: async (piece, options) => {
      const { value, locations } = await first(piece, options, async (sector) => {
        await sector.close()
        return true
      })
      const [known] = locations
      return known === undefined ? undefined : { unsealed: value === true ? 'yes' : 'sealed', pieceBytes: unpaddedBytes(known.lengthPadded) }
    },
    open: async (piece, options) => {
      const { value } = await first(piece, options, async (sector, { offsetPadded, lengthPadded }) => {
        const bytes = sector.openPiece(offsetPadded, lengthPadded, { identity: { kind: 'content', cid: piece.toString(), sizeBytes: unpaddedBytes(lengthPadded) } })
        const close = async (): Promise<void> => {
          await bytes.close()
          await sector.close()
        }
        return { ...bytes, close, [Symbol.asyncDispose]: close }
      })
      return value
    },
  }
}
