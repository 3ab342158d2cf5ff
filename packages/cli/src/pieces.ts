/** The pieces of a store. What reads them is loaded when the first one is asked for: most stores have none. */
import type { AnyLevel } from '@dagstore/io'
import type { PieceLoader, PieceLoaderOptions } from '@dagstore/lotus-mount'
import type { MissingStorage } from '@dagstore/lotus-mount/node'
import type { PieceStore } from '@dagstore/piece-store'
import { loaderOptions } from './config/apply.ts'
import type { Config } from './config/config.ts'
import type { Places } from './piece-places.ts'

export interface StorePieces {
  /** For `lotus://` mounts. */
  readonly loader: Pick<PieceLoader, 'stat' | 'open' | 'explain'>
  open (): Promise<PieceStore>
  /** Storage folders of others, besides the store's own. */
  folders (): Promise<readonly string[]>
  /** Those whose disk is not there now. */
  missing (): Promise<readonly MissingStorage[]>
  close (): Promise<void>
}

export interface PiecesOptions extends Pick<PieceLoaderOptions, 'onSealed' | 'metrics'> {
  /** Where else pieces are looked for, and how much at a time. @default in the folder of the store alone */
  readonly config?: Config | undefined
}

/**
 * @param root - folder of the store, with its sectors in `unsealed/`
 * @param db - shards that are resumed while the store opens already read pieces, so it is passed as a promise
 */
export const createPieces = (root: string, db: Promise<AnyLevel>, { config, onSealed, metrics }: PiecesOptions = {}): StorePieces => {
  let store: Promise<PieceStore> | undefined
  let places: Promise<Places> | undefined
  let loader: Promise<PieceLoader> | undefined
  const open = (): Promise<PieceStore> => store ??= (async () => (await import('@dagstore/piece-store')).openPieceStore(await db))()
  const look = (): Promise<Places> => {
    places ??= (async () => {
      const [{ openPlaces }, { createPieceEngine }] = await Promise.all([import('./piece-places.ts'), import('@dagstore/piece/node')])
      return openPlaces(root, config ?? NO_PLACES, { get: async (piece) => (await open()).get(piece) }, createPieceEngine())
    })()
    places.catch(() => { places = undefined })
    return places
  }
  const load = (): Promise<PieceLoader> => {
    loader ??= (async () => {
      const [{ createPieceLoader }, { sources }] = await Promise.all([import('@dagstore/lotus-mount'), look()])
      return createPieceLoader(sources, { metrics, ...(config === undefined ? {} : loaderOptions(config, onSealed)) })
    })()
    loader.catch(() => { loader = undefined })
    return loader
  }
  return {
    loader: {
      stat: async (piece, options) => (await load()).stat(piece, options),
      open: async (piece, options) => (await load()).open(piece, options),
      explain: async (piece, options) => (await load()).explain(piece, options),
    },
    open,
    folders: async () => (await look()).folders,
    missing: async () => (await look()).missing(),
    close: async () => {
      const settled = async <T>(one: Promise<T> | undefined): Promise<T | undefined> => one?.catch(() => undefined)
      await (await settled(loader))?.close()
      await (await settled(places))?.close()
    },
  }
}

const NO_PLACES = { storage: [], pieceServers: [], lotusApiInfo: '' } as const
