/** What a provider asks for storing and for giving back. */
import { isPieceSize } from '@dagstore/piece'
import type { Members } from './members.ts'
import { decodeMessage, encodeMessage } from './message-codec.ts'

/** Source: go-fil-markets storagemarket `StorageAsk`. Amounts in attoFIL. */
export interface ProviderAsk {
  /** Address of the provider. */
  readonly provider: string
  readonly pricePerEpochPerGiB: bigint
  readonly verifiedPricePerEpochPerGiB: bigint
  /** Padded; powers of two from 128. */
  readonly minPieceBytes: number
  readonly maxPieceBytes: number
  /** Up to which epoch it holds. */
  readonly expiryEpoch: bigint
  /** Of `manual`, `http-push`, `http-pull`; in order of preference. */
  readonly transferTypes: readonly string[]
  readonly retrieval: RetrievalTerms
}

/** Passed through as data: nothing here pays. Source: go-fil-markets retrievalmarket `Ask`; amounts in attoFIL, intervals in bytes. */
export interface RetrievalTerms {
  readonly pricePerByte: bigint
  readonly unsealPrice: bigint
  /** A u64. */
  readonly paymentInterval: bigint
  /** A u64. */
  readonly paymentIntervalIncrease: bigint
}

export const encodeProviderAsk = (ask: ProviderAsk): string => encodeMessage(ask)

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeProviderAsk = (text: string): ProviderAsk => decodeMessage('ask', text, (of) => {
  const [minPieceBytes, maxPieceBytes] = [of.count('minPieceBytes'), of.count('maxPieceBytes')]
  if (!isPieceSize(minPieceBytes) || !isPieceSize(maxPieceBytes) || minPieceBytes > maxPieceBytes) throw new TypeError('sizes of pieces')
  return {
    provider: of.text('provider', 128),
    pricePerEpochPerGiB: of.amount('pricePerEpochPerGiB'),
    verifiedPricePerEpochPerGiB: of.amount('verifiedPricePerEpochPerGiB'),
    minPieceBytes,
    maxPieceBytes,
    expiryEpoch: of.epoch('expiryEpoch'),
    transferTypes: of.texts('transferTypes', 16, 64),
    retrieval: readTerms(of.object('retrieval')),
  }
})

export const readTerms = (of: Members): RetrievalTerms => ({
  pricePerByte: of.amount('pricePerByte'),
  unsealPrice: of.amount('unsealPrice'),
  paymentInterval: of.u64('paymentInterval'),
  paymentIntervalIncrease: of.u64('paymentIntervalIncrease'),
})
