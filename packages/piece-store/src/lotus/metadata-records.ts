/**
 * Records of Lotus's metadata database.
 *
 *     key                                           value, CBOR
 *     /miner-address                                address, no CBOR: 00, then the actor id as a varint
 *     /storagemarket/pieces/versions/current        "1"; absent: version 0
 *     /storagemarket/pieces/1/<piece CID>           { PieceCID, Deals: [{ DealID, SectorID, Offset, Length }] }
 *     /storagemarket/pieces/<piece CID>             version 0: the same as tuples
 *     /storagemarket/cid-infos/…                    { CID, PieceBlockLocations: [{ BlockLocation, PieceCID }] }, versions as pieces
 *     /deals/provider/versions/current              "1" or "2"; absent: version 0
 *     /deals/provider/1|2/<proposal CID>            { ClientDealProposal: [proposal, signature], ProposalCid, State, DealID, … }
 *     /deals/provider/<proposal CID>                version 0: a tuple of 18
 *
 * A proposal is a tuple: piece CID, padded size, verified, client, provider, label and more.
 *
 * Source: go-fil-markets v1.28.3 piecestore/types.go, storagemarket/types.go, their migrations; lotus v1.27.0
 * node/modules/storageminer.go. Looser: labels need not be text.
 */
import { isPieceSize, type PieceCidFacts } from '@dagstore/piece'
import { type CborLink, type CborValue, decodeCbor } from '../cbor.ts'
import { badRow, type DealFields, readId, readPieceCid, readSize, readText } from '../deal-fields.ts'
import { lotusStateName } from './deal-states.ts'
import type { ProviderDealRow } from './provider-deals.ts'

/** A deal of the piece store, as it came. */
export type PieceStoreDeal = Pick<DealFields, 'dealId' | 'sector' | 'offsetPadded' | 'lengthPadded'>

export interface PieceInfoRecord {
  readonly piece: PieceCidFacts
  readonly deals: readonly PieceStoreDeal[]
}

/** @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const decodePieceInfo = (bytes: Uint8Array): PieceInfoRecord => {
  const field = fieldsOf(decodeCbor(bytes), ['PieceCID', 'Deals'])
  return {
    piece: readPieceCid(linkOf(field('PieceCID')), 'PieceCID'),
    deals: listOf(field('Deals'), 'Deals').map((deal) => {
      const of = fieldsOf(deal, ['DealID', 'SectorID', 'Offset', 'Length'])
      return { dealId: of('DealID'), sector: of('SectorID'), offsetPadded: of('Offset'), lengthPadded: of('Length') }
    }),
  }
}

/** Pieces that hold the payload. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const decodeCidInfo = (bytes: Uint8Array): readonly PieceCidFacts[] =>
  listOf(fieldsOf(decodeCbor(bytes), ['CID', 'PieceBlockLocations'])('PieceBlockLocations'), 'PieceBlockLocations')
    .map((location) => readPieceCid(linkOf(fieldsOf(location, ['BlockLocation', 'PieceCID'])('PieceCID')), 'PieceCID'))

const DEAL_0 = [
  'ClientDealProposal', 'ProposalCid', 'AddFundsCid', 'PublishCid', 'Miner', 'Client', 'State', 'PiecePath', 'MetadataPath', 'SlashEpoch', 'FastRetrieval',
  'Message', 'StoreID', 'FundsReserved', 'Ref', 'AvailableForRetrieval', 'DealID', 'CreationTime',
] as const

/** @param proposal - CID of the signed proposal: the last part of its key. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const decodeProviderDeal = (bytes: Uint8Array, proposal: string): ProviderDealRow => {
  const field = fieldsOf(decodeCbor(bytes), DEAL_0)
  const [signed] = listOf(field('ClientDealProposal'), 'ClientDealProposal')
  const [pieceCid, pieceSize, , , provider] = listOf(signed, 'Proposal')
  if (!(provider instanceof Uint8Array)) throw badRow('Provider is no address')
  return checkProviderDeal({ piece: readPieceCid(linkOf(pieceCid), 'PieceCID'), proposal, miner: decodeIdAddress(provider), chainId: field('DealID'), size: pieceSize, state: field('State') })
}

/** Of the database or of an answer. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const checkProviderDeal = ({ piece, proposal, miner, chainId, size, state }: {
  readonly piece: PieceCidFacts, readonly proposal: unknown, readonly miner: bigint, readonly chainId: unknown, readonly size: unknown, readonly state: unknown,
}): ProviderDealRow => {
  const name = readText('ProposalCid', proposal)
  if (name === undefined) throw badRow('ProposalCid is missing')
  const lengthPadded = readSize('PieceSize', size)
  if (!isPieceSize(lengthPadded)) throw badRow(`PieceSize is not the size of a piece; got=${lengthPadded}`)
  return { piece, proposal: name, miner, chainId: readId('DealID', chainId), lengthPadded, state: lotusStateName(readSize('State', state)) }
}

/** The id in an address of protocol 0. @throws {PieceStoreError} `PIECE_STORE_BAD_ROW` */
export const decodeIdAddress = (bytes: Uint8Array): bigint => {
  let id = 0n
  const ends = bytes.byteLength >= 2 && bytes.byteLength <= 11 && bytes[0] === 0 && bytes.subarray(1, -1).every((byte) => byte >= 0x80) && bytes.at(-1)! < 0x80
  if (!ends) throw badRow(`address of no actor id; length=${bytes.byteLength}`)
  for (let at = bytes.byteLength - 1; at > 0; at--) id = id << 7n | BigInt(bytes[at]! & 0x7f)
  return readId('Provider', id)
}

/** Of a map, or of a tuple in the order of `names`. Unknown fields do not matter. */
const fieldsOf = <N extends string>(value: CborValue | undefined, names: readonly N[]): (name: N) => CborValue | undefined => {
  if (value instanceof Map) return (name) => value.get(name) as CborValue | undefined
  if (!Array.isArray(value)) throw badRow('neither map nor tuple')
  if (value.length !== names.length) throw badRow(`length of tuple; want=${names.length} got=${value.length}`)
  return (name) => value[names.indexOf(name)] as CborValue | undefined
}

/** Go writes an empty list as null. */
const listOf = (value: CborValue | undefined, name: string): readonly CborValue[] => {
  if (value === null) return []
  if (!Array.isArray(value)) throw badRow(`${name} is no list`)
  return value as readonly CborValue[]
}

const linkOf = (value: CborValue | undefined): Uint8Array | undefined =>
  typeof value === 'object' && value !== null && 'link' in value ? (value as CborLink).link : undefined
