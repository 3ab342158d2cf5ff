/** How far a deal is that is waited for: its state, what was sent, and why it does not get on. */
import type { DealInfo } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { type ProgressLine, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { tellPauses } from './deal-pauses.ts'
import { dealState } from './deal-states.ts'
import type { AskedClient } from './with-client.ts'

export interface DealProgress {
  /** Takes the line away until the next change: something else is about to be printed. */
  clear (): void
  /** What holds this deal up is told. @param now - as it stands, where that is known */
  follow (proposalCid: CID, now?: DealInfo): void
  end (): void
}

/** Nothing depends on it: progress is shown, or is not. @param root - of the data of the deal */
export const watchDeal = ({ calls, goesOn }: AskedClient, root: CID | null, terminal: Terminal): DealProgress => {
  const stop = new AbortController()
  const signal = AbortSignal.any([terminal.signal, stop.signal])
  let line: ProgressLine | undefined
  let state = 'deal'
  let sent = 0
  let total: number | undefined
  const draw = (): void => {
    if (terminal.interactive && !stop.signal.aborted) (line ??= startProgress(terminal, 'deal')).update(sent, total, state)
  }
  const isOurs = (of: CID | null | undefined): boolean => root !== null && of?.toString() === root.toString()
  const deals = async (): Promise<void> => {
    for await (const deal of calls.ClientGetDealUpdates({ signal })) {
      pauses.heard(deal)
      const { DataRef, State, SentBytes = 0, PayloadBytes } = deal
      if (!isOurs(DataRef?.Root)) continue
      ;[state, sent, total] = [dealState(State).replace(/^StorageDeal/, ''), SentBytes, PayloadBytes ?? total]
      draw()
    }
  }
  const transfers = async (): Promise<void> => {
    for await (const { BaseCID, Transferred, IsSender } of calls.ClientDataTransferUpdates({ signal })) {
      if (!isOurs(BaseCID) || !IsSender) continue
      sent = Transferred
      draw()
    }
  }
  const clear = (): void => {
    line?.end()
    line = undefined
  }
  const pauses = tellPauses(goesOn, clear, terminal)
  for (const watch of terminal.interactive ? [deals, transfers] : [deals]) watch().catch(() => {})
  return {
    clear,
    follow: (proposalCid, now) => {
      pauses.follow(proposalCid.toString())
      if (now !== undefined) pauses.heard(now)
    },
    end: () => {
      stop.abort()
      clear()
    },
  }
}
