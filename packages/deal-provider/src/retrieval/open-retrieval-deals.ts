/** Giving back what is stored: sessions of clients, each on the shard that has what it wants. */
import { SHA2_256 } from '@dagstore/hashes'
import { createEventHub, systemClock } from '@dagstore/io'
import { toPieceCidV1 } from '@dagstore/piece'
import { createGateway } from '@dagstore/trustless-gateway'
import type { CID } from 'multiformats/cid'
import { DealProviderError } from '../errors.ts'
import { createOffers } from './offers.ts'
import { HeldShards } from './held-shards.ts'
import type { RetrievalDeal } from './retrieval-deal.ts'
import type { RetrievalDeals, RetrievalDealsOptions, RetrievalUpdate } from './retrieval-provider.ts'
import { isFinal, openRetrievalTable } from './retrieval-table.ts'
import { RetrievalSessions } from './retrieval-sessions.ts'

export const RETRIEVAL_LIMITS: { readonly maxShards: number, readonly maxActive: number, readonly maxActivePerClient: number, readonly maxKept: number, readonly idleMs: number, readonly waitMs: number, readonly minBytesPerSecond: number, readonly keepMs: number } =
  Object.freeze({ maxShards: 64, maxActive: 128, maxActivePerClient: 32, maxKept: 1000, idleMs: 300_000, waitMs: 20_000, minBytesPerSecond: 1024, keepMs: 86_400_000 })

/**
 * The caller closes it before the DAG store.
 *
 * @throws {DealProviderError} `DEAL_STORAGE_FAILED`
 * @throws {RangeError} a limit that is no whole number from 1
 */
export const openRetrievalDeals = async (options: RetrievalDealsOptions): Promise<RetrievalDeals> => {
  const { db, dagstore, pieces, hashes, clock = systemClock, onProblem = () => {} } = options
  const limits = { ...RETRIEVAL_LIMITS, ...Object.fromEntries(Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined)) }
  for (const [name, value] of Object.entries(limits)) if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}; want=a whole number from 1 got=${value}`)
  const gatewayOf = options.gatewayOf ?? ((blockstore) => createGateway({ blockstore, hashes, verify: 'never', clock }))
  const table = await openRetrievalTable(db, limits.maxKept, onProblem)
  const hub = createEventHub<RetrievalUpdate>(() => {}, () => {})
  const sessions = new RetrievalSessions({ table, shards: new HeldShards(dagstore, async (piece) => (await pieces.get(piece)).length > 0, gatewayOf), hub, limits, clock, flow: options.flow, onProblem })
  const { query, find } = createOffers({ ...options, clock, onProblem })
  const digestOf = (token: string): Uint8Array => hashes.digest(SHA2_256, new TextEncoder().encode(token))
  const close = (): Promise<void> => sessions.close().finally(() => { hub.close() })
  return {
    query,
    propose: async (proposal, token, { signal, client = '' } = {}) => {
      const tokenDigest = digestOf(token)
      const dealId = dealIdOf(hashes.digest(SHA2_256, Uint8Array.of(...tokenDigest, ...new TextEncoder().encode(String(proposal.id)))))
      const known = sessions.known(dealId, tokenDigest)
      if (known === 'other') return { accepted: false, dealId, message: 'another id, please' }
      if (known !== undefined && !known.payloadCid.equals(proposal.payloadCid)) throw new DealProviderError('DEAL_EXISTS', `a retrieval of this name is of another payload; deal=${dealId}`)
      if (known !== undefined && !isFinal(known.state) && isOf(known, proposal.pieceCid)) return { accepted: true, dealId, message: '' }
      // what has ended may have lost its shard
      const found = await find(proposal, signal)
      if ('why' in found) return { accepted: false, dealId, message: found.why }
      const { id, payloadCid, selector, clientPeer } = proposal
      await sessions.again({
        dealId, id, tokenDigest, payloadCid, shard: found.key, pieceCid: found.pieceCid, selector, clientPeer, client, state: 'DealStatusAccepted', sentBytes: 0, message: '', createdAt: clock.now(), updatedAt: clock.now(),
      })
      return { accepted: true, dealId, message: '' }
    },
    authorized: (dealId, token) => sessions.authorized(dealId, token === undefined ? undefined : digestOf(token)),
    serve: (dealId, token, request, context) => sessions.serve(dealId, token === undefined ? undefined : digestOf(token), request, context),
    end: async (dealId, token) => {
      const deal = sessions.authorized(dealId, token === undefined ? undefined : digestOf(token))
      return typeof deal === 'object' ? sessions.end(deal) : deal
    },
    cancel: async (dealId) => {
      const deal = table.get(dealId)
      if (deal === undefined) throw new DealProviderError('DEAL_UNKNOWN', `no such retrieval; deal=${dealId}`)
      await sessions.cancel(deal)
    },
    retrievals: () => table.all(),
    updates: (events) => hub.subscribe(events),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Where no piece is asked for, any will do. */
const isOf = ({ pieceCid }: RetrievalDeal, wanted: CID | undefined): boolean => wanted === undefined || pieceCid?.equals(toPieceCidV1(wanted)) === true

/** A number that says who it is for: it comes out the same in every process, and nobody else has the token for it. */
const dealIdOf = (digest: Uint8Array): bigint => new DataView(digest.buffer, digest.byteOffset).getBigUint64(0) >> 1n
