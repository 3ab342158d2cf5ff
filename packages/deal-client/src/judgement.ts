/** What an error, and what a provider says, mean for a deal. */
import type { ClientDeal, DealStatus } from '@dagstore/deal-protocol'
import { codeOf, cutMessage, retryOf } from './failure.ts'
import { ACCEPTED, type ClientDealEvent, providerHas } from './machine/index.ts'

/** Not agreed on yet: what is refused for good ends it. Later that needs a word of the provider, or the time. */
export const isFatal = ({ state }: ClientDeal, error: unknown): boolean => {
  const code = codeOf(error)
  if (retryOf(error) === 'later' || ACCEPTED.has(state)) return false
  return YOUNG.has(state) || code === 'DEAL_CLIENT_REJECTED' || code === 'DEAL_CLIENT_TERMS'
}

const YOUNG: ReadonlySet<ClientDeal['state']> = new Set(['StorageDealReserveClientFunds', 'StorageDealClientFunding', 'StorageDealFundsReserved'])

/** The provider has not got the data. */
export const waitsForBytes = (state: DealStatus['state']): boolean =>
  state === 'StorageDealWaitingForData' || state === 'StorageDealTransferring' || state === 'StorageDealProviderTransferAwaitRestart'

/** What it says of bytes is held against what was agreed on. */
export const toldOf = ({ payloadBytes = 0, transferType }: ClientDeal, status: DealStatus): ClientDealEvent => {
  const receivedBytes = transferType === 'manual' ? 0 : providerHas(status.state) ? payloadBytes : Math.min(payloadBytes, status.receivedBytes ?? 0)
  return { type: 'told', status: { ...status, receivedBytes, message: cutMessage(status.message) } }
}
