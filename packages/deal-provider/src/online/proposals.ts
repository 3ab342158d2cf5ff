/** Proposals as they come over the network: read, judged, and taken. */
import { decodeClientProposal, decodeProposalMessage, encodeProposalAnswer, FINAL_STATES, type ProposalAnswer, proposalCidOf, type ProviderAsk, type ProviderDeal } from '@dagstore/deal-protocol'
import { type Hashes, SHA2_256 } from '@dagstore/hashes'
import type { CallOptions, Clock, KeyLock } from '@dagstore/io'
import type { DealProvider } from '../deal-provider.ts'
import { answerError, answerJson } from '../http/answers.ts'
import { isTaken, whyRefused } from './asked-terms.ts'

/** Data that were told to come later. */
export interface NoRoom {
  readonly neededBytes: number
  /** Without what other deals that wait will take. */
  readonly freeBytes: number
}

export interface ProposalParts {
  readonly deals: Pick<DealProvider, 'accept' | 'deal' | 'online'>
  readonly ask: () => ProviderAsk
  readonly epoch: () => bigint
  readonly hashes: Hashes
  readonly clock: Clock
  readonly checkUrl: ((url: string) => void) | undefined
  readonly freeBytes: (() => Promise<number | undefined>) | undefined
  readonly onNoRoom: (room: NoRoom) => void
  readonly turn: KeyLock
  readonly limits: { readonly maxWaiting: number, readonly tokenMs: number }
}

export interface ProposalOptions extends CallOptions {
  /** Of the form that tokens have. */
  readonly token: string
  /** Who asks, as far as limits go. */
  readonly client: string
}

/** @throws {DealError}, {DealProviderError} */
export const answerProposal = async (parts: ProposalParts, text: string, { token, client, ...options }: ProposalOptions): Promise<Response> => {
  const { deals, hashes, clock, limits } = parts
  const message = decodeProposalMessage(text)
  const { proposal, signature } = decodeClientProposal(message.clientProposal)
  const proposalCid = proposalCidOf(message.clientProposal)
  const { transfer, payloadBytes, payloadCid, fastRetrieval, clientPeer } = message
  // places are counted and taken by one at a time
  return parts.turn('', async () => {
    const known = await deals.deal(proposalCid, options)
    if (known === undefined) {
      const why = whyRefused(message, proposal, { ask: parts.ask(), epoch: parts.epoch(), hashes, checkUrl: parts.checkUrl })
      if (why !== undefined) return answer({ proposalCid, accepted: false, state: 'StorageDealProposalRejected', message: why })
      const lack = transfer.type === 'manual' ? await deals.online.hasRoomOffline(limits.maxWaiting, options) ? undefined : 'place' : await lackOf(parts, client, payloadBytes ?? 0, options)
      if (lack === 'place') return answerError(503, 'DEAL_BUSY', 'too many deals wait for their data', { 'retry-after': '60' })
      if (lack === 'space') return answerError(503, 'DEAL_BUSY', 'there is no room for the data now', { 'retry-after': '60' })
    } else if (transfer.type === 'http-pull' && !isTaken(transfer.url, parts.checkUrl)) return answerError(400, 'DEAL_BAD_PROPOSAL', 'nothing is fetched from that URL')
    const deal = await deals.accept(
      { proposalCid, proposal, clientSignature: signature, payloadCid, transferType: transfer.type, fastRetrieval, clientPeer },
      {
        ...options,
        transfer: {
          totalBytes: transfer.type === 'manual' ? undefined : payloadBytes,
          tokenDigest: hashes.digest(SHA2_256, new TextEncoder().encode(token)),
          expiresAt: clock.now() + limits.tokenMs,
          from: transfer.type === 'http-pull' ? { url: transfer.url, token: transfer.token } : undefined,
          client,
        },
      })
    return answer({ proposalCid, accepted: !hasFailed(deal), state: deal.state, message: deal.message })
  }, options.signal)
}

/**
 * What one more deal with data from the network would lack. A client has half of the places at the most, and what others have only announced takes
 * half of the free space at the most for each of them: nobody keeps all others out.
 */
const lackOf = async ({ deals, freeBytes, onNoRoom, limits: { maxWaiting } }: ProposalParts, client: string, payloadBytes: number, options: CallOptions): Promise<'place' | 'space' | undefined> => {
  const awaited = await deals.online.awaited(options)
  const count = [...awaited.values()].reduce((sum, one) => sum + one.deals, 0)
  if (count >= maxWaiting || (awaited.get(client)?.deals ?? 0) >= Math.ceil(maxWaiting / 2)) return 'place'
  const free = await freeBytes?.()
  if (free === undefined) return undefined
  const announced = [...awaited].reduce((sum, [who, { bytes }]) => sum + (who === client ? bytes : Math.min(bytes, free / 2)), 0)
  if (announced + payloadBytes <= free) return undefined
  onNoRoom({ neededBytes: payloadBytes, freeBytes: Math.max(0, free - announced) })
  return 'space'
}

const hasFailed = ({ state }: ProviderDeal): boolean => FINAL_STATES.has(state) || state === 'StorageDealFailing'

const answer = (one: ProposalAnswer): Response => answerJson(encodeProposalAnswer(one))
