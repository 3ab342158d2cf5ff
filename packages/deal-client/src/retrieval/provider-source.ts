/** A provider as a source of blocks: its terms are asked for and a retrieval agreed upon when the first block is wanted. What has none of that is a plain gateway. */
import { decodeRetrievalAnswer, decodeRetrievalOffer, decodeRetrievalStatus, encodeRetrievalProposal, type RetrievalOffer, type RetrievalTerms } from '@dagstore/deal-protocol'
import { type CallOptions, withdrawable } from '@dagstore/io'
import { type DagPart, type DagSource, gatewaySource, type GatewaySourceOptions, TransferError, type TransferErrorCode } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { DealClientError } from '../errors.ts'
import { createProviderApi, type ProviderApi, type ProviderApiOptions } from '../provider-api.ts'

export interface Negotiation {
  readonly id: bigint
  readonly root: CID
  readonly pieceCid: CID | undefined
  readonly part: DagPart
  /** attoFIL, for all of it. */
  readonly maxPrice: bigint
  /** Of this provider's session. */
  readonly token: string
}

export interface ProviderSourceOptions extends ProviderApiOptions, Omit<GatewaySourceOptions, 'token' | 'fetch' | 'clock'> {
  /** Ends a negotiation under way, which serves all who ask for blocks. */
  readonly signal?: AbortSignal | undefined
  /** A retrieval is proposed, then agreed upon; of a plain gateway neither. */
  readonly onAgreement?: ((state: 'proposed' | 'accepted', provider: string, terms: RetrievalTerms) => void) | undefined
}

export interface ProviderSource extends DagSource {
  /** Tell it that nothing more is wanted; failures do not matter. */
  end(options: CallOptions): Promise<void>
}

/** What a provider that does not ask for retrievals is asked with. */
export const NO_TERMS: RetrievalTerms = Object.freeze({ pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 0n, paymentIntervalIncrease: 0n })

/** `undefined`: it is no provider of deals. @throws {DealClientError} `DEAL_CLIENT_UNREACHABLE`, `DEAL_CLIENT_BUSY` */
export const askOffer = async (api: ProviderApi, root: CID, piece: CID | undefined, options: CallOptions): Promise<RetrievalOffer | undefined> => {
  try {
    const { status, text } = await api.request(`query?payload=${root.toString()}${piece === undefined ? '' : `&piece=${piece.toString()}`}`, options)
    return status === 404 ? undefined : decodeRetrievalOffer(text)
  } catch (error) {
    options.signal?.throwIfAborted()
    // anything but an offer is what other servers say of a path that they do not know
    if (error instanceof DealClientError && error.retry === 'later') throw error
    return undefined
  }
}

/** attoFIL for all of it, as it is offered. */
export const priceOf = ({ terms, sizeBytes }: RetrievalOffer): bigint => terms.pricePerByte * BigInt(sizeBytes) + terms.unsealPrice

export const providerSource = (url: string, negotiation: Negotiation, options: ProviderSourceOptions): ProviderSource => {
  const api = createProviderApi(url, options)
  const source = gatewaySource(url, options)
  /** The session: its number and where its blocks are; without a number a plain gateway. */
  let agreed: Promise<Session> | undefined
  const agree = (): Promise<Session> => agreed ??= negotiate(api, source, negotiation, options).catch((error: unknown) => {
    // what may be another time is asked for again
    if (!(error instanceof TransferError) || error.retry === 'later') agreed = undefined
    throw error
  })
  /** Once more where the provider has forgotten the session, as after its restart. */
  const within = async <T>({ signal }: CallOptions, use: (source: DagSource) => Promise<T>): Promise<T> => {
    const session = await withdrawable(agree(), signal)
    try {
      return await use(session.source)
    } catch (error) {
      signal?.throwIfAborted()
      if (session.dealId === undefined || !(error instanceof TransferError) || !GONE.has(error.code) || await isOpen(api, session.dealId, negotiation.token, { signal })) throw error
      agreed = undefined
      return use((await withdrawable(agree(), signal)).source)
    }
  }
  return {
    name: source.name,
    car: (root, part, call = {}) => within(call, (at) => at.car(root, part, call)),
    block: (cid, call = {}) => within(call, (at) => at.block(cid, call)),
    end: async (call) => {
      const session = await agreed?.catch(() => undefined)
      if (session?.dealId === undefined) return
      await api.request(`retrievals/${session.dealId}`, { ...call, method: 'DELETE', token: negotiation.token }).catch(() => {})
    },
  }
}

