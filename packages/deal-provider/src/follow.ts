/**
 * What sealing says about a deal that was handed off, and what follows: staged data go when the deal is active and nothing reads them for its
 * shard any more.
 *
 * Source: go-fil-markets provider_states.go `VerifyDealPreCommitted`, `VerifyDealActivated`, `CleanupDeal`, `WaitForDealCompletion`.
 */
import type { ProviderDeal, SealingReport } from '@dagstore/deal-protocol'
import { withdrawable } from '@dagstore/io'
import { cutMessage, failureOf } from './failure.ts'
import type { Parts } from './parts.ts'
import { unstage } from './staging.ts'
import { isAtRest, isDecided } from './wants.ts'

/** @throws the reason of the provider's end */
export const follow = async (parts: Parts, deal: ProviderDeal): Promise<void> => {
  const { sealing, deals, clock, retry, ending: signal } = parts
  const { proposalCid, place } = deal
  if (place === undefined) return
  try {
    // whoever answers is not ours, and may not listen to the signal
    const report = await withdrawable(sealing.status({ ...deal, place }, { signal }), signal)
    if (report !== undefined) await followReport(parts, deal, report)
  } catch (error) {
    signal.throwIfAborted()
    await deals.change(proposalCid, { type: 'postponed', failure: failureOf(error, deal.failure, clock.now(), retry, { retry: 'later' }) })
  }
}

const followReport = async (parts: Parts, before: ProviderDeal, said: SealingReport): Promise<void> => {
  const { deals } = parts
  const report: SealingReport = { ...said, message: said.message === undefined ? undefined : cutMessage(said.message) }
  const { proposalCid } = before
  // the usual answer, of which there are as many as active deals
  if (report.status === 'active' && isAtRest(before)) return
  const deal = await deals.change(proposalCid, { type: 'sealing', report }) ?? await deals.get(proposalCid)
  if (deal === undefined) return
  if (deal.state === 'StorageDealFinalizing' && report.status === 'active') {
    const staged = isDecided(deal) ? await unstage(parts, deal, true) : deal.staged
    await deals.change(proposalCid, { type: 'activated', staged })
  } else if (deal.state === 'StorageDealActive' && deal.staged !== undefined && isDecided(deal)) {
    await unstage(parts, deal, true)
    await deals.change(proposalCid, { type: 'cleaned' })
  }
}
