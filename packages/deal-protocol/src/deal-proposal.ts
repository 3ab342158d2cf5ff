/** What client and provider agree on. Prices and collateral are passed through as data: nothing here pays or checks a balance. */
import { isPieceSize, toPieceCidV1 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { DealError } from './errors.ts'

/** Source: go-state-types builtin/v9/market `DealProposal`. Epochs are chain epochs, amounts attoFIL. */
export interface DealProposal {
  /** v1. */
  readonly pieceCid: CID
  /** Padded; a power of two from 128. May be larger than the payload needs: the rest is zeros. */
  readonly pieceSize: number
  readonly verifiedDeal: boolean
  /** Address, such as `f01234` or `f3…`. */
  readonly client: string
  readonly provider: string
  /** Text, or bytes that are none. */
  readonly label: string | Uint8Array
  readonly startEpoch: bigint
  readonly endEpoch: bigint
  readonly storagePricePerEpoch: bigint
  readonly providerCollateral: bigint
  readonly clientCollateral: bigint
}

/** Longest label that the market actor takes, in bytes. */
const MAX_LABEL_BYTES = 256
/** Longer than any address. */
const MAX_ADDRESS_LENGTH = 128
const ADDRESS = /^[ft][0-4][0-9a-z]+$/u

/**
 * The proposal with its piece CID in version 1, if it can be one.
 *
 * @throws {DealError} `DEAL_BAD_PROPOSAL`
 */
export const checkProposal = (proposal: DealProposal): DealProposal => {
  const { pieceSize, client, provider, label, startEpoch, endEpoch, storagePricePerEpoch, providerCollateral, clientCollateral } = proposal
  let pieceCid: CID
  try {
    pieceCid = toPieceCidV1(proposal.pieceCid)
  } catch (cause) {
    throw bad('no piece CID', { cause })
  }
  if (!isPieceSize(pieceSize)) throw bad(`not the size of a piece; padded=${pieceSize}`)
  for (const [name, address] of [['client', client], ['provider', provider]] as const) {
    if (address.length > MAX_ADDRESS_LENGTH || !ADDRESS.test(address)) throw bad(`no address; of=${name}`)
  }
  const labelBytes = typeof label === 'string' ? new TextEncoder().encode(label).byteLength : label.byteLength
  if (labelBytes > MAX_LABEL_BYTES) throw bad(`label is too long; max=${MAX_LABEL_BYTES} got=${labelBytes}`)
  if (!isEpoch(startEpoch) || !isEpoch(endEpoch) || endEpoch <= startEpoch) throw bad(`ends before it starts; start=${startEpoch} end=${endEpoch}`)
  for (const [name, amount] of Object.entries({ storagePricePerEpoch, providerCollateral, clientCollateral })) {
    if (amount < 0n || amount >= 1n << 128n) throw bad(`no amount; of=${name}`)
  }
  return { ...proposal, pieceCid }
}

const isEpoch = (epoch: bigint): boolean => epoch >= 0n && epoch < 1n << 63n

const bad = (message: string, options?: ErrorOptions): DealError => new DealError('DEAL_BAD_PROPOSAL', `proposal refused: ${message}`, options)
