/**
 * Pieces of web servers: booster-http and Curio (`GET /piece/{cid}`), and any other that has files by piece CID.
 *
 * Source: boost cmd/booster-http, curio market/retrieval. A v1 CID gives the whole unpadded piece, a v2 CID of Curio exactly the
 * payload. Encoded answers are refused, since their bytes have other positions.
 */
import { type Awaitable, type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { openHttpSource } from '@dagstore/io/http'
import { parsePieceCid, pieceCidV2 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import type { PieceCallOptions, PieceSource } from './piece-loader.ts'
import { checkedHeaders, fetchWithSecrets } from './request-headers.ts'
import { asWholePiece } from './zero-tail.ts'

export interface PieceServer {
  /**
   * `https://host`, which is asked for `/piece/<cid>`; or with `{cid}` where the CID stands, as in `https://host/cars/{cid}.car`.
   * Holds no credentials.
   */
  readonly url: string
  /** Where credentials stand; asked for at each opening, and sent to this host alone, whatever it redirects to. @default none */
  readonly headers?: (() => Awaitable<Readonly<Record<string, string>>>) | undefined
}

export interface PieceServersOptions {
  /** @default the global `fetch`; one that checks addresses where URLs come from outside */
  readonly fetch?: typeof fetch | undefined
  /** @default 20 */
  readonly cost?: number | undefined
}

/** Of what a `stat` asks for. */
const STAT_BYTES = 1
const FIRST_BYTES = 4096

/**
 * One source for each server. A piece that is not found (404, 410) is not here. Other answers are failures: of what is refused
 * for good (400, 401, 403, 451) `retry` is `never`, of what may pass (408, 429, 5xx) it is `later`, with the time that the server
 * asked to wait for.
 *
 * @throws {TypeError} no URL of http or https, or one with credentials
 */
export const pieceServers = (servers: readonly PieceServer[], { fetch: given, cost = 20 }: PieceServersOptions = {}): readonly PieceSource[] => servers.map(({ url, headers }) => {
  const fetch = headers === undefined ? given : fetchWithSecrets(given ?? globalThis.fetch.bind(globalThis))
  const place = placeOf(url)
  const ask = async (cid: CID, bytes: number, { signal }: CallOptions): Promise<ByteSource | undefined> => {
    signal?.throwIfAborted()
    try {
      return await openHttpSource(place.urlOf(cid), { ...(fetch === undefined ? {} : { fetch }), headers: checkedHeaders(await headers?.() ?? {}), first: { from: 'start', bytes }, ...(signal === undefined ? {} : { signal }) })
    } catch (error) {
      if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return undefined
      throw error
    }
  }
  const open = async (piece: CID, bytes: number, options: PieceCallOptions): Promise<ByteSource | undefined> => {
    const found = await ask(piece, bytes, options)
    // some have pieces under their v2 CID alone
    const second = found === undefined ? longNameOf(piece, options) : undefined
    const source = second === undefined ? found : await ask(second, bytes, options)
    return source === undefined ? undefined : asWholePiece(source, options)
  }
  return {
    name: place.name,
    cost,
    stat: async (piece, options = {}) => {
      const source = await open(piece, STAT_BYTES, options)
      await source?.close()
      return source === undefined ? undefined : { unsealed: 'yes', pieceBytes: source.sizeBytes, ...(options.payloadBytes === undefined ? {} : { payloadBytes: options.payloadBytes }) }
    },
    open: (piece, options = {}) => open(piece, FIRST_BYTES, options),
    explain: async (piece, options = {}) => {
      const source = await open(piece, STAT_BYTES, options)
      await source?.close()
      return source === undefined ? `not at ${place.name}` : `at ${place.name}`
    },
  }
})

interface ServerPlace {
  /** Without what may be a secret. */
  readonly name: string
  readonly urlOf: (cid: CID) => string
}

const TEMPLATE = '{cid}'

const placeOf = (url: string): ServerPlace => {
  const isTemplate = url.includes(TEMPLATE)
  if (!URL.canParse(url)) throw new TypeError('not a URL of a piece server')
  const parsed = new URL(url.replaceAll(TEMPLATE, 'cid'))
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') throw new TypeError(`not a URL of http; scheme=${parsed.protocol}`)
  if (parsed.username !== '' || parsed.password !== '') throw new TypeError('credentials in a URL; give them as headers')
  return {
    name: parsed.host,
    urlOf: (cid) => isTemplate ? url.replaceAll(TEMPLATE, cid.toString()) : `${parsed.origin}${parsed.pathname.replace(/\/+$/u, '')}/piece/${cid.toString()}`,
  }
}

/** The v2 CID; `undefined` where the payload's length is not known, or the piece is larger than it needs. */
const longNameOf = (piece: CID, { payloadBytes, pieceBytes }: PieceCallOptions): CID | undefined => {
  if (payloadBytes === undefined) return undefined
  const long = pieceCidV2(parsePieceCid(piece).commitment, payloadBytes)
  const { paddedBytes } = parsePieceCid(long)
  return pieceBytes === undefined || paddedBytes === pieceBytes / 127 * 128 ? long : undefined
}
