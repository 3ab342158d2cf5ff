import { readFileSync } from 'node:fs'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { checkProposal, decodeProgress, decodeTerms, type DealProgress, type DealTerms, encodeProgress, encodeTerms } from '../src/index.ts'

const terms: DealTerms = {
  proposalCid: CID.parse('bafyreigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm'),
  proposal: checkProposal({
    pieceCid: CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'), pieceSize: 2048, verifiedDeal: true, client: 'f01001', provider: 'f01000', label: 'hall',
    startEpoch: 100n, endEpoch: 2000n, storagePricePerEpoch: 1000n, providerCollateral: 0n, clientCollateral: 0n,
  }),
  clientSignature: undefined, dealId: 7n, publishCid: undefined, payloadCid: undefined, transferType: 'manual', fastRetrieval: true, clientPeer: undefined,
  createdAt: Date.UTC(2021, 7, 17),
}
const progress: DealProgress = {
  state: 'StorageDealActive', message: '', updatedAt: Date.UTC(2021, 7, 17, 0, 0, 1), staged: undefined, payloadBytes: 1411, place: { miner: 1000n, sector: 7n, offsetPadded: 0, lengthPadded: 2048 },
  shard: { state: 'registered' }, failure: undefined, slashEpoch: undefined,
}

describe('docs/formats/deals.md', () => {
  it('has the bytes that are written, and they are read back', () => {
    const page = readFileSync(new URL('../../../docs/formats/deals.md', import.meta.url), 'utf8')
    const blocks = [...page.matchAll(/^```hex\n(.*?)^```$/gmsu)].map(([, text = '']) => text.split('\n').map((line) => line.split(/ {3,}(?=\S)/u).find((part) => /^[0-9a-f ]+$/u.test(part)) ?? '').join('').replaceAll(' ', ''))
    expect(blocks).toEqual([encodeTerms(terms), encodeProgress(progress)].map((bytes) => Buffer.from(bytes).toString('hex')))
    expect(decodeTerms(terms.proposalCid, Buffer.from(blocks[0]!, 'hex'))).toEqual(terms)
    expect(decodeProgress(Buffer.from(blocks[1]!, 'hex'))).toEqual(progress)
  })
})
