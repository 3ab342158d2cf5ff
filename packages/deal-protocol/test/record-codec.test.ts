import * as cbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { pieceCidV1 } from '@dagstore/piece'
import { type DealFailure, type DealProgress, type DealShard, type DealTerms, decodeProgress, decodeTerms, encodeProgress, encodeTerms, STORAGE_DEAL_STATES, type StorageDealState } from '../src/index.ts'

const cid = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((digest) => CID.decode(Uint8Array.of(1, 0x71, 0xa0, 0xe4, 0x02, 0x20, ...digest)))
const piece = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((digest) => pieceCidV1(digest))
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const count = fc.maxSafeNat()
const u64 = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn)
const amount = fc.bigInt(0n, (1n << 128n) - 1n)
const address = fc.constantFrom('f01000', 't01', 'f3abc2defghij', 'f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za')
const terms: fc.Arbitrary<DealTerms> = fc.record({
  proposalCid: cid,
  proposal: fc.record({
    pieceCid: piece,
    pieceSize: fc.integer({ min: 7, max: 36 }).map((power) => 2 ** power),
    verifiedDeal: fc.boolean(),
    client: address,
    provider: address,
    label: fc.oneof(fc.string({ maxLength: 40 }), fc.uint8Array({ maxLength: 256 })),
    startEpoch: fc.bigInt(0n, 1n << 40n),
    endEpoch: fc.bigInt((1n << 40n) + 1n, (1n << 63n) - 1n),
    storagePricePerEpoch: amount,
    providerCollateral: amount,
    clientCollateral: amount,
  }),
  clientSignature: optional(fc.record({ type: fc.nat(3), data: fc.uint8Array({ maxLength: 100 }) })),
  dealId: optional(u64),
  publishCid: optional(cid),
  payloadCid: optional(cid),
  transferType: fc.string(),
  fastRetrieval: fc.boolean(),
  clientPeer: optional(fc.string()),
  createdAt: count,
})
const failure: fc.Arbitrary<DealFailure> = fc.record({ code: fc.string(), message: fc.string(), at: count, retry: fc.constantFrom('never', 'later'), attempts: count, nextRetryAt: optional(count) })
const shard: fc.Arbitrary<DealShard> = fc.oneof(
  fc.constantFrom<DealShard>({ state: 'pending' }, { state: 'registered' }, { state: 'retired' }),
  fc.record({ state: fc.constant('failed' as const), failure }))
const progress: fc.Arbitrary<DealProgress> = fc.record({
  state: fc.constantFrom(...Object.keys(STORAGE_DEAL_STATES) as StorageDealState[]),
  message: fc.string(),
  updatedAt: count,
  staged: optional(fc.record({ mode: fc.constantFrom('copy', 'move', 'borrow', 'transfer'), path: fc.string(), window: optional(fc.record({ start: count, length: count })) })),
  payloadBytes: optional(count),
  place: optional(fc.record({ miner: u64, sector: u64, offsetPadded: count, lengthPadded: count })),
  shard,
  failure: optional(failure),
  slashEpoch: optional(fc.bigInt(-(1n << 63n), (1n << 63n) - 1n)),
})
const codeOf = (run: () => unknown): unknown => {
  try {
    run()
    return undefined
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

describe('records of a deal', () => {
  it('give back all terms, ids and amounts beyond 2^53 exactly', () => {
    fc.assert(fc.property(terms, (given) => { expect(decodeTerms(given.proposalCid, encodeTerms(given))).toEqual(given) }))
  })

  it('give back all progress', () => {
    fc.assert(fc.property(progress, (given) => { expect(decodeProgress(encodeProgress(given))).toEqual(given) }))
  })

  it('of a later version, or with members more or less, are refused', () => {
    fc.assert(fc.property(terms, progress, (a, b) => {
      for (const [bytes, decode] of [[encodeTerms(a), (it: Uint8Array) => decodeTerms(a.proposalCid, it)], [encodeProgress(b), decodeProgress]] as const) {
        const list = cbor.decode<unknown[]>(bytes)
        expect(codeOf(() => decode(cbor.encode([2, ...list.slice(1)])))).toBe('DEAL_BAD_RECORD')
        expect(codeOf(() => decode(cbor.encode(list.slice(0, -1))))).toBe('DEAL_BAD_RECORD')
        expect(codeOf(() => decode(cbor.encode([...list, null])))).toBe('DEAL_BAD_RECORD')
      }
    }))
  })

  it('that are damaged are refused by code or read as other values, and nothing else', () => {
    fc.assert(fc.property(progress, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, flip) => {
      const bytes = encodeProgress(given)
      bytes[at % bytes.byteLength]! ^= flip
      expect([undefined, 'DEAL_BAD_RECORD']).toContain(codeOf(() => decodeProgress(bytes)))
    }), { numRuns: 2000 })
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => { expect(codeOf(() => decodeProgress(bytes))).toBe('DEAL_BAD_RECORD') }))
  })

  it('stay small: what is written at each step of an ordinary deal takes less than 200 bytes', () => {
    const bytes = encodeProgress({
      state: 'StorageDealSealing', message: '', updatedAt: 1_629_158_400_000, staged: { mode: 'copy', path: '/data/archive/2021/08/piece-000123.car', window: { start: 0, length: 34_000_000_000 } },
      payloadBytes: 34_000_000_000, place: { miner: 1000n, sector: 12_345n, offsetPadded: 0, lengthPadded: 2 ** 35 }, shard: { state: 'registered' }, failure: undefined, slashEpoch: undefined,
    })
    expect(bytes.byteLength).toBeLessThan(200)
  })
})
