/** One go at sending the bytes of a deal. */
import type { ClientDeal } from '@dagstore/deal-protocol'
import { payloadSource, pushPayload, TransferError } from '@dagstore/transfer'
import { openSource } from './comm-p.ts'
import { DealClientError } from './errors.ts'
import type { Parts } from './parts.ts'

export interface Pushed {
  /** At the provider, as far as is known. */
  readonly doneBytes: number
  /** Why they are not all there; `undefined`: they are. */
  readonly error: unknown
  /** The data cannot be had here. */
  readonly isOurs: boolean
}

/** @throws the signal's reason */
export const pushDeal = async ({ sources, table, api, fetch, clock, flow, hashes, told }: Parts, deal: ClientDeal, signal: AbortSignal): Promise<Pushed> => {
  const { proposalCid, root, payloadBytes, proposal, provider } = deal
  const name = proposalCid.toString()
  let doneBytes = deal.sentBytes
  try {
    if (root === undefined) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', 'nothing is sent without a root', { deal: name })
    const { token } = await table.secrets(proposalCid) ?? {}
    const source = await openSource(sources, root, { signal })
    try {
      const verify = source.verified === true ? 'never' : 'always'
      const payload = await payloadSource(source.store, root, { sizeBytes: payloadBytes, tag: proposal.pieceCid.toString(), hashes, verify, signal })
      await pushPayload(api(provider).urlOf(`transfers/${name}`), payload, {
        token, fetch, clock, flow, signal,
        onProgress: (progress) => {
          doneBytes = progress.doneBytes
          told(deal, doneBytes)
        },
      })
      return { doneBytes: payload.sizeBytes, error: undefined, isOurs: false }
    } finally {
      await source.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    const isOurs = error instanceof TransferError ? error.code === 'TRANSFER_SOURCE_FAILED' : !(error instanceof DealClientError && error.source !== undefined)
    return { doneBytes, error, isOurs }
  }
}
