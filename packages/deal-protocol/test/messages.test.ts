import { pieceCidV1 } from '@dagstore/piece'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import {
  type DealStatus, decodeDealStatus, decodeProposalAnswer, decodeProposalMessage, decodeProviderAsk, decodeRefusal, decodeRetrievalAnswer, decodeRetrievalOffer, decodeRetrievalProposal, decodeRetrievalStatus,
  encodeDealStatus, encodeProposalAnswer, encodeProposalMessage, encodeProviderAsk, encodeRefusal, encodeRetrievalAnswer, encodeRetrievalOffer, encodeRetrievalProposal, encodeRetrievalStatus, MAX_MESSAGE_BYTES,
  type ProposalMessage, type ProviderAsk, type RetrievalOffer, type RetrievalProposal, type RetrievalTerms,
} from '../src/index.ts'

const BAD = expect.objectContaining({ code: 'DEAL_BAD_MESSAGE' })
const piece = pieceCidV1(new Uint8Array(32).fill(7))
const cid = CID.parse('bafyreigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm')
const BIG = (1n << 64n) - 1n
const terms: RetrievalTerms = { pricePerByte: 10n ** 30n, unsealPrice: 0n, paymentInterval: BIG, paymentIntervalIncrease: 1n << 20n }
const ask: ProviderAsk = { provider: 'f01000', pricePerEpochPerGiB: 5n, verifiedPricePerEpochPerGiB: 0n, minPieceBytes: 256, maxPieceBytes: 2 ** 36, expiryEpoch: (1n << 63n) - 1n, transferTypes: ['http-push', 'manual'], retrieval: terms }
const token = 'A'.repeat(43)
const proposal: ProposalMessage = {
  clientProposal: Uint8Array.of(1, 2, 255), payloadCid: cid, payloadBytes: 1411, transfer: { type: 'http-pull', url: 'http://client.example:2350/deals/v1/payloads/x', token }, fastRetrieval: true, clientPeer: '12D3',
}
const status: DealStatus = { proposalCid: cid, state: 'StorageDealActive', message: 'é"', dealId: BIG, publishCid: cid, pieceCid: piece, receivedBytes: 5, payloadBytes: Number.MAX_SAFE_INTEGER, fastRetrieval: false }
const offer: RetrievalOffer = { status: 'available', message: '', pieceCid: piece, pieceFound: true, sizeBytes: 2032, paymentAddress: 'f01000', terms }
const retrieval: RetrievalProposal = { id: BIG, payloadCid: cid, pieceCid: piece, selector: { path: 'a/b', scope: 'entity', entityBytes: { from: -5, to: undefined } }, terms, clientPeer: undefined }

interface Kind { readonly what: string, readonly messages: readonly object[], readonly encode: (message: any) => string, readonly decode: (text: string) => object }
const KINDS: readonly Kind[] = [
  { what: 'ask', messages: [ask], encode: encodeProviderAsk, decode: decodeProviderAsk },
  {
    what: 'proposal', messages: [proposal, { ...proposal, transfer: { type: 'http-push' }, clientPeer: undefined }, { ...proposal, payloadCid: undefined, payloadBytes: undefined, transfer: { type: 'manual' }, clientProposal: new Uint8Array(0) }],
    encode: encodeProposalMessage, decode: decodeProposalMessage,
  },
  { what: 'answer', messages: [{ proposalCid: cid, accepted: false, state: 'StorageDealProposalRejected', message: 'too dear' }], encode: encodeProposalAnswer, decode: decodeProposalAnswer },
  { what: 'status', messages: [status, { ...status, dealId: undefined, publishCid: undefined, receivedBytes: undefined, payloadBytes: undefined }], encode: encodeDealStatus, decode: decodeDealStatus },
  { what: 'offer', messages: [offer, { ...offer, status: 'error', pieceCid: undefined }], encode: encodeRetrievalOffer, decode: decodeRetrievalOffer },
  { what: 'retrieval', messages: [retrieval, { ...retrieval, pieceCid: undefined, selector: undefined, clientPeer: 'me' }], encode: encodeRetrievalProposal, decode: decodeRetrievalProposal },
  { what: 'answer to a retrieval', messages: [{ accepted: true, dealId: BIG, message: '' }], encode: encodeRetrievalAnswer, decode: decodeRetrievalAnswer },
  { what: 'status of a retrieval', messages: [{ dealId: 0n, state: 'DealStatusOngoing', sentBytes: 0, message: '' }], encode: encodeRetrievalStatus, decode: decodeRetrievalStatus },
  { what: 'refusal', messages: [{ code: 'DEAL_BAD_PROPOSAL', message: 'no' }], encode: encodeRefusal, decode: decodeRefusal },
]

