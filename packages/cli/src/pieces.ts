/** The pieces of a store. What reads them is loaded when the first one is asked for: most stores have none. */
import type { AnyLevel } from '@dagstore/io'
import type { PieceLoader } from '@dagstore/lotus-mount'
import type { PieceStore } from '@dagstore/piece-store'

export interface StorePieces {
  /** For `lotus://` mounts. */
  readonly loader: Pick<PieceLoader, 'stat' | 'open' | 'explain'>
  open (): Promise<PieceStore>
  close (): Promise<void>
}

/**
 * @param root - folder of the store, with its sectors in `unsealed/`
 * @param db - shards that are resumed while the store opens already read pieces, so it is passed as a promise
 */
export const createPieces = (root: string, db: Promise<AnyLevel>): StorePieces => {
  let store: Promise<PieceStore> | undefined
  let loader: Promise<PieceLoader> | undefined
  const open = (): Promise<PieceStore> => store ??= (async () => (await import('@dagstore/piece-store')).openPieceStore(await db))()
  const load = (): Promise<PieceLoader> => loader ??= (async () => {
    const [{ createPieceLoader, sectorPieceSource }, { localSectors }, { createPieceEngine }] =
      await Promise.all([import('@dagstore/lotus-mount'), import('@dagstore/lotus-mount/node'), import('@dagstore/piece/node')])
    const pieceStore: Pick<PieceStore, 'get'> = { get: async (piece) => (await open()).get(piece) }
    return createPieceLoader([sectorPieceSource({ pieceStore, openSectorFile: localSectors([root]), fr32: createPieceEngine() })])
  })()
  return {
    loader: {
      stat: async (piece, options) => (await load()).stat(piece, options),
      open: async (piece, options) => (await load()).open(piece, options),
      explain: async (piece, options) => (await load()).explain(piece, options),
    },
    open,
    close: async () => { await (await loader)?.close() },
  }
}
