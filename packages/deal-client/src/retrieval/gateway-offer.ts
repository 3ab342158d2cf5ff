/** Whether a plain trustless gateway has a block, in the words of an offer. */
import type { RetrievalOffer } from '@dagstore/deal-protocol'
import type { CallOptions, Clock } from '@dagstore/io'
import { gatewaySource, TransferError } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { NO_TERMS } from './provider-source.ts'

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
