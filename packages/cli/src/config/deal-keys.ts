/** Keys of `[Deals]`. */
import { isPieceSize } from '@dagstore/piece'
import type { Config } from './config.ts'
import type { ConfigKey } from './config-key.ts'
import { actorKind, amountKind, bytesFrom, choice, durationKind, sizeOf, wholeNumber } from './values.ts'

type DealField =
  | 'miner' | 'acceptDeals' | 'dealPrice' | 'verifiedDealPrice' | 'minPieceBytes' | 'maxPieceBytes' | 'maxTransfers' | 'transferBytesPerSecond' | 'transferExpiryMs' | 'maxWaitingDeals'
  | 'retrievalPrice' | 'unsealPrice'

const pieceSize = sizeOf('a size of a piece such as "32GiB": a power of two from 128 bytes', isPieceSize)

export const DEAL_KEYS: { readonly [field in DealField]: ConfigKey<Config[field]> } = {
  miner: {
    section: 'Deals', name: 'Miner', kind: actorKind, default: 1000n,
    help: 'Actor whose sectors hold the pieces of deals: the provider, to clients.',
  },
  acceptDeals: {
    section: 'Deals', name: 'AcceptDeals', kind: choice('loopback', 'always', 'never'), default: 'loopback',
    help: 'From whom deals are taken, and to whom their data are given back, at `/deals/v1` of the daemon\'s port: programs on this machine, anybody, or nobody. Signatures and funds are not looked at, so with `always` there had better be something in front that does. Deals that the operator takes on himself are none of these.',
  },
  dealPrice: {
    section: 'Deals', name: 'PricePerEpochPerGiB', kind: amountKind, default: 0n,
    help: 'What is asked for storing, in attoFIL. Deals that offer less are refused; nobody looks whether it is paid.',
  },
  verifiedDealPrice: {
    section: 'Deals', name: 'VerifiedPricePerEpochPerGiB', kind: amountKind, default: 0n,
    help: 'The same of verified deals.',
  },
  minPieceBytes: {
    section: 'Deals', name: 'MinPieceSize', kind: pieceSize, default: 256,
    help: 'Smallest piece that is taken, padded.',
  },
  maxPieceBytes: {
    section: 'Deals', name: 'MaxPieceSize', kind: pieceSize, default: 32 * 2 ** 30,
    help: 'Largest piece that is taken, padded.',
  },
  maxTransfers: {
    section: 'Deals', name: 'MaxTransfers', kind: wholeNumber(1), default: 20,
    help: 'Payloads that are received at a time, half of them from one client; more wait for their turn. As many are fetched at a time, by the same rule.',
  },
  transferBytesPerSecond: {
    section: 'Deals', name: 'TransferBytesPerSecond', kind: bytesFrom(0), default: 0,
    help: 'Bytes that are received in a second at most, as many that are fetched, and as many that are given back; shared evenly by those who take part. 0: no limit.',
  },
  transferExpiryMs: {
    section: 'Deals', name: 'TransferExpiry', kind: durationKind, default: 7 * 86_400_000,
    help: 'How long data of a deal are waited for after it was proposed, or proposed again.',
  },
  maxWaitingDeals: {
    section: 'Deals', name: 'MaxWaitingDeals', kind: wholeNumber(1), default: 1000,
    help: 'Deals that wait for data from the network at a time, half of them of one client, and as many that were proposed over it and whose data come as a file; with so many, further clients are told to come later.',
  },
  retrievalPrice: {
    section: 'Deals', name: 'RetrievalPricePerByte', kind: amountKind, default: 0n,
    help: 'What is asked for giving back, in attoFIL. Retrievals that offer less are refused; nobody looks whether it is paid.',
  },
  unsealPrice: {
    section: 'Deals', name: 'UnsealPrice', kind: amountKind, default: 0n,
    help: 'What is asked besides where a piece has to be unsealed, in attoFIL.',
  },
}
