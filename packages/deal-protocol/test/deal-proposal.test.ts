import { pieceCidV1, pieceCidV2 } from '@dagstore/piece'
import { describe, expect, it } from 'vitest'
import { checkProposal, type DealProposal, FINAL_STATES, STATES_WITH_PIECE, STORAGE_DEAL_STATES, storageDealState } from '../src/index.ts'

const commitment = new Uint8Array(32).fill(7)
const proposal: DealProposal = {
  pieceCid: pieceCidV1(commitment), pieceSize: 2048, verifiedDeal: false, client: 'f01001', provider: 'f01000', label: 'bafy', startEpoch: 10n, endEpoch: 20n,
  storagePricePerEpoch: 0n, providerCollateral: 0n, clientCollateral: 0n,
}

describe('a proposal', () => {
  it('is taken with its piece CID in version 1', () => {
    expect(checkProposal(proposal)).toEqual(proposal)
    expect(checkProposal({ ...proposal, pieceCid: pieceCidV2(commitment, 2000) })).toEqual(proposal)
  })

  it.each<[string, Partial<DealProposal>]>([
    ['its piece CID is none', { pieceCid: { bytes: Uint8Array.of(1, 2) } as unknown as DealProposal['pieceCid'] }],
    ['its size is no power of two', { pieceSize: 2049 }],
    ['its size is none', { pieceSize: Number.NaN }],
    ['its client is no address', { client: 'me' }],
    ['its provider is no address', { provider: `f3${'a'.repeat(200)}` }],
    ['its label is too long', { label: 'é'.repeat(129) }],
    ['it ends when it starts', { endEpoch: 10n }],
    ['it starts before the chain', { startEpoch: -1n }],
    ['it ends behind all time', { endEpoch: 1n << 63n }],
    ['its price is below nothing', { storagePricePerEpoch: -1n }],
    ['a collateral is beyond all money', { clientCollateral: 1n << 128n }],
  ])('is refused when %s', (_, change) => {
    expect(() => checkProposal({ ...proposal, ...change })).toThrow(expect.objectContaining({ code: 'DEAL_BAD_PROPOSAL' }))
  })
})

describe('states', () => {
  it('are Lotus’s, by name and number', () => {
    expect(Object.values(STORAGE_DEAL_STATES)).toEqual(Array.from({ length: 31 }, (_, at) => at))
    for (const [name, number] of Object.entries(STORAGE_DEAL_STATES)) expect(storageDealState(number)).toBe(name)
    expect(storageDealState(31)).toBeUndefined()
    expect([...FINAL_STATES].filter((state) => STATES_WITH_PIECE.has(state))).toEqual([])
  })
})