interface Session {
  readonly dealId: bigint | undefined
  readonly source: DagSource
}

/** What a gateway answers where the session, or the token, is none, or has ended. */
const GONE: ReadonlySet<TransferErrorCode> = new Set<TransferErrorCode>(['TRANSFER_NOT_FOUND', 'TRANSFER_UNAUTHORIZED', 'TRANSFER_EXPIRED', 'TRANSFER_REFUSED'])

const negotiate = async (api: ProviderApi, plain: DagSource, { id, root, pieceCid, part, maxPrice, token }: Negotiation, options: ProviderSourceOptions): Promise<Session> => {
  const { onAgreement, signal, ...more } = options
  const { name } = plain
  try {
    const offer = await askOffer(api, root, pieceCid, { signal })
    if (offer === undefined) return { dealId: undefined, source: plain }
    if (offer.status === 'error') throw new TransferError('TRANSFER_UNREACHABLE', `the provider cannot say whether it has it: ${offer.message.slice(0, 300)}; source=${name}`, { source: name })
    if (offer.status === 'unavailable') throw new TransferError('TRANSFER_NOT_FOUND', `the provider has not got it: ${offer.message.slice(0, 300)}; source=${name}`, { source: name })
    if (pieceCid !== undefined && !offer.pieceFound) throw new TransferError('TRANSFER_NOT_FOUND', `not in that piece; source=${name}`, { source: name })
    const { terms } = offer
    // a price for each byte of nobody knows how many is no price for all of it
    if (priceOf(offer) > maxPrice || (offer.sizeBytes === 0 && terms.pricePerByte > 0n)) throw new DealClientError('DEAL_CLIENT_TOO_DEAR', `the provider asks for more; max=${maxPrice} got=${priceOf(offer)} source=${name}`, { source: name })
    onAgreement?.('proposed', name, terms)
    const { path, scope, entityBytes } = part
    const selector = path === undefined && scope === undefined && entityBytes === undefined ? undefined
      : { path: path === undefined || typeof path === 'string' ? path : path.join('/'), scope, entityBytes }
    const { status, text } = await api.request('retrievals', { method: 'POST', token, signal, body: encodeRetrievalProposal({ id, payloadCid: root, pieceCid: pieceCid ?? offer.pieceCid, selector, terms }) })
    if (status === 404) throw new DealClientError('DEAL_CLIENT_REFUSED', `no retrievals there; source=${name}`, { source: name })
    const { accepted, dealId, message } = decodeRetrievalAnswer(text)
    if (!accepted) throw new DealClientError('DEAL_CLIENT_REFUSED', `the provider refuses: ${message.slice(0, 300)}; source=${name}`, { source: name })
    onAgreement?.('accepted', name, terms)
    return { dealId, source: gatewaySource(api.urlOf(`retrievals/${dealId}`), { ...more, token }) }
  } catch (cause) {
    throw cause instanceof TransferError ? cause : asTransferError(cause, name)
  }
}

/** What a store of several sources understands; `cause` says what it was. */
const asTransferError = (cause: unknown, source: string): TransferError => {
  const message = cause instanceof Error ? cause.message : 'no agreement'
  if (cause instanceof DealClientError && cause.retry === 'later') {
    return new TransferError(cause.code === 'DEAL_CLIENT_BUSY' ? 'TRANSFER_BUSY' : 'TRANSFER_UNREACHABLE', message, { cause, source, retryAfterMs: cause.retryAfterMs })
  }
  return new TransferError('TRANSFER_REFUSED', message, { cause, source })
}

/** False: to be proposed again. One that the provider has cancelled is not. */
const isOpen = async (api: ProviderApi, dealId: bigint, token: string, options: CallOptions): Promise<boolean> => {
  try {
    const { status, text } = await api.request(`retrievals/${dealId}`, { ...options, token })
    if (status === 404) return false
    const { state } = decodeRetrievalStatus(text)
    return state !== 'DealStatusErrored' && state !== 'DealStatusCompleted'
  } catch (error) {
    options.signal?.throwIfAborted()
    return !(error instanceof DealClientError && error.code === 'DEAL_CLIENT_UNAUTHORIZED')
  }
}
