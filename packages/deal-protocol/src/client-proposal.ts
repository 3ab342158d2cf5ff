/**
 * What the client signs and sends, in the bytes that Lotus writes: CBOR of `[proposal, signature]`.
 *
 *     proposal   [pieceCid, pieceSize, verifiedDeal, client, provider, label, startEpoch, endEpoch, price, collateral, collateral]
 *     address    bytes, see `address.ts`            amount   bytes: empty for 0, else 00 and the number, big-endian
 *     signature  bytes: its type, then its data; 00 alone where there is none
 *
 * Source: go-state-types builtin/v9/market `ClientDealProposal`, crypto `Signature`, big `Int`; go-cbor-util `AsIpld`. Looser: a proposal that
 * nobody has signed, which modules of Lotus write but do not read.
 */
import * as cbor from '@ipld/dag-cbor'
import { sha256 } from '@noble/hashes/sha2.js'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { decodeAddress, encodeAddress } from './address.ts'
import { checkProposal, type DealProposal } from './deal-proposal.ts'
import { DealError } from './errors.ts'
import { Fields } from './fields.ts'
import type { DealSignature } from './provider-deal.ts'

/** A proposal and who stands for it. */
export interface ClientProposal {
  readonly proposal: DealProposal
  readonly signature: DealSignature | undefined
}

/** Longer than any. */
const MAX_PROPOSAL_BYTES = 2048
const MAX_SIGNATURE_BYTES = 200
const SHA2_256 = 0x12
const DAG_CBOR = 0x71

/** @throws {DealError} `DEAL_BAD_PROPOSAL`: a field cannot be */
export const encodeClientProposal = (proposal: DealProposal, signature: DealSignature | undefined): Uint8Array => {
  const one = checkProposal(proposal)
  if (signature !== undefined && (signature.data.byteLength > MAX_SIGNATURE_BYTES || !isType(signature.type))) throw bad('no signature')
  return cbor.encode([tupleOf(one), signature === undefined ? Uint8Array.of(0) : Uint8Array.of(signature.type, ...signature.data)])
}

/** What a client signs. @throws {DealError} `DEAL_BAD_PROPOSAL`: a field cannot be */
export const encodeDealProposal = (proposal: DealProposal): Uint8Array => cbor.encode(tupleOf(checkProposal(proposal)))

/**
 * Signatures are not checked. The bytes must be those that `encodeClientProposal` gives for what they say.
 *
 * @param network - first letter of the addresses. @default 'f'
 * @throws {DealError} `DEAL_BAD_PROPOSAL`
 */
export const decodeClientProposal = (bytes: Uint8Array, network: 'f' | 't' = 'f'): ClientProposal => {
  if (bytes.byteLength > MAX_PROPOSAL_BYTES) throw bad(`too long; max=${MAX_PROPOSAL_BYTES} got=${bytes.byteLength}`)
  let given: ClientProposal
  try {
    given = read(new Fields(cbor.decode(bytes), 2), network)
  } catch (cause) {
    throw cause instanceof DealError ? cause : bad('no such list', { cause })
  }
  const written = encodeClientProposal(given.proposal, given.signature)
  if (written.byteLength !== bytes.byteLength || !written.every((byte, at) => byte === bytes[at])) throw bad('not written in its one form')
  return given
}

/** The name of a deal: the CID that Lotus gives these bytes, DAG-CBOR by sha2-256. */
export const proposalCidOf = (bytes: Uint8Array): CID => CID.createV1(DAG_CBOR, createDigest(SHA2_256, sha256(bytes)))

const tupleOf = (one: DealProposal): readonly unknown[] => [
  one.pieceCid, one.pieceSize, one.verifiedDeal, encodeAddress(one.client), encodeAddress(one.provider), one.label, one.startEpoch, one.endEpoch,
  amountBytes(one.storagePricePerEpoch), amountBytes(one.providerCollateral), amountBytes(one.clientCollateral),
]

const read = (fields: Fields, network: 'f' | 't'): ClientProposal => {
  const of = fields.list(11)
  const proposal: DealProposal = {
    pieceCid: of.cid(),
    pieceSize: of.count(),
    verifiedDeal: of.flag(),
    client: decodeAddress(of.bytes(), network),
    provider: decodeAddress(of.bytes(), network),
    label: of.textOrBytes(),
    startEpoch: of.i64(),
    endEpoch: of.i64(),
    storagePricePerEpoch: amountOf(of.bytes()),
    providerCollateral: amountOf(of.bytes()),
    clientCollateral: amountOf(of.bytes()),
  }
  const [type, ...data] = fields.bytes()
  if (type === undefined || (type === 0 && data.length > 0)) throw new TypeError('signature')
  return { proposal: checkProposal(proposal), signature: type === 0 ? undefined : { type, data: Uint8Array.from(data) } }
}

/** 0 stands for none. */
const isType = (type: number): boolean => Number.isInteger(type) && type > 0 && type < 256

const amountBytes = (amount: bigint): Uint8Array => {
  const digits: number[] = []
  for (let rest = amount; rest > 0n; rest >>= 8n) digits.unshift(Number(rest & 0xffn))
  return digits.length === 0 ? new Uint8Array(0) : Uint8Array.of(0, ...digits)
}

const amountOf = ([sign, ...digits]: Uint8Array): bigint => {
  if (sign === undefined) return 0n
  if (sign !== 0 || digits.length === 0 || digits[0] === 0) throw new TypeError('amount')
  return digits.reduce((sum, digit) => (sum << 8n) | BigInt(digit), 0n)
}

const bad = (message: string, options?: ErrorOptions): DealError => new DealError('DEAL_BAD_PROPOSAL', `signed proposal refused: ${message}`, options)
