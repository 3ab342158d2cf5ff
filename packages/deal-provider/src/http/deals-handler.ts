/**
 * What a provider answers at `/deals/v1/`, as a web handler; the requests stand in docs/deals.md. Every request about one deal or retrieval carries
 * its token in `x-transfer-token`.
 */
import { decodeRetrievalProposal, encodeDealStatus, encodeProviderAsk, encodeRetrievalAnswer, encodeRetrievalOffer, encodeRetrievalStatus, type ProviderAsk, type ProviderDeal } from '@dagstore/deal-protocol'
import { createHashes, type Hashes } from '@dagstore/hashes'
import { type Clock, createKeyLock, systemClock } from '@dagstore/io'
import { receivePayloads, type TransferLimits, type TransferListener } from '@dagstore/transfer'
import { CID } from 'multiformats/cid'
import type { DealProvider } from '../deal-provider.ts'
import { epochAt } from '../online/asked-terms.ts'
import { answerProposal, type NoRoom, type ProposalParts } from '../online/proposals.ts'
import type { RetrievalDeals } from '../retrieval/retrieval-provider.ts'
import { answerError, answerJson, answerNothing, answerOf, readMessage } from './answers.ts'
import { createCallers } from './callers.ts'

export interface DealsHandlerLimits {
  /** Deals that wait for data from the network at a time, and as many whose data come as a file; with more, proposals are told to come later. @default 1000 */
  readonly maxWaiting?: number | undefined
  /** How long a token is taken after the proposal was made last, and data are waited for, milliseconds. @default 7 days */
  readonly tokenMs?: number | undefined
  /** Requests of one client under way, data not counted. @default 16 */
  readonly clientRequests?: number | undefined
  /** Proposals of one client in a minute, for storing and for giving back. @default 120 */
  readonly clientProposals?: number | undefined
  /** Of data that are pushed. */
  readonly transfers?: TransferLimits | undefined
}

export interface DealsHandlerOptions {
  readonly deals: Pick<DealProvider, 'accept' | 'deal' | 'online'>
  /** `undefined`: nothing is given back here. */
  readonly retrievals: Omit<RetrievalDeals, 'close' | typeof Symbol.asyncDispose> | undefined
  /** What is asked of proposals; its `expiryEpoch` is up to whoever makes it. */
  readonly ask: () => ProviderAsk
  /** @default that of the main network, by the clock */
  readonly epoch?: (() => bigint) | undefined
  /** @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** @throws for a URL from which nothing is fetched. @default all are taken */
  readonly checkUrl?: ((url: string) => void) | undefined
  /** Room for data. @default nobody knows */
  readonly freeBytes?: (() => Promise<number | undefined>) | undefined
  readonly limits?: DealsHandlerLimits | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  readonly onTransfer?: TransferListener | undefined
  /** A deal is not taken on since the disk has no room for its data; must not throw. @default nobody is told */
  readonly onNoRoom?: ((room: NoRoom) => void) | undefined
  /** What is answered with 500. @default nobody is told */
  readonly onProblem?: ((error: unknown) => void) | undefined
}

export interface DealsContext {
  /** Who shares limits; an address, say. @default all are one */
  readonly client?: string | undefined
}

export interface DealsHandler {
  /** `undefined`: the request is for somebody else. Never rejects. */
  readonly handler: (request: Request, context?: DealsContext) => Promise<Response | undefined>
  /** Ends data on their way, and closes their files, so that a later process goes on with them; before the deals are closed. */
  close(): Promise<void>
}

export const DEALS_PREFIX = '/deals/v1/'
const TRANSFERS = `${DEALS_PREFIX}transfers/`
const TOKEN = 'x-transfer-token'
const TOKEN_TEXT = /^[A-Za-z0-9_-]{43}$/
const U64 = /^(?:0|[1-9]\d{0,19})$/

export const DEALS_HANDLER_LIMITS: { readonly maxWaiting: number, readonly tokenMs: number, readonly clientRequests: number, readonly clientProposals: number } =
  Object.freeze({ maxWaiting: 1000, tokenMs: 7 * 86_400_000, clientRequests: 16, clientProposals: 120 })

