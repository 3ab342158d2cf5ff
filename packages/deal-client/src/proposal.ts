/** From what is wanted of a provider, and what it asks for, to a proposal. */
import { checkProposal, decodeAddress, type DealProposal, encodeAddress, encodeClientProposal, encodeDealProposal, type DealSignature, proposalCidOf, type ProviderAsk } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import { isPieceSize, padCommitment, parsePieceCid, pieceCidV1, toPieceCidV1, unpaddedBytes } from '@dagstore/piece'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import { base58btc } from 'multiformats/bases/base58'
import { base64 } from 'multiformats/bases/base64'
import type { CID } from 'multiformats/cid'
import type { Chain } from './chain.ts'
import type { DealParams } from './deal-client.ts'
import { DealClientError } from './errors.ts'
import type { PiecePayload } from './sources.ts'

/** 49 hours, as in Lotus: what a provider has time for to fetch, check and seal. */
const START_IN_EPOCHS = 5880n
/** 180 days. */
const DURATION_EPOCHS = 518_400n
const GIB = 1n << 30n

/** What is proposed, but for its start and who signs. */
export interface Plan {
  readonly proposal: DealProposal
  readonly payloadBytes: number | undefined
  /** Nobody has said when it starts. */
  readonly mayStartLater: boolean
}

/** Agreed-upon bytes, signed or not. */
export interface SignedProposal {
  readonly proposalCid: CID
  readonly proposal: DealProposal
  readonly signature: DealSignature | undefined
  readonly bytes: Uint8Array
}

/**
 * Whether the provider makes such deals at all; before anything is hashed.
 *
 * @throws {DealClientError} `DEAL_CLIENT_TERMS`
 */
export const checkAsk = (ask: ProviderAsk, { transferType = 'http-push', miner }: DealParams, chain: Chain): void => {
  if (!ask.transferTypes.includes(transferType)) throw terms(`it does not take data so; type=${transferType} takes=${ask.transferTypes.join(',')}`)
  if (miner !== undefined && !sameAddress(miner, ask.provider)) throw terms(`it is another provider; want=${miner} got=${ask.provider}`)
  if (ask.expiryEpoch <= chain.epoch()) throw terms(`its ask has expired; epoch=${ask.expiryEpoch}`)
}

/** @throws {DealClientError} `DEAL_CLIENT_TERMS`, `DEAL_CLIENT_TOO_DEAR`. @throws {DealError} `DEAL_BAD_PROPOSAL` */
export const planOf = async (params: DealParams, ask: ProviderAsk, payload: PiecePayload | undefined, chain: Chain, options: CallOptions): Promise<Plan> => {
  const { price, startEpoch, duration = DURATION_EPOCHS, verified = false, providerCollateral = 0n, clientCollateral = 0n, wallet } = params
  const piece = pieceOf(params, ask, payload)
  const asked = (verified ? ask.verifiedPricePerEpochPerGiB : ask.pricePerEpochPerGiB) * BigInt(piece.pieceSize)
  if (price !== undefined && price < asked / GIB) throw new DealClientError('DEAL_CLIENT_TOO_DEAR', `the provider asks for more; price=${price} asks=${asked / GIB}`)
  const start = startEpoch ?? chain.epoch() + START_IN_EPOCHS
  const network = ask.provider.startsWith('t') ? 't' : 'f'
  const proposal = checkProposal({
    ...piece,
    verifiedDeal: verified,
    client: decodeAddress(encodeAddress(wallet ?? await chain.defaultAddress(options)), network),
    provider: ask.provider,
    label: params.label ?? (params.root === undefined ? '' : labelOf(toCid(params.root))),
    startEpoch: start,
    endEpoch: start + duration,
    storagePricePerEpoch: price ?? (asked + GIB - 1n) / GIB,
    providerCollateral,
    clientCollateral,
  })
  return { proposal, payloadBytes: payload?.payloadBytes, mayStartLater: startEpoch === undefined }
}

/** What the deal costs the client, attoFIL. */
export const costOf = ({ clientCollateral, storagePricePerEpoch, startEpoch, endEpoch }: DealProposal): bigint => clientCollateral + storagePricePerEpoch * (endEpoch - startEpoch)

export const signed = async (proposal: DealProposal, chain: Chain, options: CallOptions): Promise<SignedProposal> => {
  const signature = await chain.sign?.(proposal.client, encodeDealProposal(proposal), options)
  const bytes = encodeClientProposal(proposal, signature)
  return { proposalCid: proposalCidOf(bytes), proposal, signature, bytes }
}

/** The piece that was named, held against the data where they are here; with as many zeros as were agreed upon or as the provider wants. */
const pieceOf = ({ pieceCid: named, pieceBytes, transferType = 'http-push' }: DealParams, { minPieceBytes, maxPieceBytes }: ProviderAsk, payload: PiecePayload | undefined): Pick<DealProposal, 'pieceCid' | 'pieceSize'> => {
  const given = named === undefined ? undefined : toPieceCid(named)
  const pieceSize = pieceBytes ?? (payload === undefined ? undefined : Math.max(payload.paddedBytes, minPieceBytes))
  if (pieceSize === undefined || (given ?? payload) === undefined) throw terms('nobody here has the data, so the piece and its size have to be named')
  if (!isPieceSize(pieceSize) || pieceSize < minPieceBytes || pieceSize > maxPieceBytes) throw terms(`it takes no such pieces; padded=${pieceSize} min=${minPieceBytes} max=${maxPieceBytes}`)
  // an offline piece may be any file with the DAG in it
  if (payload === undefined || (transferType === 'manual' && given !== undefined)) return { pieceCid: given as CID, pieceSize }
  if (payload.payloadBytes > unpaddedBytes(pieceSize)) throw terms(`the data do not fit; padded=${pieceSize} need=${payload.paddedBytes}`)
  const pieceCid = pieceCidV1(padCommitment(parsePieceCid(payload.pieceCid).commitment, payload.paddedBytes, pieceSize))
  if (given?.equals(pieceCid) === false) throw new DealClientError('DEAL_CLIENT_PIECE_MISMATCH', `the data are another piece; got=${pieceCid.toString()}`)
  return { pieceCid, pieceSize }
}

const toPieceCid = (named: AnyCid): CID => toPieceCidV1(toCid(named))

const sameAddress = (a: string, b: string): boolean => {
  const [x, y] = [encodeAddress(a), encodeAddress(b)]
  return x.byteLength === y.byteLength && x.every((byte, at) => byte === y[at])
}

/** As in Lotus. */
const labelOf = (root: CID): string => root.version === 0 ? root.toString(base58btc) : root.toString(base64)

const terms = (message: string): DealClientError => new DealClientError('DEAL_CLIENT_TERMS', `the provider makes no such deal: ${message}`)
