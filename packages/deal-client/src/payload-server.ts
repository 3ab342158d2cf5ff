/** Payloads for providers that fetch them: a deal's own, for the token that stands in its proposal, until its data have come or its time has. */
import type { ClientDeal } from '@dagstore/deal-protocol'
import { type Hashes, SHA2_256 } from '@dagstore/hashes'
import type { Clock } from '@dagstore/io'
import { matchesToken, type PayloadHandler, payloadSource, servePayloads, type ServePayloadsOptions } from '@dagstore/transfer'
import { CID } from 'multiformats/cid'
import { openSource } from './comm-p.ts'
import type { Parts } from './parts.ts'

export type PayloadServerOptions = Pick<ServePayloadsOptions, 'limits'> & { readonly clock: Clock }

const SENDING: ReadonlySet<ClientDeal['state']> = new Set([
  // the provider may begin before its answer is here
  'StorageDealFundsReserved', 'StorageDealStartDataTransfer', 'StorageDealTransferring', 'StorageDealCheckForAcceptance',
])

type Found = Awaited<ReturnType<ServePayloadsOptions['find']>>

export const servePayloadsOf = ({ table, sources, chain, hashes, told, ending }: Parts, options: PayloadServerOptions): PayloadHandler => {
  /** By id: fetched at the moment. */
  const under = new Map<string, ClientDeal>()
  const find = async (id: string, token: string | undefined): Promise<Found> => {
    const proposalCid = cidOf(id)
    const deal = proposalCid === undefined || ending.aborted ? undefined : await table.get(proposalCid)
    if (proposalCid === undefined || deal?.transferType !== 'http-pull' || deal.root === undefined) return undefined
    const { pullToken } = await table.secrets(proposalCid) ?? {}
    if (pullToken === undefined || !matchesToken(token, digestOf(pullToken, hashes), hashes)) return 'unauthorized'
    if (!SENDING.has(deal.state) || chain.epoch() >= deal.proposal.startEpoch) return 'expired'
    const source = await openSource(sources, deal.root, { signal: ending })
    try {
      const verify = source.verified === true ? 'never' : 'always'
      const payload = await payloadSource(source.store, deal.root, { sizeBytes: deal.payloadBytes, tag: deal.proposal.pieceCid.toString(), hashes, verify, signal: ending })
      under.set(id, deal)
      return { payload, close: () => source.close() }
    } catch (error) {
      await source.close()
      throw error
    }
  }
  return servePayloads({
    ...options,
    prefix: '/deals/v1/payloads/',
    find,
    onEvent: ({ type, id, bytes }) => {
      const deal = under.get(id)
      if (deal !== undefined) told(deal, bytes)
      if (type === 'completed' || type === 'cut') under.delete(id)
    },
  })
}

const digestOf = (token: string, hashes: Hashes): Uint8Array => hashes.digest(SHA2_256, new TextEncoder().encode(token))

const cidOf = (id: string): CID | undefined => {
  try {
    return CID.parse(id)
  } catch {
    return undefined
  }
}
