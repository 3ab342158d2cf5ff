/**
 * What a provider keeps of a deal whose data come over the network, beside its terms, as a DAG-CBOR list; described in docs/formats/deals.md.
 *
 *     [1, totalBytes | null, tokenDigest, expiresAt, url | null, token | null, client | null]
 *
 * `url` and `token` are those of the client's server, where the data are fetched; they and `client` go when the data are here, or awaited no more.
 */
import * as cbor from '@ipld/dag-cbor'
import { DealError } from '@dagstore/deal-protocol'

/** Where a payload is fetched from. */
export interface PullFrom {
  readonly url: string
  /** Of the client's server; a secret. */
  readonly token: string
}

export interface TransferRecord {
  /** Of the payload; `undefined`: the data come as a file. */
  readonly totalBytes: number | undefined
  /** Of the token that every request about this deal carries. */
  readonly tokenDigest: Uint8Array
  /** Milliseconds since 1970: the token is not taken any more, and data that are not here are not waited for. */
  readonly expiresAt: number
  /** `undefined`: the client pushes, or the data are here, or awaited no more. */
  readonly from: PullFrom | undefined
  /** Who has proposed the deal, as far as limits go: an address, say; `undefined`: nobody knows, or the data are awaited no more. */
  readonly client: string | undefined
}

const VERSION = 1

export const encodeTransfer = ({ totalBytes, tokenDigest, expiresAt, from, client }: TransferRecord): Uint8Array =>
  cbor.encode([VERSION, totalBytes ?? null, tokenDigest, expiresAt, from?.url ?? null, from?.token ?? null, client ?? null])

/** @throws {DealError} `DEAL_BAD_RECORD` */
export const decodeTransfer = (bytes: Uint8Array): TransferRecord => {
  let fields: unknown
  try {
    fields = cbor.decode(bytes)
  } catch (cause) {
    throw damaged({ cause })
  }
  // records that were written first have no client
  if (!Array.isArray(fields) || (fields.length !== 7 && fields.length !== 6)) throw damaged()
  const [version, totalBytes, tokenDigest, expiresAt, url, token, client = null] = fields as unknown[]
  const isNone = (value: unknown): value is null => value === null
  if (version !== VERSION || !(tokenDigest instanceof Uint8Array) || !isCount(expiresAt)) throw damaged()
  if (!(isNone(totalBytes) || isCount(totalBytes)) || !(isNone(url) ? isNone(token) : typeof url === 'string' && typeof token === 'string') || !(isNone(client) || typeof client === 'string')) throw damaged()
  return { totalBytes: totalBytes ?? undefined, tokenDigest, expiresAt, from: typeof url === 'string' && typeof token === 'string' ? { url, token } : undefined, client: client ?? undefined }
}

/** As it is once the data are here, or awaited no more; the same one where nothing goes. */
export const withoutSource = (record: TransferRecord): TransferRecord =>
  record.from === undefined && record.client === undefined ? record : { ...record, from: undefined, client: undefined }

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const damaged = (options?: ErrorOptions): DealError => new DealError('DEAL_BAD_RECORD', 'damaged record of a deal; part=transfer', options)
