/** A provider that speaks `/deals/v1` over a fetch function: its deals and files outlive it, and the rest is up to the test. */
import {
  type ClientProposal, type DealStatus, decodeClientProposal, decodeProposalMessage, encodeDealStatus, encodeProposalAnswer, encodeProviderAsk, encodeRefusal, proposalCidOf, type ProposalMessage,
  type ProviderAsk, type StorageDealState,
} from '@dagstore/deal-protocol'
import { type Clock, createMemoryDirectory, type Directory } from '@dagstore/io'
import { createCommP, padCommitment, pieceCidV1 } from '@dagstore/piece'
import { openPayloadReceiver, type PayloadIntake, pullPayload, receivePayloads } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { hashes } from './dags.ts'

export interface FakeDeal {
  readonly proposalCid: CID
  readonly of: ClientProposal
  readonly message: ProposalMessage
  readonly token: string
  state: StorageDealState
  why: string
  receivedBytes: number
  /** Times that it was proposed. */
  proposed: number
}

export interface FakeProvider {
  readonly fetch: typeof fetch
  /** `PUT transfers/…`, `POST proposals`: what was asked for, in order. */
  readonly asked: string[]
  readonly deals: Map<string, FakeDeal>
  ask: ProviderAsk
  /** What comes of a request on its way. */
  before: (request: Request, name: string) => Request | Promise<Request>
  /** In place of an answer; `undefined`: as ever. */
  instead: (request: Request, name: string) => Response | Promise<Response> | undefined
  /** After an answer was made, before it arrives. */
  after: (name: string, response: Response) => Response | Promise<Response>
  /** Deals go on by themselves, one state for each time that somebody asks. @default true */
  goesOn: boolean
  /** Its process ends and another one begins. */
  restart(): Promise<void>
  close(): Promise<void>
  /** Once. */
  pull(deal: FakeDeal): Promise<void>
  /** For what providers ask of a client. */
  fetchBack: typeof fetch
}

export const PROVIDER = 'http://provider.example:2350/'

const ASK: ProviderAsk = {
  provider: 'f01000', pricePerEpochPerGiB: 0n, verifiedPricePerEpochPerGiB: 0n, minPieceBytes: 256, maxPieceBytes: 2 ** 35, expiryEpoch: 1n << 40n, transferTypes: ['http-push', 'http-pull', 'manual'],
  retrieval: { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 1n, paymentIntervalIncrease: 1n },
}
const NEXT: Readonly<Partial<Record<StorageDealState, StorageDealState>>> = {
  StorageDealVerifyData: 'StorageDealStaged', StorageDealStaged: 'StorageDealAwaitingPreCommit', StorageDealAwaitingPreCommit: 'StorageDealSealing', StorageDealSealing: 'StorageDealFinalizing',
  StorageDealFinalizing: 'StorageDealActive',
}

