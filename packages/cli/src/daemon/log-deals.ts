/** What holds deals up, on either side, as messages of the log: each reason once, not each attempt. */
import type { DealFailure, StorageDealState } from '@dagstore/deal-protocol'
import type { CID } from 'multiformats/cid'
import type { Logger } from '../log/logs.ts'

export interface LoggedDeal {
  readonly proposalCid: CID
  readonly state: StorageDealState
  /** For people. */
  readonly message: string
  readonly failure: DealFailure | undefined
}

type DealNews = { readonly type: 'deal', readonly deal: LoggedDeal, readonly from?: StorageDealState | undefined } | { readonly type: 'dropped' }

/** Reasons that are remembered; those beyond are told again. */
const MAX_TOLD = 10_000

/** Until the updates end. Never rejects. */
export const logDeals = async (updates: AsyncIterable<DealNews>, log: Pick<Logger, 'warn'>): Promise<void> => {
  const told = new Map<string, string>()
  try {
    for await (const news of updates) if (news.type === 'deal') tell(news.deal, told, log)
  } catch (error) {
    log.warn('what holds deals up is not told any more', { error })
  }
}

const tell = ({ proposalCid, state, message, failure }: LoggedDeal, told: Map<string, string>, log: Pick<Logger, 'warn'>): void => {
  const deal = proposalCid.toString()
  const failed = state === 'StorageDealFailing'
  const why = failed ? `failed: ${message}` : failure === undefined ? undefined : `${failure.code}: ${failure.message}`
  if (why === undefined) return void told.delete(deal)
  if (told.get(deal) === why) return
  if (told.size >= MAX_TOLD) told.clear()
  told.set(deal, why)
  if (failed) return log.warn('a deal has failed', { deal, message })
  const again = failure?.nextRetryAt
  log.warn(again === undefined ? 'a deal waits for somebody' : 'a deal is held up, and goes on later', { deal, state, code: failure?.code, message: failure?.message, ...(again === undefined ? {} : { again: new Date(again).toISOString() }) })
}
