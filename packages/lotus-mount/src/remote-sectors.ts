/**
 * Unsealed sector files, and parked pieces of Curio, on other machines: `GET /remote/unsealed/s-t0<miner>-<sector>` of a miner,
 * a worker or Curio. Their list of ranges stands at the end of the file, and comes with the request that opens it; then the
 * chunks that a read needs are asked for, fr32-padded, and unpadded here.
 *
 * Source: lotus storage/paths/http_handler.go; curio lib/paths. Stricter: a range never ends behind the chunks of the read.
 */
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { openHttpSource } from '@dagstore/io/http'
import { type Fr32, unpaddedBytes } from '@dagstore/piece'
import type { PieceLocation, PieceStore } from '@dagstore/piece-store'
import { sectorFileName } from '@dagstore/unsealed-sector'
import type { CID } from 'multiformats/cid'
import { contentIdentity } from './content-identity.ts'
import { copiesSource, type Copy, type UnsealCopy } from './copies-source.ts'
import { isParked } from './parked-piece.ts'
import type { PieceSource } from './piece-loader.ts'
import { bearerOf, type BearerToken, fetchWithSecrets } from './request-headers.ts'
import { openSectorPiece } from './sector-piece.ts'
import { asWholePiece } from './zero-tail.ts'

/** Where the file of a sector may be. */
export interface RemoteSector {
  /** Ends in `/remote/unsealed/s-t0<miner>-<sector>`, or `/remote/piece/s-t00-<id>`. */
  readonly url: string
  /** Number of the seal proof; with it a server is asked whether the piece is allocated, without opening the file. */
  readonly sealProof?: number | undefined
}

export interface RemoteSectorsOptions {
  readonly pieceStore: Pick<PieceStore, 'get'>
  /** For parked pieces `miner` is 0 and `sector` their id. */
  readonly find: (miner: bigint, sector: bigint, options: CallOptions) => Promise<readonly RemoteSector[]>
  /** With the permission `admin`. Sent to the URLs found, and to nobody else. */
  readonly token?: BearerToken | undefined
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch | undefined
  /** What unpads; an engine of `@dagstore/piece`. @default plain JavaScript */
  readonly fr32?: Fr32 | undefined
  /** @default nothing can be unsealed */
  readonly unseal?: UnsealCopy | undefined
  /** @default 'remote' */
  readonly name?: string | undefined
  /** @default 10 */
  readonly cost?: number | undefined
}

/** The longest list of ranges that comes with the first request; a longer one takes one more. */
const TAIL_BYTES = 4096

export const remoteSectors = ({ pieceStore, find, token, fetch: given, fr32, unseal, name = 'remote', cost = 10 }: RemoteSectorsOptions): PieceSource => {
  const fetch = fetchWithSecrets(given ?? globalThis.fetch.bind(globalThis))
  const openFile = async (url: string, from: 'start' | 'end', { signal }: CallOptions): Promise<ByteSource | undefined> => {
    try {
      return await openHttpSource(url, { fetch, headers: await bearerOf(token), first: { from, bytes: TAIL_BYTES }, ...(signal === undefined ? {} : { signal }) })
    } catch (error) {
      if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return undefined
      throw error
    }
  }
  const copyAt = (piece: CID, location: PieceLocation, { url, sealProof }: RemoteSector): Copy => {
    const { miner, sector, offsetPadded, lengthPadded, payloadBytes } = location
    if (!URL.canParse(url)) throw new IoError('IO_FAILED', `no URL was found for a sector; sector=${sectorFileName(miner, sector)}`)
    const { host } = new URL(url)
    const pieceBytes = unpaddedBytes(lengthPadded)
    const isRaw = isParked(location)
    return {
      name: `${sectorFileName(miner, sector)} at ${host}`,
      open: async (call) => {
        if (!isRaw) return openSectorPiece({ openFile: (again) => openFile(url, 'end', again), offsetPadded, lengthPadded, identity: contentIdentity(piece, pieceBytes), fr32, ...call })
        const file = await openFile(url, 'start', call)
        return file === undefined ? undefined : asWholePiece(file, { pieceBytes, payloadBytes })
      },
      ...(sealProof === undefined || isRaw ? {} : { isThere: (call) => isAllocated(fetch, url, token, { sealProof, offsetPadded, lengthPadded }, call) }),
      describe: async () => `${sectorFileName(miner, sector)} at ${host}`,
    }
  }
  return copiesSource({
    name,
    cost,
    unseal,
    // whoever finds no unsealed file of a sector still has the sector
    isSealed: async (location) => !isParked(location),
    locationsOf: (piece) => pieceStore.get(piece),
    copiesOf: async (piece, location, call) => (await find(location.miner, location.sector, call)).map((remote) => copyAt(piece, location, remote)),
  })
}

/** Whether the server says that all of the piece is in its file. */
const isAllocated = async (fetch: typeof globalThis.fetch, url: string, token: BearerToken | undefined, { sealProof, offsetPadded, lengthPadded }: { readonly sealProof: number, readonly offsetPadded: number, readonly lengthPadded: number }, { signal }: CallOptions): Promise<boolean> => {
  const asked = new URL(url)
  asked.pathname += `/${sealProof}/allocated/${unpaddedBytes(offsetPadded)}/${unpaddedBytes(lengthPadded)}`
  let response: Response
  try {
    response = await fetch(asked.href, { headers: await bearerOf(token), ...(signal === undefined ? {} : { signal }) })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new IoError('IO_FAILED', `no answer; host=${asked.host}`, { cause, retry: 'later' })
  }
  await response.body?.cancel().catch(() => {}) // it may have ended by itself
  if (response.status === 200) return true
  if (response.status === 416) return false
  const forbidden = response.status === 401 || response.status === 403
  throw new IoError(forbidden ? 'IO_FORBIDDEN' : 'IO_FAILED', `it does not say what is allocated; host=${asked.host} status=${response.status}`, { retry: forbidden ? 'never' : 'later' })
}
