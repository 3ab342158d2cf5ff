/**
 * The two records of a deal as bytes: its terms, which are written once, and its progress, which is written again at each step and so
 * is small. Both are DAG-CBOR lists that begin with their version; described with an example in docs/formats/deals.md.
 *
 *     terms     [1, proposal, signature | null, dealId | null, publishCid | null, payloadCid | null, transferType, fastRetrieval,
 *                clientPeer | null, createdAt]
 *     proposal  [pieceCid, pieceSize, verifiedDeal, client, provider, label, startEpoch, endEpoch, price, collateral, collateral]
 *     progress  [1, state, message, updatedAt, staged | null, payloadBytes | null, place | null, shard, failure | null,
 *                slashEpoch | null]
 *     staged    [mode, path, start | null, length | null]       place   [miner, sector, offset, length]
 *     shard     [kind] or [2, failure]                           failure [code, message, at, retry, attempts, nextRetryAt | null]
 *
 * Amounts are bytes, big-endian without leading zeros; the proposal CID is the key.
 */
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { checkProposal, type DealProposal } from './deal-proposal.ts'
import { DealError } from './errors.ts'
import { decodeFailure, encodeFailure } from './failure-codec.ts'
import { Fields } from './fields.ts'
import type { DealProgress, DealShard, DealSignature, DealTerms, PiecePlace, StagedPiece } from './provider-deal.ts'
import { STORAGE_DEAL_STATES, storageDealState } from './storage-deal-states.ts'

const VERSION = 1
/** By number; never reordered. */
const MODES: readonly StagedPiece['mode'][] = ['copy', 'move', 'borrow', 'transfer']
const SHARDS: readonly DealShard['state'][] = ['pending', 'registered', 'failed', 'retired']

export const encodeTerms = (terms: DealTerms): Uint8Array => cbor.encode([
  VERSION,
  proposalTuple(terms.proposal),
  terms.clientSignature === undefined ? null : [terms.clientSignature.type, terms.clientSignature.data],
  terms.dealId ?? null,
  terms.publishCid ?? null,
  terms.payloadCid ?? null,
  terms.transferType,
  terms.fastRetrieval,
  terms.clientPeer ?? null,
  terms.createdAt,
])

/** @throws {DealError} `DEAL_BAD_RECORD` */
export const decodeTerms = (proposalCid: CID, bytes: Uint8Array): DealTerms => reading('terms', bytes, (fields) => {
  version(fields)
  return {
    proposalCid,
    proposal: proposalOf(fields.list(11)),
    clientSignature: fields.orNone(() => signatureOf(fields.list(2))),
    dealId: fields.orNone(() => fields.u64()),
    publishCid: fields.orNone(() => fields.cid()),
    payloadCid: fields.orNone(() => fields.cid()),
    transferType: fields.text(),
    fastRetrieval: fields.flag(),
    clientPeer: fields.orNone(() => fields.text()),
    createdAt: fields.count(),
  }
}, 10)

export const encodeProgress = (progress: DealProgress): Uint8Array => {
  const { state, message, updatedAt, staged, payloadBytes, place, shard, failure, slashEpoch } = progress
  return cbor.encode([
    VERSION,
    STORAGE_DEAL_STATES[state],
    message,
    updatedAt,
    staged === undefined ? null : [MODES.indexOf(staged.mode), staged.path, staged.window?.start ?? null, staged.window?.length ?? null],
    payloadBytes ?? null,
    place === undefined ? null : [place.miner, place.sector, place.offsetPadded, place.lengthPadded],
    shard.state === 'failed' ? [SHARDS.indexOf(shard.state), encodeFailure(shard.failure)] : [SHARDS.indexOf(shard.state)],
    failure === undefined ? null : encodeFailure(failure),
    slashEpoch ?? null,
  ])
}

/** @throws {DealError} `DEAL_BAD_RECORD` */
export const decodeProgress = (bytes: Uint8Array): DealProgress => reading('progress', bytes, (fields) => {
  version(fields)
  const state = storageDealState(fields.count())
  if (state === undefined) throw new TypeError('state')
  return {
    state,
    message: fields.text(),
    updatedAt: fields.count(),
    staged: fields.orNone(() => stagedOf(fields.list(4))),
    payloadBytes: fields.orNone(() => fields.count()),
    place: fields.orNone(() => placeOf(fields.list(4))),
    shard: shardOf(fields.list()),
    failure: fields.orNone(() => decodeFailure(fields.list(6))),
    slashEpoch: fields.orNone(() => fields.i64()),
  }
}, 10)

const reading = <T>(what: string, bytes: Uint8Array, read: (fields: Fields) => T, length: number): T => {
  try {
    const fields = new Fields(cbor.decode(bytes), length)
    return read(fields)
  } catch (cause) {
    throw new DealError('DEAL_BAD_RECORD', `damaged record of a deal; part=${what}`, { cause })
  }
}

const version = (fields: Fields): void => {
  const got = fields.count()
  if (got !== VERSION) throw new TypeError(`version; want=${VERSION} got=${got}`)
}

const proposalTuple = (proposal: DealProposal): unknown[] => [
  proposal.pieceCid, proposal.pieceSize, proposal.verifiedDeal, proposal.client, proposal.provider, proposal.label,
  proposal.startEpoch, proposal.endEpoch,
  amountBytes(proposal.storagePricePerEpoch), amountBytes(proposal.providerCollateral), amountBytes(proposal.clientCollateral),
]

const proposalOf = (fields: Fields): DealProposal => checkProposal({
  pieceCid: fields.cid(),
  pieceSize: fields.count(),
  verifiedDeal: fields.flag(),
  client: fields.text(),
  provider: fields.text(),
  label: fields.textOrBytes(),
  startEpoch: fields.i64(),
  endEpoch: fields.i64(),
  storagePricePerEpoch: amountOf(fields.bytes()),
  providerCollateral: amountOf(fields.bytes()),
  clientCollateral: amountOf(fields.bytes()),
})

const signatureOf = (fields: Fields): DealSignature => ({ type: fields.count(), data: fields.bytes() })

const stagedOf = (fields: Fields): StagedPiece => {
  const mode = MODES[fields.count()]
  if (mode === undefined) throw new TypeError('mode')
  const path = fields.text()
  const start = fields.orNone(() => fields.count())
  const length = fields.orNone(() => fields.count())
  if ((start === undefined) !== (length === undefined)) throw new TypeError('window')
  return { mode, path, window: start === undefined || length === undefined ? undefined : { start, length } }
}

const placeOf = (fields: Fields): PiecePlace =>
  ({ miner: fields.u64(), sector: fields.u64(), offsetPadded: fields.count(), lengthPadded: fields.count() })

const shardOf = (fields: Fields): DealShard => {
  const state = SHARDS[fields.count()]
  if (state === undefined) throw new TypeError('shard')
  const shard = state === 'failed' ? { state, failure: decodeFailure(fields.list(6)) } : { state }
  fields.end()
  return shard
}

const amountBytes = (amount: bigint): Uint8Array => {
  const digits: number[] = []
  for (let rest = amount; rest > 0n; rest >>= 8n) digits.unshift(Number(rest & 0xffn))
  return Uint8Array.from(digits)
}

const amountOf = (bytes: Uint8Array): bigint => {
  if (bytes[0] === 0) throw new TypeError('amount')
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}
