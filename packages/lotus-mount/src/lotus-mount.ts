/**
 * The mount of pieces: `lotus://<piece CID>`, as Lotus writes it in its records. Canonical with the v1 CID in base32.
 *
 * Source: lotus markets/dagstore/mount.go. Stricter: `stat` says that an unknown piece does not exist, and the true size.
 * Looser: v2 CIDs, and the bases that multiformats reads.
 */
import { type ByteSource, IoError } from '@dagstore/io'
import { absent, afterScheme, type Mount, MountError, type MountFactory, toMountError } from '@dagstore/mounts'
import { toPieceCidV1 } from '@dagstore/piece'
import { CID } from 'multiformats/cid'
import type { PieceLoader } from './piece-loader.ts'

/** Without the colon. */
export const LOTUS_SCHEME = 'lotus'

/** The canonical URL of a piece. @param piece - of either version. @throws {PieceError} `PIECE_BAD_CID` */
export const lotusUrl = (piece: Parameters<typeof toPieceCidV1>[0]): string => `${LOTUS_SCHEME}://${toPieceCidV1(piece).toString()}`

type Loader = Pick<PieceLoader, 'stat' | 'open'> & Partial<Pick<PieceLoader, 'explain'>>

/** Scheme `lotus`. Random access, read in place. The loader stays the caller's. */
export const lotusMount = (loader: Loader): MountFactory => ({
  scheme: LOTUS_SCHEME,
  // most are as they should be, and there may be millions of them: their CIDs are read when somebody asks for the piece
  mount: (url) => CANONICAL.test(url) ? mountPiece(loader, url, () => parsePiece(url)) : mountParsed(loader, parsePiece(url)),
})

/** A v1 piece CID in base32: the seven bytes that they all begin with, 32 bytes of commitment, and no bit behind these. */
const CANONICAL = /^lotus:\/\/baga6ea4seaq[a-p][a-z2-7]{50}[aiqy]$/u

const mountParsed = (loader: Loader, piece: CID): Mount => mountPiece(loader, lotusUrl(piece), () => piece)

const parsePiece = (url: string): CID => {
  const rest = afterScheme(url, LOTUS_SCHEME)
  if (!rest.startsWith('//')) throw new MountError('MOUNT_BAD_URL', 'lotus URL without //; want=lotus://<piece CID>')
  try {
    return toPieceCidV1(CID.parse(rest.slice(2).replace(/\/$/u, '')))
  } catch (cause) {
    throw new MountError('MOUNT_BAD_URL', 'lotus URL without a piece CID; want=lotus://<piece CID>', { cause })
  }
}

const mountPiece = (loader: Loader, url: string, piece: () => CID): Mount => ({
  url,
  stat: async ({ signal } = {}) => {
    signal?.throwIfAborted()
    try {
      const { unsealed, pieceBytes } = await loader.stat(piece(), { signal })
      return { exists: true, sizeBytes: pieceBytes, ready: unsealed === 'yes', access: 'random' }
    } catch (error) {
      const mapped = mountErrorOf(error, 'stat of a piece')
      if (mapped instanceof MountError && mapped.code === 'MOUNT_MISSING') return absent('random')
      throw mapped
    }
  },
  open: async ({ signal } = {}) => {
    signal?.throwIfAborted()
    let source: ByteSource
    try {
      source = await loader.open(piece(), { signal })
    } catch (error) {
      throw mountErrorOf(error, 'opening a piece')
    }
    if (signal?.aborted === true) {
      await source.close()
      throw signal.reason
    }
    return { access: 'random', source }
  },
  explain: async (options = {}) => await loader.explain?.(piece(), options) ?? 'its piece loader does not say',
})

const SEALED = 'it is sealed'

/** Of a failure that was kept with a shard: whether only sealed copies of its piece were known. */
export const isSealedFailure = ({ code, message }: { readonly code: string, readonly message: string }): boolean => code === 'MOUNT_UNREACHABLE' && message.includes(`: ${SEALED}`)

const mountErrorOf = (error: unknown, what: string): unknown => {
  if (!(error instanceof Error) || !('code' in error)) return error
  const retry = 'retry' in error && error.retry === 'never' ? 'never' : 'later'
  switch (error.code) {
    // absence is proven only when every source has answered
    case 'PIECE_UNKNOWN': return new MountError(retry === 'never' ? 'MOUNT_MISSING' : 'MOUNT_UNREACHABLE', `${what}: no record of it`, { cause: error, retry })
    case 'PIECE_LOST': return new IoError('IO_SOURCE_LOST', error.message, { cause: error, retry })
    case 'PIECE_SEALED': return new MountError('MOUNT_UNREACHABLE', `${what}: ${SEALED}`, { cause: error, retry })
    case 'PIECE_UNSEAL_FAILED': return new MountError('MOUNT_UNREACHABLE', `${what}: it cannot be unsealed`, { cause: error, retry })
    case 'PIECE_NO_SOURCE': return new MountError('MOUNT_UNREACHABLE', `${what}: no source has it${firstReason(error)}`, { cause: error, retry })
    // of a storage, or of what the loader waits for: nothing of that is the piece
    case 'PIECE_BAD_STORAGE':
    case 'IO_NOT_FOUND': return new MountError('MOUNT_UNREACHABLE', `${what}: its storage is not there`, { cause: error, retry: 'later' })
    default: return toMountError(error, what)
  }
}

/** Of a message that is kept with the shard. */
const MAX_CHARACTERS = 300

/** What the source said that was asked first: whoever reads of the failure knows where to look. */
const firstReason = ({ cause }: Error): string => {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined
  return first instanceof Error ? `: ${first.message.slice(0, MAX_CHARACTERS)}` : ''
}