export const createFakeProvider = (clock: Clock, files: Directory = createMemoryDirectory()): FakeProvider => {
  const deals = new Map<string, FakeDeal>()
  const fileOf = (deal: FakeDeal): string => `staging/${deal.proposalCid.toString()}.car`
  const receiverOf = async (deal: FakeDeal): ReturnType<typeof openPayloadReceiver> =>
    openPayloadReceiver(await files.openWritable(fileOf(deal), 'any'), { root: deal.message.payloadCid!, totalBytes: deal.message.payloadBytes!, hashes })
  /** What arrived, held against what was proposed. */
  const verify = async (deal: FakeDeal): Promise<void> => {
    deal.receivedBytes = deal.message.payloadBytes!
    const file = await files.openSource(fileOf(deal))
    const head = await file.read(0, 51)
    const view = new DataView(head.buffer, head.byteOffset)
    const commp = createCommP()
    commp.write(await file.read(Number(view.getBigUint64(27, true)), Number(view.getBigUint64(35, true))))
    await file.close()
    const { commitment, paddedBytes } = commp.finish()
    const { pieceCid, pieceSize } = deal.of.proposal
    const isIt = paddedBytes <= pieceSize && pieceCidV1(padCommitment(commitment, paddedBytes, pieceSize)).equals(pieceCid)
    deal.state = isIt ? 'StorageDealVerifyData' : 'StorageDealError'
    if (!isIt) deal.why = 'not the bytes of the piece'
  }
  const newIntake = (): PayloadIntake => receivePayloads({
    prefix: '/deals/v1/transfers/',
    clock,
    find: async (id, token) => {
      const deal = deals.get(id)
      if (deal === undefined) return undefined
      if (token !== deal.token) return 'unauthorized'
      return {
        open: async () => {
          if (deal.state === 'StorageDealWaitingForData' || deal.state === 'StorageDealProviderTransferAwaitRestart') deal.state = 'StorageDealTransferring'
          return receiverOf(deal)
        },
        completed: async () => { if (deal.state === 'StorageDealTransferring') await verify(deal) },
        cancelled: async () => { deal.state = 'StorageDealError'; deal.why = 'cancelled' },
      }
    },
  })
  let intake = newIntake()

  const provider: FakeProvider = {
    asked: [], deals, ask: ASK, goesOn: true, before: (request) => request, instead: () => undefined, after: (_, response) => response, fetchBack: fetch,
    fetch: async (input, init) => {
      const request = new Request(input as string | URL, { ...init, ...init?.body == null ? {} : { duplex: 'half' } } as RequestInit)
      request.signal.throwIfAborted()
      const path = new URL(request.url).pathname.replace('/deals/v1/', '')
      const name = `${request.method} ${path.split('/')[0]}`
      provider.asked.push(name)
      const arrived = await provider.before(request, name)
      const response = await provider.instead(arrived, name) ?? await answer(arrived, path)
      return provider.after(name, response)
    },
    restart: async () => {
      await intake.close()
      for (const deal of deals.values()) if (deal.state === 'StorageDealTransferring') deal.state = 'StorageDealProviderTransferAwaitRestart'
      intake = newIntake()
    },
    close: () => intake.close(),
    pull: async (deal) => {
      if (deal.message.transfer.type !== 'http-pull') throw new Error('nothing to pull')
      const { url, token } = deal.message.transfer
      deal.state = 'StorageDealTransferring'
      const receiver = await receiverOf(deal)
      try {
        await pullPayload(url, receiver, { token, fetch: provider.fetchBack, clock, onProgress: ({ doneBytes }) => { deal.receivedBytes = doneBytes } })
        await receiver.finish()
      } finally {
        await receiver.close()
      }
      await verify(deal)
    },
  }

  const refusal = (status: number, code: string): Response => new Response(encodeRefusal({ code, message: 'no' }), { status })
  const answer = async (request: Request, path: string): Promise<Response> => {
    const token = request.headers.get('x-transfer-token') ?? ''
    const [first, id = ''] = path.split('/')
    if (first === 'ask') return new Response(encodeProviderAsk(provider.ask))
    if (first === 'transfers') return await intake.handler(request, { client: 'client' }) ?? refusal(404, 'X')
    if (first === 'deals') {
      const deal = deals.get(id)
      if (deal === undefined) return refusal(404, 'DEAL_UNKNOWN')
      if (deal.token !== token) return refusal(403, 'DEAL_TOKEN')
      const { proposalCid, state, why, receivedBytes, message, of } = deal
      const status: DealStatus = {
        proposalCid, state, message: why, pieceCid: of.proposal.pieceCid, receivedBytes, payloadBytes: message.payloadBytes, fastRetrieval: true,
        ...state === 'StorageDealActive' ? { dealId: 7n, publishCid: proposalCid } : {},
      }
      if (provider.goesOn) deal.state = NEXT[deal.state] ?? deal.state
      return new Response(encodeDealStatus(status))
    }
    if (first !== 'proposals') return refusal(404, 'X')
    const message = decodeProposalMessage(await request.text())
    const of = decodeClientProposal(message.clientProposal)
    const proposalCid = proposalCidOf(message.clientProposal)
    const known = deals.get(proposalCid.toString())
    if (known !== undefined && known.token !== token) return refusal(403, 'DEAL_TOKEN')
    const deal = known ?? { proposalCid, of, message, token, state: 'StorageDealWaitingForData' as StorageDealState, why: '', receivedBytes: 0, proposed: 0 }
    deal.proposed++
    deals.set(proposalCid.toString(), deal)
    return new Response(encodeProposalAnswer({ proposalCid, accepted: true, state: deal.state, message: '' }))
  }
  return provider
}
