/** A deal seen as a transfer. */
import type { ClientDeal, TransferFacts } from './client-deal.ts'

/** What stands in the message of a deal whose transfer was given up. */
export const TRANSFER_CANCELLED = 'the transfer was cancelled'

const STATUS: Readonly<Partial<Record<ClientDeal['state'], TransferFacts['status']>>> = {
  StorageDealReserveClientFunds: 'requested',
  StorageDealClientFunding: 'requested',
  StorageDealFundsReserved: 'requested',
  StorageDealStartDataTransfer: 'requested',
  StorageDealTransferQueued: 'queued',
  StorageDealTransferring: 'ongoing',
  StorageDealClientTransferRestart: 'cut',
}

/** `undefined`: its bytes go as a file. */
export const transferOfDeal = (deal: Omit<ClientDeal, 'clientSignature' | 'reservedFunds' | 'repeats'>): TransferFacts | undefined => {
  const { transferId, proposalCid, root, provider, transferType, sentBytes, payloadBytes, updatedAt, message, state } = deal
  if (transferType === 'manual' || payloadBytes === undefined || root === undefined) return undefined
  const status = STATUS[state] ?? (sentBytes >= payloadBytes ? 'completed' : message.startsWith(TRANSFER_CANCELLED) ? 'cancelled' : 'failed')
  return { transferId, proposalCid, root, provider, transferType, status, message, sentBytes, totalBytes: payloadBytes, updatedAt }
}
