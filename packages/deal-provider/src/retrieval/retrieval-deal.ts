/**
 * What a provider keeps of a retrieval, as a DAG-CBOR list; described in docs/formats/deals.md.
 *
 *     [1, id, tokenDigest, payloadCid, shard | null, pieceCid | null, path | null, scope | null, from | null, to | null, clientPeer | null,
 *      state, sentBytes, message, createdAt, updatedAt, client]
 *
 * Its key is the number that the provider gives it, a u64.
 */
import * as cbor from '@ipld/dag-cbor'
import { DealError, RETRIEVAL_DEAL_STATES, type RetrievalDealState, retrievalDealState, type SelectorMessage } from '@dagstore/deal-protocol'
import { CID } from 'multiformats/cid'

export interface RetrievalDeal {
  /** The provider's name for it; a u64. */
  readonly dealId: bigint
  /** The client's; a u64 that other clients may have too. */
  readonly id: bigint
  /** Of the token that the client has made: with `id` it says who it is. */
  readonly tokenDigest: Uint8Array
  readonly payloadCid: CID
  /** Key of the shard that answers; `undefined`: the payload CID holds its block itself. */
  readonly shard: string | undefined
  /** v1; `undefined`: the shard is no piece. */
  readonly pieceCid: CID | undefined
  /** What the client wants of it, as it says. */
  readonly selector: SelectorMessage | undefined
  readonly clientPeer: string | undefined
  /** Who has proposed it, as far as limits go: an address, say. */
  readonly client: string
  readonly state: RetrievalDealState
  /** Of bodies, as far as they were taken. */
  readonly sentBytes: number
  /** For people. */
  readonly message: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

const VERSION = 1
const SCOPES: readonly unknown[] = ['all', 'entity', 'block']

export const encodeRetrieval = ({ id, tokenDigest, payloadCid, shard, pieceCid, selector, clientPeer, state, sentBytes, message, createdAt, updatedAt, client }: RetrievalDeal): Uint8Array => cbor.encode([
  VERSION, id, tokenDigest, payloadCid, shard ?? null, pieceCid ?? null, selector?.path ?? null, selector?.scope ?? null, selector?.entityBytes?.from ?? null, selector?.entityBytes?.to ?? null,
  clientPeer ?? null, RETRIEVAL_DEAL_STATES[state], sentBytes, message, createdAt, updatedAt, client,
])

/** @throws {DealError} `DEAL_BAD_RECORD` */
export const decodeRetrieval = (dealId: bigint, bytes: Uint8Array): RetrievalDeal => {
  try {
    const fields = cbor.decode<unknown[]>(bytes)
    // records that were written first have no client
    if (!Array.isArray(fields) || (fields.length !== 17 && fields.length !== 16) || fields[0] !== VERSION) throw new TypeError('list')
    const [, id, tokenDigest, payload, shard, piece, path, scope, from, to, clientPeer, number, sentBytes, message, createdAt, updatedAt, client = ''] = fields
    const state = retrievalDealState(count(number))
    if (state === undefined || !(tokenDigest instanceof Uint8Array) || typeof message !== 'string' || typeof client !== 'string') throw new TypeError('member')
    if (scope !== null && !SCOPES.includes(scope)) throw new TypeError('scope')
    const entityBytes = from === null ? undefined : { from: whole(from), ...to === null ? {} : { to: whole(to) } }
    const selector = path === null && scope === null && entityBytes === undefined ? undefined : { path: text(path), scope: (scope ?? undefined) as SelectorMessage['scope'], entityBytes }
    return {
      dealId, id: BigInt(typeof id === 'bigint' ? id : count(id)), tokenDigest, payloadCid: cid(payload), shard: text(shard), pieceCid: piece === null ? undefined : cid(piece), selector,
      clientPeer: text(clientPeer), state, sentBytes: count(sentBytes), message, createdAt: count(createdAt), updatedAt: count(updatedAt), client,
    }
  } catch (cause) {
    throw new DealError('DEAL_BAD_RECORD', `damaged record of a retrieval; deal=${dealId}`, { cause })
  }
}

const whole = (value: unknown): number => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new TypeError('whole number')
}

const count = (value: unknown): number => {
  if (whole(value) >= 0) return value as number
  throw new TypeError('number from 0')
}

const text = (value: unknown): string | undefined => {
  if (value === null) return undefined
  if (typeof value === 'string') return value
  throw new TypeError('text')
}

const cid = (value: unknown): CID => {
  const found = CID.asCID(value)
  if (found !== null) return found
  throw new TypeError('CID')
}
