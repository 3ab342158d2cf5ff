/** Who has a DAG: offers of many, and whether a plain trustless gateway has a block, in the words of an offer. */
import type { RetrievalOffer } from '@dagstore/deal-protocol'
import { type CallOptions, type Clock, createFairSlots, createLane } from '@dagstore/io'
import { gatewaySource, TransferError } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { NO_TERMS } from './provider-source.ts'
import type { FoundOffer } from './retrieval-client.ts'

const ASKED_AT_ONCE = 8

/** In the order of `providers`; one that cannot be asked is an offer of its own kind. */
export const findOffers = (providers: readonly string[], ask: (provider: string) => Promise<RetrievalOffer>, options: CallOptions): Promise<readonly FoundOffer[]> => {
  const slots = createFairSlots(ASKED_AT_ONCE)
  return Promise.all(providers.map(async (provider): Promise<FoundOffer> => {
    await slots.enter(createLane(), options)
    try {
      return { provider, offer: await ask(provider) }
    } catch (error) {
      options.signal?.throwIfAborted()
      const message = error instanceof Error ? error.message : String(error)
      return { provider, offer: { status: 'error', message, pieceFound: false, sizeBytes: 0, paymentAddress: '', terms: NO_TERMS } }
    } finally {
      slots.leave()
    }
  }))
}

/** @throws {TransferError} it cannot be asked */
export const gatewayOffer = async (url: string | URL, root: CID, { fetch: send, clock }: { readonly fetch: typeof fetch, readonly clock: Clock }, { signal }: CallOptions): Promise<RetrievalOffer> => {
  const offer = { pieceFound: false, sizeBytes: 0, paymentAddress: '', terms: NO_TERMS } as const
  try {
    await gatewaySource(url, { fetch: send, clock }).block(root, { signal })
    return { ...offer, status: 'available', message: '' }
  } catch (error) {
    if (!(error instanceof TransferError) || error.retry === 'later') throw error
    return { ...offer, status: error.code === 'TRANSFER_NOT_FOUND' ? 'unavailable' : 'error', message: error.message }
  }
}