type Route = (request: Request, url: URL, rest: string, client: string | undefined) => Promise<Response>

export const createDealsHandler = (options: DealsHandlerOptions): DealsHandler => {
  const { deals, retrievals, ask, hashes = createHashes(), clock = systemClock, epoch = () => epochAt(clock.now()), checkUrl, freeBytes, onTransfer, onNoRoom = () => {}, onProblem = () => {} } = options
  const limits = { ...DEALS_HANDLER_LIMITS, ...options.limits }
  const callers = createCallers(clock, { atOnce: limits.clientRequests ?? DEALS_HANDLER_LIMITS.clientRequests, perMinute: limits.clientProposals ?? DEALS_HANDLER_LIMITS.clientProposals })
  const proposals: ProposalParts = {
    deals, ask, epoch, hashes, clock, checkUrl, freeBytes, onNoRoom, turn: createKeyLock(),
    limits: { maxWaiting: limits.maxWaiting ?? DEALS_HANDLER_LIMITS.maxWaiting, tokenMs: limits.tokenMs ?? DEALS_HANDLER_LIMITS.tokenMs },
  }
  const intake = receivePayloads({
    prefix: TRANSFERS, clock, onEvent: onTransfer, ...limits.transfers === undefined ? {} : { limits: limits.transfers },
    find: async (id, token) => {
      const cid = cidOf(id)
      return cid === undefined ? undefined : deals.online.receiveTarget(cid, token)
    },
  })

  const routes: Readonly<Record<string, { readonly methods: string, readonly route: Route }>> = {
    ask: { methods: 'GET', route: async () => answerJson(encodeProviderAsk(ask())) },
    proposals: {
      methods: 'POST',
      route: async (request, _url, _rest, client = '') => withMessage(request, clock, (text, token) => answerProposal(proposals, text, { token, client, signal: request.signal })),
    },
    deals: {
      methods: 'GET',
      route: async (request, _url, rest) => {
        const cid = cidOf(rest)
        const deal = cid === undefined ? undefined : await deals.online.authorized(cid, tokenOf(request))
        return typeof deal === 'object' ? answerJson(statusOf(deal, deals.online.receivedBytes(deal))) : refused(deal)
      },
    },
    query: {
      methods: 'GET',
      route: async (request, { searchParams }) => {
        const [payload, piece] = [searchParams.get('payload'), searchParams.get('piece')]
        const [payloadCid, pieceCid] = [cidOf(payload ?? ''), piece === null ? undefined : cidOf(piece)]
        if (payloadCid === undefined || (piece !== null && pieceCid === undefined)) return answerError(400, 'DEAL_BAD_MESSAGE', 'want=payload and, perhaps, piece: CIDs')
        if (retrievals === undefined) return answerError(404, 'DEAL_UNKNOWN', 'nothing is given back here')
        return answerJson(encodeRetrievalOffer(await retrievals.query({ payloadCid, pieceCid, signal: request.signal })))
      },
    },
    retrievals: { methods: 'GET, HEAD, POST, DELETE', route: (request, url, rest, client) => answerRetrieval(request, url, rest, client) },
  }

  const answerRetrieval: Route = async (request, url, rest, client) => {
    if (retrievals === undefined) return answerError(404, 'DEAL_UNKNOWN', 'nothing is given back here')
    const token = tokenOf(request)
    if (rest === '') {
      if (request.method !== 'POST') return answerError(405, 'DEAL_BAD_MESSAGE', 'want=POST', { allow: 'POST' })
      return withMessage(request, clock, async (text, given) => answerJson(encodeRetrievalAnswer(await retrievals.propose(decodeRetrievalProposal(text), given, { client, signal: request.signal }))))
    }
    const [, number = '', path] = /^([^/]*)(\/ipfs\/.*)?$/s.exec(rest) ?? []
    const dealId = U64.test(number) ? BigInt(number) : undefined
    if (dealId === undefined) return refused(undefined)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (path !== undefined) {
      if (!isRead) return answerError(405, 'DEAL_BAD_MESSAGE', 'want=GET or HEAD', { allow: 'GET, HEAD' })
      const asked = new Request(new URL(path + url.search, url.origin), { method: request.method, headers: request.headers, signal: request.signal })
      const served = await retrievals.serve(dealId, token, asked, { client })
      if (served instanceof Response) return served
      return served === 'ended' ? answerError(409, 'DEAL_WRONG_STATE', 'the retrieval has ended') : refused(served)
    }
    if (request.method === 'DELETE') {
      const ended = await retrievals.end(dealId, token)
      return typeof ended === 'object' ? answerNothing() : refused(ended)
    }
    if (!isRead) return answerError(405, 'DEAL_BAD_MESSAGE', 'want=GET or DELETE', { allow: 'GET, HEAD, DELETE' })
    const deal = retrievals.authorized(dealId, token)
    if (typeof deal !== 'object') return refused(deal)
    return answerJson(encodeRetrievalStatus({ dealId, state: deal.state, sentBytes: deal.sentBytes, message: deal.message }))
  }

  return {
    handler: async (request, { client } = {}) => {
      const url = new URL(request.url)
      if (!url.pathname.startsWith(DEALS_PREFIX)) return undefined
      if (url.pathname.startsWith(TRANSFERS)) return await intake.handler(request, { client }) ?? refused(undefined)
      const [, name = '', rest = ''] = /^([^/]*)\/?(.*)$/s.exec(url.pathname.slice(DEALS_PREFIX.length)) ?? []
      const found = Object.hasOwn(routes, name) ? routes[name] : undefined
      if (found === undefined) return answerError(404, 'DEAL_UNKNOWN', 'there is nothing at that path')
      if (!`${found.methods}, HEAD`.split(', ').includes(request.method)) return answerError(405, 'DEAL_BAD_MESSAGE', `want=${found.methods}`, { allow: found.methods })
      const isData = name === 'retrievals' && rest.includes('/')
      // what gives back data has limits of its own
      const leave = isData ? () => {} : callers.enter(client ?? '', request.method === 'POST')
      if (leave === undefined) return answerError(503, 'DEAL_BUSY', 'too many requests', { 'retry-after': '5' })
      try {
        return await found.route(request, url, rest, client)
      } catch (error) {
        const answer = answerOf(error)
        if (answer.status === 500 && !request.signal.aborted) onProblem(error)
        return answer
      } finally {
        leave()
      }
    },
    close: () => intake.close(),
  }
}

