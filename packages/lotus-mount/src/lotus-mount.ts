/**
 * The mount `lotus://<piece CID>`: the bytes of a piece, wherever the loader finds them, read in place.
 *
 * Source: lotus markets/dagstore/mount.go `LotusMount`. Stricter: the host must be a piece CID; v2 is turned into v1, so that
 * one piece has one URL. Random access instead of a stream, so nothing is copied.
 */
import { absent, type Mount, MountError, type MountFactory, type MountStat, afterScheme } from '@dagstore/mounts'
import { toPieceCidV1 } from '@dagstore/piece'
import { CID } from 'multiformats/cid'
import { PieceLoaderError } from './errors.ts'
import type { PieceLoader } from './piece-loader.ts'

export const LOTUS_SCHEME = 'lotus'

/** Mounts of pieces, all through one loader, which stays the caller's to close. */
export const lotusMount = (loader: Pick<PieceLoader, 'stat' | 'open'>): MountFactory => ({
  scheme: LOTUS_SCHEME,
  mount: (url) => createLotusMount(parsePiece(url), loader),
})

/** The canonical URL of a piece, given by CID v1 or v2. @throws {PieceError} `PIECE_BAD_CID` */
export const lotusUrl = (piece: Parameters<typeof toPieceCidV1>[0]): string => `${LOTUS_SCHEME}://${toPieceCidV1(piece).toString()}`

const parsePiece = (url: string): CID => {
  const host = afterScheme(url, LOTUS_SCHEME).replace(/^\/\//, '').replace(/\/$/, '')
  try {
    return toPieceCidV1(CID.parse(host))
  } catch (cause) {
    throw new MountError('MOUNT_BAD_URL', 'a lotus mount is lotus://<piece CID>', { cause })
  }
}

const createLotusMount = (piece: CID, loader: Pick<PieceLoader, 'stat' | 'open'>): Mount => ({
  url: `${LOTUS_SCHEME}://${piece.toString()}`,
  stat: async (options) => {
    try {
      const { unsealed, pieceBytes } = await loader.stat(piece, options)
      return { exists: true, sizeBytes: pieceBytes, ready: unsealed === 'yes', access: 'random' } satisfies MountStat
    } catch (error) {
      if (error instanceof PieceLoaderError && error.code === 'PIECE_UNKNOWN' && error.cause === undefined) return absent('random')
      throw mountErrorOf(error)
    }
  },
  open: async (options) => {
    try {
      return { access: 'random', source: await loader.open(piece, options) }
    } catch (error) {
      throw mountErrorOf(error)
    }
  },
})

const mountErrorOf = (error: unknown): unknown => {
  if (!(error instanceof PieceLoaderError)) return error
  const { retry, message } = error
  return error.code === 'PIECE_UNKNOWN'
    ? new MountError('MOUNT_MISSING', `lotus mount: ${message}`, { cause: error, retry })
    : new MountError('MOUNT_UNREACHABLE', `lotus mount: ${message}`, { cause: error, retry })
}
