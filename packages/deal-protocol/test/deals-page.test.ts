/** The messages of docs/deals.md are such as are read. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeDealStatus, decodeProposalAnswer, decodeProposalMessage, decodeProviderAsk, decodeRetrievalAnswer, decodeRetrievalProposal, decodeRetrievalStatus } from '../src/index.ts'

const page = readFileSync(new URL('../../../docs/deals.md', import.meta.url), 'utf8')
  .replaceAll('bafy…', 'bafyreigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm')
  .replaceAll('baga…', 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq')
  .replaceAll('govYKl…', 'govY').replaceAll('1786…', '1786000000000000000')
  .replace('"url":"…","token":"…"', `"url":"http://client.example/deals/v1/payloads/x","token":"${'A'.repeat(43)}"`)
const blocks = [...page.matchAll(/^```json\n(.*?)^```$/gmsu)].map(([, text = '']) => text)
const inline = [...page.matchAll(/`(\{.*?\})`/gu)].map(([, text = '']) => text)

describe('docs/deals.md', () => {
  it('has messages as they are read', () => {
    expect(blocks).toHaveLength(4)
    const [ask, proposal, status, retrieval] = blocks as [string, string, string, string]
    expect(decodeProviderAsk(ask).retrieval.paymentInterval).toBe(1n << 20n)
    expect(decodeProposalMessage(proposal).transfer).toEqual({ type: 'http-push' })
    expect(decodeDealStatus(status).dealId).toBe(7n)
    expect(decodeRetrievalProposal(retrieval).selector?.entityBytes).toEqual({ from: 0, to: 99 })
    const transfers = inline.filter((text) => text.startsWith('{"type"'))
    expect(transfers.map((transfer) => decodeProposalMessage(proposal.replace('{"type":"http-push"}', transfer)).transfer.type)).toEqual(['manual', 'http-push', 'http-pull'])
    const found = (member: string): string => inline.find((text) => text.includes(`"${member}"`))!
    expect(decodeProposalAnswer(found('proposalCid')).accepted).toBe(false)
    expect(decodeRetrievalAnswer(inline.find((text) => text.startsWith('{"accepted"'))!).dealId).toBe(1786000000000000000n)
    expect(decodeRetrievalStatus(found('sentBytes')).state).toBe('DealStatusOngoing')
  })
})
