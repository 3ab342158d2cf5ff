/** A provider's `/deals/v1`, asked by HTTP: small messages, each with an end to its wait and a bound to its length. */
import {
  type DealStatus, decodeDealStatus, decodeProposalAnswer, decodeProviderAsk, decodeRefusal, encodeProposalMessage, MAX_MESSAGE_BYTES, type ProposalAnswer, type ProposalMessage, type ProviderAsk,
} from '@dagstore/deal-protocol'
import { type CallOptions, type Clock, joinBytes, withdrawable } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { DealClientError } from './errors.ts'

export interface ProviderApiOptions {
  /** Asked with `redirect: 'manual'`. */
  readonly fetch: typeof fetch
  readonly clock: Clock
  /** For a whole answer. @default 30 s */
  readonly timeoutMs?: number | undefined
}

export interface ProviderRequest extends CallOptions {
  /** @default 'GET' */
  readonly method?: string | undefined
  readonly body?: string | undefined
  /** Goes in `x-transfer-token`. */
  readonly token?: string | undefined
}

/** An answer that is no failure of the other side. */
export interface Asked {
  readonly status: number
  readonly text: string
}

export interface ProviderApi {
  /** Below which `deals/v1/` is; ends with `/`. */
  readonly url: string
  /** A URL of `/deals/v1/`: `transfers/bafy…`. */
  urlOf(path: string): URL
  ask(options?: CallOptions): Promise<ProviderAsk>
  propose(message: ProposalMessage, token: string, options?: CallOptions): Promise<ProposalAnswer>
  /** `undefined`: it knows nothing of the deal. */
  status(proposalCid: CID, token: string, options?: CallOptions): Promise<DealStatus | undefined>
  /**
   * One request below `/deals/v1/`, answered with 2xx or 404.
   *
   * @throws {DealClientError} `DEAL_CLIENT_UNREACHABLE`, `DEAL_CLIENT_BUSY`: later. `DEAL_CLIENT_UNAUTHORIZED`, `DEAL_CLIENT_REFUSED`, `DEAL_CLIENT_BAD_ANSWER`
   */
  request(path: string, request?: ProviderRequest): Promise<Asked>
}

const TIMEOUT_MS = 30_000
const LONGEST_PAUSE_MS = 3_600_000

/** @throws {TypeError} no URL of HTTP, or one with a name, a password, a query or a fragment */
export const createProviderApi = (provider: string | URL, { fetch: send, clock, timeoutMs = TIMEOUT_MS }: ProviderApiOptions): ProviderApi => {
  const base = baseOf(provider)
  const urlOf = (path: string): URL => new URL(`deals/v1/${path}`, base)
  const request = async (path: string, { method = 'GET', body, token, signal }: ProviderRequest = {}): Promise<Asked> => {
    signal?.throwIfAborted()
    const [late, over] = [new AbortController(), new AbortController()]
    clock.sleep(timeoutMs, { signal: over.signal }).then(() => { late.abort() }, () => {}) // answered in time
    const either = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal])
    const headers = { accept: 'application/json', ...body === undefined ? {} : { 'content-type': 'application/json' }, ...token === undefined ? {} : { 'x-transfer-token': token } }
    let asked: Asked & { readonly headers: Headers }
    try {
      // a fetch of somebody else may not listen to its signal
      const response = await withdrawable(send(urlOf(path), { method, headers, body: body ?? null, redirect: 'manual', signal: either }), either)
      asked = { status: response.status, headers: response.headers, text: await textOf(response, base.origin, either) }
    } catch (cause) {
      signal?.throwIfAborted()
      if (cause instanceof DealClientError) throw cause
      throw new DealClientError('DEAL_CLIENT_UNREACHABLE', `${late.signal.aborted ? 'no answer in time' : 'nobody answers'}; origin=${base.origin}`, { cause, source: base.origin, retry: 'later' })
    } finally {
      over.abort()
    }
    if ((asked.status >= 200 && asked.status < 300) || asked.status === 404) return { status: asked.status, text: asked.text }
    throw refusalOf(asked, base.origin)
  }
  const read = async <T>({ status, text }: Asked, decode: (text: string) => T, isOf: (read: T) => boolean = () => true): Promise<T> => {
    if (status === 404) throw new DealClientError('DEAL_CLIENT_REFUSED', `no deals are made there; status=404 origin=${base.origin}`, { source: base.origin })
    let answer: T
    try {
      answer = decode(text)
    } catch (cause) {
      throw new DealClientError('DEAL_CLIENT_BAD_ANSWER', `no answer to this; origin=${base.origin}`, { cause, source: base.origin })
    }
    if (!isOf(answer)) throw new DealClientError('DEAL_CLIENT_BAD_ANSWER', `an answer to something else; origin=${base.origin}`, { source: base.origin })
    return answer
  }
  return {
    url: base.href,
    urlOf,
    request,
    ask: async (options) => read(await request('ask', options), decodeProviderAsk),
    propose: async (message, token, options) => read(await request('proposals', { ...options, method: 'POST', body: encodeProposalMessage(message), token }), decodeProposalAnswer),
    status: async (proposalCid, token, options) => {
      const asked = await request(`deals/${proposalCid.toString()}`, { ...options, token })
      return asked.status === 404 ? undefined : read(asked, decodeDealStatus, (status) => status.proposalCid.equals(proposalCid))
    },
  }
}

/** @throws {TypeError} */
const baseOf = (provider: string | URL): URL => {
  const url = new URL(provider)
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') throw new TypeError('provider; want=an http or https URL and nothing more')
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

/** At most as long as a message. */
const textOf = async (response: Response, source: string, signal: AbortSignal): Promise<string> => {
  const reader = response.body?.getReader()
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await withdrawable(reader?.read() ?? Promise.resolve({ done: true as const, value: undefined }), signal)
      if (done) return new TextDecoder().decode(joinBytes(parts))
      bytes += value.byteLength
      if (bytes > MAX_MESSAGE_BYTES) throw new DealClientError('DEAL_CLIENT_BAD_ANSWER', `the answer is too long; max=${MAX_MESSAGE_BYTES} origin=${source}`, { source })
      parts.push(value)
    }
  } finally {
    // one that was left waiting may never answer
    reader?.cancel().catch(() => {})
  }
}

const refusalOf = ({ status, headers, text }: Asked & { readonly headers: Headers }, source: string): DealClientError => {
  const said = saidIn(text)
  const message = `${said === undefined ? 'refused by the other side' : `refused: ${said}`}; status=${status} origin=${source}`
  const seconds = /^\d{1,6}$/u.exec(headers.get('retry-after') ?? '')?.[0]
  const retryAfterMs = seconds === undefined ? undefined : Math.min(LONGEST_PAUSE_MS, 1000 * Number(seconds))
  if (status === 401 || status === 403) return new DealClientError('DEAL_CLIENT_UNAUTHORIZED', message, { source })
  if (status === 429 || status === 503 || status === 507) return new DealClientError('DEAL_CLIENT_BUSY', message, { source, retry: 'later', retryAfterMs })
  if (status === 408 || status >= 500) return new DealClientError('DEAL_CLIENT_UNREACHABLE', message, { source, retry: 'later', retryAfterMs })
  if (status >= 400) return new DealClientError('DEAL_CLIENT_REFUSED', message, { source })
  return new DealClientError('DEAL_CLIENT_BAD_ANSWER', message, { source })
}

const saidIn = (text: string): string | undefined => {
  try {
    const { code, message } = decodeRefusal(text)
    return `${code}: ${message.slice(0, 300)}`
  } catch {
    return undefined
  }
}
