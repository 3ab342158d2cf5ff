/** What a provider can give back, and on which terms. */
import type { RetrievalOffer, RetrievalProposal, RetrievalTerms } from '@dagstore/deal-protocol'
import { type Clock, withdrawable } from '@dagstore/io'
import { DealProviderError } from '../errors.ts'
import { findShard, type FoundShard } from './find-shard.ts'
import type { RetrievalDealsOptions, RetrievalQuery } from './retrieval-provider.ts'

/** Source: go-fil-markets retrievalmarket/impl/provider.go `queryTimeout`. */
const QUERY_MS = 5000

type OfferParts = Pick<RetrievalDealsOptions, 'dagstore' | 'pieces' | 'isUnsealed' | 'terms' | 'paymentAddress'> & { readonly clock: Clock, readonly onProblem: (error: unknown) => void }

export interface Offers {
  query(query: RetrievalQuery): Promise<RetrievalOffer>
  /** What a proposal is about, or why it is not accepted; for people. @throws {DealProviderError} `DEAL_BUSY`: nobody could say in time */
  find(proposal: RetrievalProposal, signal: AbortSignal | undefined): Promise<FoundShard | { readonly why: string }>
}

export const createOffers = (parts: OfferParts): Offers => {
  const { terms, paymentAddress, onProblem } = parts
  return {
    query: async ({ payloadCid, pieceCid, signal }) => {
      const nothing = (status: 'unavailable' | 'error', message: string): RetrievalOffer => ({ status, message, pieceFound: false, sizeBytes: 0, paymentAddress, terms })
      try {
        const found = await inTime(parts.clock, signal, (own) => findShard(parts, payloadCid, pieceCid, { signal: own }))
        if (found === undefined) return nothing('unavailable', 'nothing here has it')
        const { pieceCid: piece, isWanted, sizeBytes } = found
        return { status: 'available', message: '', pieceCid: piece, pieceFound: isWanted, sizeBytes, paymentAddress, terms: termsOf(terms, found) }
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof DealProviderError && error.code === 'DEAL_BUSY') return nothing('error', error.message)
        onProblem(error)
        return nothing('error', 'the provider has failed')
      }
    },
    find: async (proposal, signal) => {
      const found = await inTime(parts.clock, signal, (own) => findShard(parts, proposal.payloadCid, proposal.pieceCid, { signal: own }))
      if (found === undefined) return { why: 'nothing here has it' }
      if (proposal.pieceCid !== undefined && !found.isWanted) return { why: 'the piece does not have it' }
      const want = termsOf(terms, found)
      const [offered, asked] = [proposal.terms, want]
      if (offered.pricePerByte < asked.pricePerByte || offered.unsealPrice < asked.unsealPrice) return { why: `price; want=${asked.pricePerByte} per byte and ${asked.unsealPrice} got=${offered.pricePerByte} and ${offered.unsealPrice}` }
      return found
    },
  }
}

/** What need not be unsealed costs nothing to unseal. */
const termsOf = (terms: RetrievalTerms, { unsealed }: FoundShard): RetrievalTerms => unsealed ? { ...terms, unsealPrice: 0n } : terms

const inTime = async <T>(clock: Clock, signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const [late, done] = [new AbortController(), new AbortController()]
  clock.sleep(QUERY_MS, { signal: done.signal }).then(() => { late.abort(new DealProviderError('DEAL_BUSY', 'nobody could say in time', { retry: 'later' })) }, () => {}) // it was in time
  const either = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal])
  try {
    return await withdrawable(run(either), either)
  } catch (error) {
    signal?.throwIfAborted()
    late.signal.throwIfAborted()
    throw error
  } finally {
    done.abort()
  }
}
