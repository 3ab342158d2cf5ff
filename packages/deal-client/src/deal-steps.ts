/** What is done for a deal in each of its states. Everything here may be done again: the deal, its name and its token were written before the first request. */
import { type ClientDeal, type DealStatus, encodeClientProposal, FINAL_STATES, type ProposalAnswer, type ProposalMessage, type TransferTerms } from '@dagstore/deal-protocol'
import { createLane } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { DealClientError } from './errors.ts'
import { cutMessage, failureOf, messageOf, retryOf } from './failure.ts'
import { isFatal, toldOf, waitsForBytes } from './judgement.ts'
import { ACCEPTED, isLost, providerHas } from './machine/index.ts'
import type { Parts } from './parts.ts'
import { costOf } from './proposal.ts'
import { pushDeal, type Pushed } from './push-deal.ts'
import type { DealSecrets } from './record-codec.ts'
import { asked } from './requests.ts'

/** Milliseconds until there is something to do; 0: at once. `undefined`: not before somebody says so. */
export type Pause = number | undefined

/** Times in a row that a transfer may be refused, or a deal go back, before nothing comes of it. */
const MAX_REPEATS = 8
/** Between questions to the provider: a quarter of how long nothing has changed, from and to. */
const SHORTEST_POLL_MS = 500
const LONGEST_POLL_MS: Readonly<Partial<Record<ClientDeal['state'], number>>> = { StorageDealActive: 3_600_000, StorageDealSealing: 600_000, StorageDealAwaitingPreCommit: 600_000 }
const POLL_MS = 60_000

export class DealSteps {
  readonly #parts: Parts
  /** By deal: its transfer under way. */
  readonly #pushes: Map<string, AbortController> = new Map()

  constructor (parts: Parts) { this.#parts = parts }

  /** One step further; never rejects but at the client's end. */
  async advance (proposalCid: CID): Promise<Pause> {
    const { deals, clock, retry, ending } = this.#parts
    const deal = await deals.get(proposalCid)
    const due = deal?.failure?.nextRetryAt
    if (deal === undefined || this.#isAtRest(deal)) return undefined
    if (due !== undefined && due > clock.now()) return due - clock.now()
    try {
      return await this.#advance(deal)
    } catch (error) {
      ending.throwIfAborted()
      // what was refused before anything was agreed on is refused for good
      if (isFatal(deal, error)) await deals.change(proposalCid, { type: 'failed', message: messageOf(error) })
      else await deals.change(proposalCid, { type: 'postponed', failure: failureOf(error, deal.failure, clock.now(), retry, 'later') })
      return 0
    }
  }

  /** What the provider says now, applied. @param signal - aborted at the client's end too */
  async refresh (deal: ClientDeal, signal: AbortSignal): Promise<void> {
    if (deal.state === 'StorageDealReserveClientFunds' || deal.state === 'StorageDealClientFunding' || FINAL_STATES.has(deal.state)) return
    await this.#poll(deal, signal)
  }

  /** Ends a transfer under way. */
  cancel (proposalCid: CID, reason: Error): void { this.#pushes.get(proposalCid.toString())?.abort(reason) }

  /** Propose the same again: it renews what the provider keeps of the token, and asks it to go on. */
  async propose (deal: ClientDeal, ending: AbortSignal = this.#parts.ending): Promise<ProposalAnswer> {
    const { table, api, publicUrl, requests } = this.#parts
    const { proposalCid, proposal, clientSignature, root, payloadBytes, fastRetrieval, transferType, provider } = deal
    const secrets = await table.secrets(proposalCid)
    if (secrets === undefined) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', 'the deal has ended', { deal: proposalCid.toString() })
    const { token } = secrets
    const transfer = transferType === 'http-pull' ? pullTerms(proposalCid, publicUrl, secrets) : { type: transferType }
    const message: ProposalMessage = { clientProposal: encodeClientProposal(proposal, clientSignature), payloadCid: root, payloadBytes, transfer, fastRetrieval }
    const answer = await asked({ requests, ending }, (signal) => api(provider).propose(message, token, { signal }))
    if (answer.proposalCid.toString() !== proposalCid.toString()) throw new DealClientError('DEAL_CLIENT_BAD_ANSWER', 'an answer about another deal', { deal: proposalCid.toString() })
    return answer
  }

  #isAtRest ({ state, reservedFunds, failure }: ClientDeal): boolean {
    return (FINAL_STATES.has(state) && reservedFunds === 0n) || (failure !== undefined && failure.nextRetryAt === undefined)
  }

  async #advance (deal: ClientDeal): Promise<Pause> {
    const { deals, chain, ending: signal } = this.#parts
    const { proposalCid, proposal, state, transferType } = deal
    const funds = { deal: proposalCid, address: proposal.client, amount: costOf(proposal) }
    switch (state) {
      case 'StorageDealReserveClientFunds':
        await deals.change(proposalCid, funds.amount === 0n ? { type: 'funded', amount: 0n } : { type: 'fund' })
        return 0
      case 'StorageDealClientFunding':
        await chain.reserveFunds(funds, { signal })
        await deals.change(proposalCid, { type: 'funded', amount: funds.amount })
        return 0
      case 'StorageDealFundsReserved':
        this.#checkStart(deal)
        await this.#proposed(deal)
        await deals.change(proposalCid, { type: 'accepted' })
        return 0
      case 'StorageDealStartDataTransfer':
        await deals.change(proposalCid, transferType === 'manual' ? { type: 'sent', sentBytes: 0 } : { type: transferType === 'http-pull' ? 'sending' : 'queued' })
        return 0
      case 'StorageDealTransferQueued':
      case 'StorageDealClientTransferRestart':
        return transferType === 'http-push' ? this.#push(deal) : this.#sendAgain(deal)
      case 'StorageDealTransferring':
        if (transferType === 'http-pull') return this.#poll(deal)
        // nobody else is at it: whoever was is gone
        await deals.change(proposalCid, { type: 'restart' })
        return 0
      case 'StorageDealFailing':
      case 'StorageDealError':
      case 'StorageDealExpired':
      case 'StorageDealSlashed':
        await chain.releaseFunds({ ...funds, amount: deal.reservedFunds }, { signal })
        await deals.change(proposalCid, { type: 'released' })
        return undefined
      default: return this.#poll(deal)
    }
  }

  /** The provider fetches; it is told to when it has stopped. */
  async #sendAgain (deal: ClientDeal): Promise<Pause> {
    this.#checkStart(deal)
    await this.#proposed(deal)
    await this.#parts.deals.change(deal.proposalCid, { type: 'sending' })
    return 0
  }

