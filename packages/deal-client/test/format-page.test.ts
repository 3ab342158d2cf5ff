import { readFileSync } from 'node:fs'
import { checkProposal, encodeClientProposal, proposalCidOf } from '@dagstore/deal-protocol'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type ClientDealProgress, type ClientDealTerms, type DealSecrets, decodeProgress, decodeSecrets, decodeTerms, encodeProgress, encodeSecrets, encodeTerms } from '../src/index.ts'

const proposal = checkProposal({
  pieceCid: CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'), pieceSize: 2048, verifiedDeal: false, client: 'f01001', provider: 'f01000', label: 'hall',
  startEpoch: 100n, endEpoch: 2000n, storagePricePerEpoch: 1n, providerCollateral: 0n, clientCollateral: 0n,
})
const proposalCid = proposalCidOf(encodeClientProposal(proposal, undefined))
const at = Date.UTC(2021, 7, 17)
const terms: ClientDealTerms = {
  proposalCid, proposal, clientSignature: undefined, provider: 'http://p/', root: CID.parse('bafkqac3imvwgy3zao5xxe3de'), transferType: 'http-push', payloadBytes: 1411, fastRetrieval: true,
  transferId: BigInt(at) * 1_000_000n, createdAt: at,
}
const progress: ClientDealProgress = {
  state: 'StorageDealClientTransferRestart', message: 'no', updatedAt: at + 1000, sentBytes: 1000, dealId: undefined, publishCid: undefined, reservedFunds: 1900n, repeats: 0,
  failure: { code: 'X', message: 'no', at: at + 1000, retry: 'later', attempts: 1, nextRetryAt: at + 6000 },
  stages: [{ state: 'StorageDealReserveClientFunds', message: '', at }, { state: 'StorageDealClientTransferRestart', message: 'no', at: at + 1000 }],
}
const secrets: DealSecrets = { token: 'A'.repeat(43), pullToken: undefined }
const records = [encodeTerms(terms), encodeProgress(progress), encodeSecrets(secrets)]

describe('docs/formats/client-deals.md', () => {
  it('has the bytes that are written, and they are read back', () => {
    const page = readFileSync(new URL('../../../docs/formats/client-deals.md', import.meta.url), 'utf8')
    expect(page).toContain(proposalCid.toString())
    const blocks = [...page.matchAll(/^```hex\n(.*?)^```$/gmsu)].map(([, text = '']) => text.split('\n').map((line) => line.split(/ {3,}(?=\S)/u).find((part) => /^[0-9a-f ]+$/u.test(part)) ?? '').join('').replaceAll(' ', ''))
    expect(blocks).toEqual(records.map((bytes) => Buffer.from(bytes).toString('hex')))
    expect(decodeTerms(proposalCid, Buffer.from(blocks[0]!, 'hex'))).toEqual(terms)
    expect(decodeProgress(proposalCid, Buffer.from(blocks[1]!, 'hex'))).toEqual(progress)
    expect(decodeSecrets(proposalCid, Buffer.from(blocks[2]!, 'hex'))).toEqual(secrets)
  })
})

describe('a record of a deal', () => {
  const BAD = expect.objectContaining({ code: 'DEAL_CLIENT_BAD_RECORD', deal: proposalCid.toString() })
  const decoders = [decodeTerms, decodeProgress, decodeSecrets] as const

  it('with everything in it is read as it was written', () => {
    const full: ClientDealProgress = { ...progress, state: 'StorageDealActive', dealId: (1n << 64n) - 1n, publishCid: proposalCid, reservedFunds: 10n ** 40n, failure: undefined, repeats: 8 }
    expect(decodeProgress(proposalCid, encodeProgress(full))).toEqual(full)
    const signed: ClientDealTerms = { ...terms, proposal: { ...proposal, client: 't01001', provider: 't01000' }, clientSignature: { type: 1, data: Uint8Array.of(9, 9) }, payloadBytes: undefined, transferType: 'manual' }
    expect(decodeTerms(proposalCid, encodeTerms(signed))).toEqual(signed)
    expect(decodeSecrets(proposalCid, encodeSecrets({ token: 'a', pullToken: 'b' }))).toEqual({ token: 'a', pullToken: 'b' })
  })

  it('is refused cut anywhere, and of a later version', () => {
    for (const [i, bytes] of records.entries()) {
      for (let length = 0; length < bytes.byteLength; length++) expect(() => decoders[i]!(proposalCid, bytes.subarray(0, length))).toThrow(BAD)
      expect(() => decoders[i]!(proposalCid, Uint8Array.of(bytes[0]!, 2, ...bytes.subarray(2)))).toThrow(BAD)
    }
  })

  it('is read or refused, and nothing else, whatever its bytes are', () => {
    const any = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.tuple(fc.constantFrom(...records), fc.nat(), fc.nat(255)).map(([bytes, at_, value]) => bytes.map((byte, i) => i === at_ % bytes.byteLength ? value : byte)))
    fc.assert(fc.property(any, (bytes) => {
      for (const decode of decoders) try { decode(proposalCid, bytes) } catch (error) { expect(error).toEqual(BAD) }
    }), { seed: 3, numRuns: 500 })
  })
})
