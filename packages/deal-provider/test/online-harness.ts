/** A provider that is asked over `/deals/v1/`, and a client with data for it, on the disk and database of tests. */
import { payloadForm } from '@dagstore/dag'
import { encodeClientProposal, encodeProposalMessage, decodeDealStatus, decodeProposalAnswer, type DealProposal, type DealStatus, type ProposalAnswer, proposalCidOf, type ProviderAsk, type RetrievalTerms, type TransferTerms } from '@dagstore/deal-protocol'
import { createHashes, IDENTITY, SHA2_256 } from '@dagstore/hashes'
import { oneChunk, toCid } from '@dagstore/read-blockstore'
import { type PayloadSource, payloadSource, pushPayload, type TransferClientOptions } from '@dagstore/transfer'
import * as cbor from '@ipld/dag-cbor'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { createDealsHandler, type DealsHandler, type DealsHandlerOptions, openRetrievalDeals, type RetrievalDeals, type RetrievalDealsOptions } from '../src/http.ts'
import { type Harness, type HarnessOptions, openHarness, proposalOf } from './harness.ts'

export const hashes: ReturnType<typeof createHashes> = createHashes()
export const AT = 'http://provider.test/deals/v1'
export const NO_TERMS: RetrievalTerms = { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 0n, paymentIntervalIncrease: 0n }

export interface TestData {
  readonly root: CID
  readonly payload: Uint8Array
  readonly blocks: ReadonlyMap<string, Uint8Array>
  readonly leaves: readonly CID[]
  source(): Promise<PayloadSource>
}

/** A root over leaves of so many bytes each, one of which its CID holds itself. */
export const dataOf = async (seed: number, leaves = 6, bytes = 700): Promise<TestData> => {
  const blocks = new Map<string, Uint8Array>()
  const add = (codec: number, data: Uint8Array, hash: number = SHA2_256): CID => {
    const cid = CID.createV1(codec, create(hash, hashes.digest(hash, data)))
    if (hash !== IDENTITY) blocks.set(cid.toString(), data)
    return cid
  }
  const links = [...Array.from({ length: leaves }, (_, at) => add(0x55, seededBytes(seed * 100 + at, bytes))), add(0x55, Uint8Array.of(1, 2, 3), IDENTITY)]
  const root = add(0x71, cbor.encode({ seed, links }))
  const store = {
    get: (cid: Parameters<typeof toCid>[0]) => oneChunk(async () => {
      const { multihash } = toCid(cid)
      const found = multihash.code === IDENTITY ? multihash.digest : blocks.get(toCid(cid).toString())
      if (found === undefined) throw new Error('no such block')
      return found
    }),
  }
  const parts: Uint8Array[] = []
  for await (const chunk of payloadForm(store, root)) parts.push(chunk.slice())
  return { root, blocks, leaves: links, payload: new Uint8Array(Buffer.concat(parts)), source: () => payloadSource(store, root, { hashes }) }
}

export interface Online extends Harness {
  readonly retrievals: RetrievalDeals
  readonly front: DealsHandler
  readonly fetch: typeof fetch
  readonly ask: ProviderAsk
  /** Of one that is 43 characters long. */
  ask200 (path: string, init?: RequestInit): Promise<Response>
  propose (data: TestData, options?: ProposeOptions): Promise<ProposalAnswer>
  status (proposalCid: CID, token?: string): Promise<DealStatus>
  push (proposalCid: CID, data: TestData, options?: TransferClientOptions): Promise<void>
  end (): Promise<void>
  again (more?: OnlineOptions): Promise<Online>
}

export interface ProposeOptions {
  readonly token?: string
  readonly transfer?: TransferTerms
  readonly payloadBytes?: number
  readonly proposal?: Partial<DealProposal>
  readonly client?: string
}

export interface OnlineOptions extends HarnessOptions {
  readonly handler?: Partial<DealsHandlerOptions>
  readonly retrieval?: Partial<RetrievalDealsOptions>
  readonly ask?: Partial<ProviderAsk>
}

export const tokenOf = (letter: string): string => letter.repeat(43)
export const TOKEN: string = tokenOf('a')

export const openOnline = async (options: OnlineOptions = {}): Promise<Online> => {
  const { handler: more, retrieval, ask: asked, ...rest } = options
  const h = await openHarness(rest)
  const ask: ProviderAsk = {
    provider: 'f01000', pricePerEpochPerGiB: 0n, verifiedPricePerEpochPerGiB: 0n, minPieceBytes: 256, maxPieceBytes: 1 << 20, expiryEpoch: 1n << 40n,
    transferTypes: ['http-push', 'http-pull', 'manual'], retrieval: NO_TERMS, ...asked,
  }
  const retrievals = await openRetrievalDeals({
    db: h.db, dagstore: h.dagstore, pieces: h.pieces, isUnsealed: async (piece, call) => (await h.loader.stat(piece, call)).unsealed === 'yes', terms: ask.retrieval, paymentAddress: ask.provider, hashes, clock: h.clock, ...retrieval,
  })
  const front = createDealsHandler({ deals: h.provider, retrievals, ask: () => ask, epoch: () => 0n, hashes, clock: h.clock, ...more })
  const send: typeof fetch = async (input, init) => {
    const request = new Request(input as string | URL, { ...init, ...init?.body == null ? {} : { duplex: 'half' } } as RequestInit)
    return await front.handler(request, { client: request.headers.get('x-test-client') ?? 'here' }) ?? new Response(null, { status: 404 })
  }
  const ask200: Online['ask200'] = (path, init) => send(`${AT}/${path}`, init)
  const end = async (): Promise<void> => {
    await front.close()
    await retrievals.close()
    await h.close()
  }
  return {
    ...h, retrievals, front, fetch: send, ask, ask200, end,
    propose: async (data, given) => {
      const answer = await ask200('proposals', { method: 'POST', headers: { 'x-transfer-token': given?.token ?? TOKEN, 'x-test-client': given?.client ?? 'here' }, body: proposalText(data, given) })
      if (answer.status !== 200) throw Object.assign(new Error(await answer.text()), { status: answer.status, code: answer.headers.get('x-error-code') })
      return decodeProposalAnswer(await answer.text())
    },
    status: async (proposalCid, token = TOKEN) => {
      const answer = await ask200(`deals/${proposalCid.toString()}`, { headers: { 'x-transfer-token': token } })
      if (answer.status !== 200) throw Object.assign(new Error(await answer.text()), { status: answer.status })
      return decodeDealStatus(await answer.text())
    },
    push: async (proposalCid, data, given) => pushPayload(`${AT}/transfers/${proposalCid.toString()}`, await data.source(), { token: TOKEN, fetch: send, clock: h.clock, attempts: 1, ...given }),
    again: async (next = {}) => {
      await end()
      return openOnline({ ...options, clock: h.clock, ...next, world: { fs: h.fs, db: h.db } })
    },
  }
}

/** The least that is agreed upon, signed by nobody. */
export const signedOf = (data: TestData, more: Partial<DealProposal> = {}): Uint8Array => encodeClientProposal({ ...proposalOf(data.payload), ...more }, undefined)

export const nameOf = (data: TestData, more?: Partial<DealProposal>): CID => proposalCidOf(signedOf(data, more))

export const proposalText = (data: TestData, { transfer = { type: 'http-push' }, payloadBytes = data.payload.byteLength, proposal }: ProposeOptions = {}): string =>
  encodeProposalMessage({ clientProposal: signedOf(data, proposal), payloadCid: data.root, payloadBytes: transfer.type === 'manual' ? undefined : payloadBytes, transfer, fastRetrieval: true })