const withMessage = async (request: Request, clock: Clock, run: (text: string, token: string) => Promise<Response>): Promise<Response> => {
  const token = tokenOf(request)
  if (token === undefined || !TOKEN_TEXT.test(token)) return answerError(403, 'DEAL_UNAUTHORIZED', `want=${TOKEN}: 43 letters, digits, - or _`)
  const message = await readMessage(request, clock)
  return 'refusal' in message ? message.refusal : run(message.text, token)
}

const tokenOf = (request: Request): string | undefined => request.headers.get(TOKEN) ?? undefined

const refused = (why: 'unauthorized' | 'expired' | undefined): Response => why === undefined
  ? answerError(404, 'DEAL_UNKNOWN', 'there is no such deal')
  : answerError(403, 'DEAL_UNAUTHORIZED', why === 'expired' ? 'the token has expired; the same proposal makes it good again' : 'another token')

const statusOf = (deal: ProviderDeal, receivedBytes: number | undefined): string => {
  const { proposalCid, state, message, dealId, publishCid, proposal: { pieceCid }, payloadBytes, fastRetrieval } = deal
  return encodeDealStatus({ proposalCid, state, message, dealId, publishCid, pieceCid, receivedBytes, payloadBytes, fastRetrieval })
}

/** Longer than any that there is. */
const MAX_CID_TEXT = 512

const cidOf = (text: string): CID | undefined => {
  try {
    return text.length > MAX_CID_TEXT ? undefined : CID.parse(text)
  } catch {
    return undefined
  }
}
