/** Why a deal that is waited for does not get on, how long that lasts, and how to go on at once. */
import type { DealInfo } from '@dagstore/lotus-api'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'

export interface DealPauses {
  /** Before the deal is known by its name, what comes is kept for later. */
  heard (deal: DealInfo): void
  /** From now on, and what was kept. @param proposal - text of the CID */
  follow (proposal: string): void
}

/** Shorter ones are over before anybody could do something. */
const SHORTEST_MS = 30_000
/** Deals that are kept; more begin at a time nowhere. */
const MAX_KEPT = 64

/**
 * A line on stderr for each reason, not for each attempt.
 *
 * @param goesOn - a daemon does what is to be done
 * @param clear - takes away what is shown of the progress
 */
export const tellPauses = (goesOn: boolean, clear: () => void, terminal: Terminal): DealPauses => {
  const kept = new Map<string, DealInfo>()
  let name: string | undefined
  let told: string | undefined
  const tell = (deal: DealInfo): void => {
    const { Message, NextRetryAt } = deal
    if (NextRetryAt === undefined || Message === told || Date.parse(NextRetryAt) < Date.now() + SHORTEST_MS) return
    told = Message
    clear()
    terminal.stderr(`${printable(`${Message}; tried again at ${showTime(NextRetryAt)}${soonerText(deal, goesOn)}`)}\n`)
  }
  return {
    heard: (deal) => {
      const of = deal.ProposalCid.toString()
      if (of === name) tell(deal)
      else if (name === undefined && kept.size < MAX_KEPT) kept.set(of, deal)
    },
    follow: (proposal) => {
      name = proposal
      const before = kept.get(proposal)
      kept.clear()
      if (before !== undefined) tell(before)
    },
  }
}

export const showTime = (text: string): string => text.slice(0, 19).replace('T', ' ')

/** How it is tried at once, where it can be. */
const soonerText = ({ ProposalCid, TransferChannelID }: DealInfo, goesOn: boolean): string => {
  if (TransferChannelID === null) return ''
  const restart = restartCommand(TransferChannelID.ID)
  return goesOn ? `, at once with ${restart}` : `, at once with Ctrl-C, ${restart} and dagstore client get-deal --wait transferred ${ProposalCid.toString()}`
}

export const restartCommand = (transferId: bigint): string => `dagstore client restart-transfer ${transferId}`
