import * as cbor from '@ipld/dag-cbor'
import { describe, expect, it } from 'vitest'
import { decodeClientProposal, encodeClientProposal, encodeDealProposal, proposalCidOf, RETRIEVAL_DEAL_STATES, retrievalDealState, STORAGE_DEAL_STATES } from '../src/index.ts'
import { bytesOf, proposalOf, vectors } from './proposal-vectors.ts'

const BAD = expect.objectContaining({ code: 'DEAL_BAD_PROPOSAL' })
const plain = vectors.Proposals[0]!
const { proposal } = proposalOf(plain)
const list = cbor.decode<[unknown[], Uint8Array]>(bytesOf(plain.Bytes))
const changed = (at: number, value: unknown): Uint8Array => cbor.encode([list[0].map((one, i) => i === at ? value : one), list[1]])

describe('a signed proposal', () => {
  it.each(vectors.Proposals)('has the bytes and the CID that Lotus gives it: $Why', (row) => {
    const given = proposalOf(row)
    const bytes = encodeClientProposal(given.proposal, given.signature)
    expect(Buffer.from(bytes).toString('hex')).toBe(row.Bytes)
    expect(decodeClientProposal(bytesOf(row.Bytes))).toEqual(given)
    expect(proposalCidOf(bytes).toString()).toBe(row.Cid)
    // it stands in the list as it is signed
    expect(row.Bytes.slice(2)).toMatch(new RegExp(`^${Buffer.from(encodeDealProposal(given.proposal)).toString('hex')}`, 'u'))
  })

  it('is read with addresses of the network that is said', () => {
    expect(decodeClientProposal(bytesOf(plain.Bytes), 't').proposal).toMatchObject({ client: 't01000', provider: 't00' })
    expect(encodeClientProposal({ ...proposal, client: 't01000', provider: 't00' }, undefined)).toEqual(bytesOf(plain.Bytes))
  })

  it('is never read from a part of its bytes, nor with a byte more', () => {
    for (const { Bytes } of vectors.Proposals) {
      const bytes = bytesOf(Bytes)
      for (let length = 0; length < bytes.byteLength; length++) expect(() => decodeClientProposal(bytes.subarray(0, length))).toThrow(BAD)
      expect(() => decodeClientProposal(Uint8Array.of(...bytes, 0))).toThrow(BAD)
    }
  })

  it('is what it says or refused, whichever bit of it is turned', () => {
    const bytes = bytesOf(vectors.Proposals[2]!.Bytes)
    for (let bit = 0; bit < 8 * bytes.byteLength; bit++) {
      const other = bytes.slice()
      other[bit >> 3]! ^= 1 << (bit & 7)
      let read: ReturnType<typeof decodeClientProposal>
      try {
        read = decodeClientProposal(other)
      } catch (error) {
        expect(error).toEqual(BAD)
        continue
      }
      expect(encodeClientProposal(read.proposal, read.signature)).toEqual(other)
    }
  })

  it.each<[string, Uint8Array]>([
    ['is longer than any', new Uint8Array(4096)],
    ['has a price with a sign', changed(8, Uint8Array.of(1, 5))],
    ['has a price with zeros before it', changed(8, Uint8Array.of(0, 0, 5))],
    ['has a price of nothing with a sign', changed(8, Uint8Array.of(0))],
    ['has a price beyond all money', changed(8, Uint8Array.of(0, 1, ...new Uint8Array(16)))],
    ['has a client that is text', changed(3, 'f01000')],
    ['has a client that is no address', changed(3, Uint8Array.of(9, 9))],
    ['starts before the chain', changed(6, -1)],
    ['has a piece of another size', changed(1, 2047)],
    ['has a list that is short', cbor.encode([list[0].slice(1), list[1]])],
    ['has no signature, not even an empty one', cbor.encode([list[0]])],
    ['has a signature without a type', cbor.encode([list[0], new Uint8Array(0)])],
    ['has a signature of type 0 with data', cbor.encode([list[0], Uint8Array.of(0, 1)])],
  ])('is refused when it %s', (_, bytes) => { expect(() => decodeClientProposal(bytes)).toThrow(BAD) })

  it('is not written with a signature that cannot be', () => {
    for (const signature of [{ type: 0, data: Uint8Array.of(1) }, { type: 256, data: Uint8Array.of(1) }, { type: 1, data: new Uint8Array(201) }]) expect(() => encodeClientProposal(proposal, signature)).toThrow(BAD)
  })
})

describe('the states', () => {
  it('have the names and the numbers of go-fil-markets', () => {
    expect(RETRIEVAL_DEAL_STATES).toEqual(vectors.RetrievalStates)
    expect(STORAGE_DEAL_STATES).toEqual(vectors.StorageStates)
    for (const [name, number] of Object.entries(vectors.RetrievalStates)) expect(retrievalDealState(number)).toBe(name)
    expect(retrievalDealState(35)).toBeUndefined()
  })
})