describe.each(KINDS)('the message: $what', ({ messages, encode, decode }) => {
  it('is read as it was written', () => {
    for (const message of messages) expect(decode(encode(message))).toEqual(message)
  })

  it('may have members that nobody knows, and null for those that are absent', () => {
    for (const message of messages) expect(decode(JSON.stringify({ ...JSON.parse(encode(message)) as object, later: [1], clientPeer: null }))).toEqual('clientPeer' in message ? { ...message, clientPeer: undefined } : message)
  })

  it('is refused without a member that it must have, or with one of another kind', () => {
    for (const message of messages) {
      const plain = JSON.parse(encode(message)) as Record<string, unknown>
      for (const name of Object.keys(plain)) {
        for (const value of [1.5, -1, true === plain[name] || false === plain[name] ? 'true' : false]) expect(() => decode(JSON.stringify({ ...plain, [name]: value }))).toThrow(BAD)
        const { [name]: _, ...rest } = plain
        let read: object | undefined
        try { read = decode(JSON.stringify(rest)) } catch (error) { expect(error).toEqual(BAD) }
        if (read !== undefined) expect(['clientPeer', 'dealId', 'publishCid', 'pieceCid', 'receivedBytes', 'payloadBytes', 'selector']).toContain(name)
      }
    }
  })

  it('is refused or read, and nothing else, whatever the text is', () => {
    const any = fc.oneof(fc.string(), fc.json(), fc.constantFrom(...messages.map(encode)).chain((text) => fc.nat(text.length).map((at) => text.slice(0, at))))
    fc.assert(fc.property(any, (text) => {
      try { decode(text) } catch (error) { expect(error).toEqual(BAD) }
    }), { seed: 7, numRuns: 500 })
  })

  it('is refused when it is too long, though it is well-formed', () => {
    expect(() => decode(`${encode(messages[0])}${' '.repeat(MAX_MESSAGE_BYTES)}`)).toThrow(BAD)
  })
})

const withMember = (kind: string, name: string, value: unknown): () => object => {
  const { messages, encode, decode } = KINDS.find(({ what }) => what === kind)!
  return () => decode(JSON.stringify({ ...JSON.parse(encode(messages[0])) as object, [name]: value }))
}

describe('a message', () => {
  it.each<[string, string, unknown]>([
    ['ask', 'pricePerEpochPerGiB', '-1'],
    ['ask', 'pricePerEpochPerGiB', '01'],
    ['ask', 'pricePerEpochPerGiB', '1e3'],
    ['ask', 'pricePerEpochPerGiB', (1n << 128n).toString()],
    ['ask', 'minPieceBytes', 255],
    ['ask', 'minPieceBytes', 2 ** 37],
    ['ask', 'expiryEpoch', (1n << 63n).toString()],
    ['ask', 'transferTypes', Array.from({ length: 17 }, () => 'x')],
    ['proposal', 'clientProposal', 'AQI'],
    ['proposal', 'clientProposal', 'AQL_'],
    ['proposal', 'payloadCid', { '/': 'bafy' }],
    ['proposal', 'payloadCid', { '/': `b${'a'.repeat(600)}` }],
    ['proposal', 'payloadBytes', 2 ** 53],
    ['proposal', 'payloadBytes', undefined],
    ['proposal', 'payloadCid', undefined],
    ['proposal', 'transfer', { type: 'graphsync' }],
    ['proposal', 'transfer', { type: 'http-pull', url: 'http://x/' }],
    ['proposal', 'transfer', { type: 'http-pull', url: 'file:///etc/passwd', token }],
    ['proposal', 'transfer', { type: 'http-pull', url: 'http://me:pw@x/', token }],
    ['proposal', 'transfer', { type: 'http-pull', url: 'no url', token }],
    ['proposal', 'transfer', { type: 'http-pull', url: `http://x/${'y'.repeat(3000)}`, token }],
    ['proposal', 'transfer', { type: 'http-pull', url: 'http://x/', token: 'short' }],
    ['status', 'state', 'StorageDealNone'],
    ['status', 'state', 'toString'],
    ['status', 'dealId', (1n << 64n).toString()],
    ['offer', 'status', 'maybe'],
    ['retrieval', 'selector', { scope: 'all', entityBytes: { from: 0 } }],
    ['retrieval', 'selector', { scope: 'none' }],
    ['retrieval', 'selector', { entityBytes: { from: 0.5 } }],
    ['retrieval', 'selector', { path: 'x'.repeat(5000) }],
  ])('is refused when its member is not what it has to be: %s, %s', (kind, name, value) => { expect(withMember(kind, name, value)).toThrow(BAD) })

  it('keeps no secret in what is said of it', () => {
    const text = JSON.stringify({ ...JSON.parse(encodeProposalMessage(proposal)) as object, fastRetrieval: 'x' })
    try {
      decodeProposalMessage(text)
      expect.unreachable()
    } catch (error) { expect((error as Error).message).not.toContain(token) }
  })
})
