/** How far a deal is that is waited for: its state, and what was sent. */
import type { CID } from 'multiformats/cid'
import { type ProgressLine, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { dealState } from './deal-states.ts'
import type { AskedClient } from './with-client.ts'

export interface DealProgress {
  /** Takes the line away until the next change: something else is about to be printed. */
  clear (): void
  end (): void
}

/** Nothing depends on it: progress is shown, or is not. @param root - of the data of the deal */
export const watchDeal = ({ calls }: AskedClient, root: CID | null, terminal: Terminal): DealProgress => {
  if (!terminal.interactive) return { clear: () => {}, end: () => {} }
  const stop = new AbortController()
  const signal = AbortSignal.any([terminal.signal, stop.signal])
  let line: ProgressLine | undefined
  let state = 'deal'
  let sent = 0
  let total: number | undefined
  const draw = (): void => {
    if (!stop.signal.aborted) (line ??= startProgress(terminal, 'deal')).update(sent, total, state)
  }
  const isOurs = (of: CID | null | undefined): boolean => root !== null && of?.toString() === root.toString()
  const deals = async (): Promise<void> => {
    for await (const { DataRef, State, SentBytes = 0, PayloadBytes } of calls.ClientGetDealUpdates({ signal })) {
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
  for (const watch of [deals, transfers]) watch().catch(() => {})
  const clear = (): void => {
    line?.end()
    line = undefined
  }
  return {
    clear,
    end: () => {
      stop.abort()
      clear()
    },
  }
}