  async #push (deal: ClientDeal): Promise<Pause> {
    const { deals, transfers, ending } = this.#parts
    const { proposalCid } = deal
    this.#checkStart(deal)
    const [name, leaving] = [proposalCid.toString(), new AbortController()]
    const signal = AbortSignal.any([leaving.signal, ending])
    this.#pushes.set(name, leaving)
    try {
      await transfers.enter(createLane(), { signal })
      try {
        const now = await deals.change(proposalCid, { type: 'sending' })
        // given up while it waited
        if (now === undefined) return 0
        const pushed = await pushDeal(this.#parts, now, signal)
        await (pushed.error === undefined ? deals.change(proposalCid, { type: 'sent', sentBytes: pushed.doneBytes }) : this.#cut(now, pushed))
      } finally {
        transfers.leave()
      }
    } catch (error) {
      // given up
      if (!leaving.signal.aborted || ending.aborted) throw error
    } finally {
      this.#pushes.delete(name)
    }
    return 0
  }

  /** A transfer that has stopped: perhaps the provider has everything, or wants nothing more. */
  async #cut (before: ClientDeal, { error, isOurs, doneBytes }: Pushed): Promise<void> {
    const { deals, clock, retry } = this.#parts
    const { proposalCid } = before
    // a byte more ends a row of failures
    const last = doneBytes > before.sentBytes ? undefined : before.failure
    const cut = { type: 'cut', sentBytes: doneBytes, failure: failureOf(error, last, clock.now(), retry, isOurs ? retryOf(error) : 'later') } as const
    if (!isOurs && retryOf(error) === 'never') {
      const status = await this.#status(before).catch((other: unknown) => {
        if (isFatal(before, other)) throw other
        return undefined
      })
      if (status !== undefined && (providerHas(status.state) || isLost(status.state))) return void await deals.change(proposalCid, toldOf(before, status))
      if (cut.failure.attempts > MAX_REPEATS) return void await deals.change(proposalCid, { type: 'failed', message: `the data could not be sent: ${messageOf(error)}` })
    }
    await deals.change(proposalCid, cut)
  }

  async #poll (deal: ClientDeal, ending: AbortSignal = this.#parts.ending): Promise<Pause> {
    const { deals, clock, chain } = this.#parts
    const { proposalCid, proposal } = deal
    if (ACCEPTED.has(deal.state) && chain.epoch() >= proposal.endEpoch) {
      await deals.change(proposalCid, { type: 'expired' })
      return 0
    }
    const status = await this.#status(deal, ending)
    const now = await deals.change(proposalCid, toldOf(deal, status)) ?? await deals.get(proposalCid)
    if (now === undefined) return undefined
    if (!ACCEPTED.has(now.state) && !providerHas(status.state)) this.#checkStart(now)
    if (now.state === 'StorageDealCheckForAcceptance' && now.transferType === 'http-push' && waitsForBytes(status.state)) await this.#tellAgain(now, status)
    if (now.state !== deal.state) return 0
    return Math.min(LONGEST_POLL_MS[now.state] ?? POLL_MS, Math.max(SHORTEST_POLL_MS, (clock.now() - now.updatedAt) / 4))
  }

  /** It has lost what we have sent. */
  async #tellAgain (deal: ClientDeal, status: DealStatus): Promise<void> {
    const { deals, clock, retry } = this.#parts
    const error = new DealClientError('DEAL_CLIENT_REFUSED', `the provider waits for the data again; message=${cutMessage(status.message)}`)
    if (deal.repeats >= MAX_REPEATS) return void await deals.change(deal.proposalCid, { type: 'failed', message: error.message })
    const failure = failureOf(error, deal.repeats === 0 ? undefined : { attempts: deal.repeats }, clock.now(), retry, 'later')
    await deals.change(deal.proposalCid, { type: 'send-again', failure })
  }

  /** Proposes again where the provider does not take the token any more, or has forgotten the deal. */
  async #status (deal: ClientDeal, ending: AbortSignal = this.#parts.ending): Promise<DealStatus> {
    const { table, api, requests } = this.#parts
    const name = deal.proposalCid.toString()
    const { token } = await table.secrets(deal.proposalCid) ?? {}
    if (token === undefined) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', 'the deal has ended', { deal: name })
    const ask = (): Promise<DealStatus | undefined> => asked({ requests, ending }, (signal) => api(deal.provider).status(deal.proposalCid, token, { signal }))
    const first = await ask().catch((error: unknown) => {
      if (error instanceof DealClientError && error.code === 'DEAL_CLIENT_UNAUTHORIZED') return undefined
      throw error
    })
    const status = first ?? await this.#renewed(deal, ask, ending)
    if (status === undefined) throw new DealClientError('DEAL_CLIENT_BAD_ANSWER', 'the provider knows nothing of the deal that it has taken', { deal: name })
    if (!status.pieceCid.equals(deal.proposal.pieceCid)) throw new DealClientError('DEAL_CLIENT_BAD_ANSWER', 'an answer about another piece', { deal: name })
    return status
  }

  async #renewed (deal: ClientDeal, ask: () => Promise<DealStatus | undefined>, ending: AbortSignal): Promise<DealStatus | undefined> {
    const { accepted, state, message } = await this.propose(deal, ending)
    // of a deal that has ended it says so at once
    return accepted ? ask() : { proposalCid: deal.proposalCid, pieceCid: deal.proposal.pieceCid, fastRetrieval: deal.fastRetrieval, state, message }
  }

  /** @throws {DealClientError} `DEAL_CLIENT_REJECTED` */
  async #proposed (deal: ClientDeal): Promise<void> {
    const { accepted, message } = await this.propose(deal)
    if (!accepted) throw new DealClientError('DEAL_CLIENT_REJECTED', `the provider has rejected the proposal: ${cutMessage(message)}`)
  }

  #checkStart ({ proposal, proposalCid }: ClientDeal): void {
    if (this.#parts.chain.epoch() < proposal.startEpoch) return
    throw new DealClientError('DEAL_CLIENT_TERMS', `the deal was to start before its data were there; epoch=${proposal.startEpoch}`, { deal: proposalCid.toString() })
  }
}

const pullTerms = (proposalCid: CID, publicUrl: URL | undefined, { pullToken }: DealSecrets): TransferTerms => {
  if (publicUrl === undefined || pullToken === undefined) throw new DealClientError('DEAL_CLIENT_NO_URL', 'no URL is known at which the provider can fetch')
  return { type: 'http-pull', url: new URL(`deals/v1/payloads/${proposalCid.toString()}`, publicUrl).href, token: pullToken }
}
