/** What this provider asks of proposals, and whether one meets it. */
import type { DealProposal, ProposalMessage, ProviderAsk } from '@dagstore/deal-protocol'
import { encodeCarV1Header } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { unpaddedBytes } from '@dagstore/piece'

const GIB = 1n << 30n

/** Seconds since 1970 at which epoch 0 of the main network began, and how long one takes. Source: lotus build/params_mainnet.go. */
const GENESIS_S = 1_598_306_400
const EPOCH_S = 30

/** Epoch of the main network. @param now - milliseconds since 1970 */
export const epochAt = (now: number): bigint => BigInt(Math.max(0, Math.floor((now / 1000 - GENESIS_S) / EPOCH_S)))

export interface JudgeParts {
  readonly ask: ProviderAsk
  readonly epoch: bigint
  readonly hashes: Pick<Hashes, 'has'>
  /** @throws for a URL from which nothing is fetched */
  readonly checkUrl: ((url: string) => void) | undefined
}

/**
 * Why a proposal is refused, for people; `undefined`: it is taken. Who has signed it, and what is in his account, is not looked at.
 *
 * Source: go-fil-markets storagemarket/impl/providerstates/provider_states.go `ValidateDealProposal`. Left out: funds, signatures and bounds of collateral,
 * which only a chain knows.
 */
export const whyRefused = (message: ProposalMessage, proposal: DealProposal, { ask, epoch, hashes, checkUrl }: JudgeParts): string | undefined => {
  const { payloadBytes, payloadCid, transfer } = message
  const { pieceSize, provider, startEpoch, storagePricePerEpoch, verifiedDeal } = proposal
  if (provider.slice(1) !== ask.provider.slice(1)) return `another provider; want=${ask.provider} got=${provider}`
  if (pieceSize < ask.minPieceBytes) return `the piece is too small; min=${ask.minPieceBytes} got=${pieceSize}`
  if (pieceSize > ask.maxPieceBytes) return `the piece is too large; max=${ask.maxPieceBytes} got=${pieceSize}`
  const price = (verifiedDeal ? ask.verifiedPricePerEpochPerGiB : ask.pricePerEpochPerGiB) * BigInt(pieceSize) / GIB
  if (storagePricePerEpoch < price) return `the price per epoch is too low; min=${price} got=${storagePricePerEpoch}`
  if (startEpoch <= epoch) return `the deal starts too early; now=${epoch} start=${startEpoch}`
  if (!ask.transferTypes.includes(transfer.type)) return `nothing here moves data so; want=${ask.transferTypes.join(', ')} got=${transfer.type}`
  if (transfer.type === 'manual') return undefined
  if (payloadCid === undefined) return 'no root of a payload'
  if (!hashes.has(payloadCid.multihash.code)) return `nothing here checks such blocks; hash=0x${payloadCid.multihash.code.toString(16)}`
  const least = encodeCarV1Header([payloadCid]).byteLength + payloadCid.bytes.byteLength
  if (payloadBytes === undefined || payloadBytes < least) return `no length of a payload; min=${least} got=${payloadBytes}`
  if (payloadBytes > unpaddedBytes(pieceSize)) return `the payload does not fit into the piece; max=${unpaddedBytes(pieceSize)} got=${payloadBytes}`
  return transfer.type === 'http-pull' && !isTaken(transfer.url, checkUrl) ? 'nothing is fetched from that URL' : undefined
}

export const isTaken = (url: string, checkUrl: JudgeParts['checkUrl']): boolean => {
  try {
    checkUrl?.(url)
    return true
  } catch {
    return false
  }
}
