/** Making deals: what is asked, computed and signed before a deal is written down. */
import type { ClientDeal } from '@dagstore/deal-protocol'
import { type Clock, createKeyLock, type KeyLock, type Random } from '@dagstore/io'
import { toCid } from '@dagstore/read-blockstore'
import { createTransferToken } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import type { Pieces } from './comm-p.ts'
import type { DealParams, StartOptions } from './deal-client.ts'
import { DealClientError } from './errors.ts'
import type { Parts } from './parts.ts'
import { checkAsk, type Plan, planOf, signed, type SignedProposal } from './proposal.ts'

/** Epochs that a deal is put off when the same one was proposed already. */
const MAX_PUT_OFF = 1000n
/** Times that a provider is asked about a deal which is not remembered, and which it may know already. */
const MAX_ASKED = 16

export class Proposing {
  readonly #parts: Parts
  readonly #pieces: Pieces
  readonly #random: Random
  readonly #nextTransferId: () => bigint
  readonly #lock: KeyLock = createKeyLock()

  constructor (parts: Parts, pieces: Pieces, random: Random) {
    this.#parts = parts
    this.#pieces = pieces
    this.#random = random
    this.#nextTransferId = timeCounter(parts.clock)
  }

  /** Durable on return. */
  async start (params: DealParams, { signal, onProgress }: StartOptions): Promise<ClientDeal> {
    const { deals, chain, clock, hashes, publicUrl } = this.#parts
    const { transferType = 'http-push', fastRetrieval = true } = params
    const root = rootOf(params, transferType)
    const api = this.#parts.api(String(params.provider))
    if (transferType === 'http-pull' && publicUrl === undefined) throw new DealClientError('DEAL_CLIENT_NO_URL', 'no URL is known at which the provider can fetch')
    const ask = await api.ask({ signal })
    checkAsk(ask, params, chain)
    const payload = root === undefined ? undefined : await this.#pieces.of(root, { signal, onProgress }).catch((error: unknown) => {
      // of an offline deal the file may be elsewhere
      if (transferType === 'manual' && params.pieceCid !== undefined && error instanceof DealClientError && error.code === 'DEAL_CLIENT_NO_DATA') return undefined
      throw error
    })
    const plan = await planOf(params, ask, payload, chain, { signal })
    const newToken = (): string => createTransferToken(this.#random, hashes).token
    return this.#lock('', () => this.#free(plan, signal, async ({ proposalCid, proposal, signature }) => {
      const now = clock.now()
      const made: ClientDeal = {
        proposalCid, proposal, clientSignature: signature, provider: api.url, root, transferType, payloadBytes: plan.payloadBytes, fastRetrieval, transferId: this.#nextTransferId(), createdAt: now,
        state: 'StorageDealReserveClientFunds', message: '', updatedAt: now, sentBytes: 0, dealId: undefined, publishCid: undefined, reservedFunds: 0n, repeats: 0, failure: undefined,
        stages: [{ state: 'StorageDealReserveClientFunds', message: '', at: now }],
      }
      return await deals.add(made, { token: newToken(), pullToken: transferType === 'http-pull' ? newToken() : undefined }) ? made : undefined
    }))
  }

  /** Two deals about the same start at different epochs, where nobody has said when. */
  async #free<T> ({ proposal, mayStartLater }: Plan, signal: AbortSignal | undefined, take: (of: SignedProposal) => Promise<T | undefined>): Promise<T> {
    for (let by = 0n; by <= (mayStartLater ? MAX_PUT_OFF : 0n); by++) {
      signal?.throwIfAborted()
      const taken = await take(await signed({ ...proposal, startEpoch: proposal.startEpoch + by, endEpoch: proposal.endEpoch + by }, this.#parts.chain, { signal }))
      if (taken !== undefined) return taken
    }
    throw new DealClientError('DEAL_CLIENT_EXISTS', 'the same proposal was made before')
  }

  /** Source: lotus node/impl/client/client.go `dealStarter`. */
  async stateless (params: DealParams, { signal, onProgress }: StartOptions): Promise<CID> {
    const { chain, hashes } = this.#parts
    const { transferType = 'manual', price = 0n, fastRetrieval = true } = params
    if (transferType !== 'manual' || price !== 0n) throw new DealClientError('DEAL_CLIENT_TERMS', 'deals that are not remembered are offline and cost nothing')
    const root = rootOf(params, transferType)
    const api = this.#parts.api(String(params.provider))
    const ask = await api.ask({ signal })
    checkAsk(ask, { ...params, transferType }, chain)
    const isNamed = params.pieceCid !== undefined && params.pieceBytes !== undefined
    const payload = isNamed || root === undefined ? undefined : await this.#pieces.of(root, { signal, onProgress })
    const plan = await planOf({ ...params, transferType, price }, ask, payload, chain, { signal })
    const { token } = createTransferToken(this.#random, hashes)
    let asked = 0
    return this.#free(plan, signal, async ({ bytes, proposalCid }) => {
      // what was proposed before has a token that is remembered, or that nobody remembers
      if (await this.#parts.deals.get(proposalCid) !== undefined) return undefined
      const answer = await api.propose({ clientProposal: bytes, payloadCid: root, payloadBytes: plan.payloadBytes, transfer: { type: 'manual' }, fastRetrieval }, token, { signal }).catch((error: unknown) => {
        if (error instanceof DealClientError && error.code === 'DEAL_CLIENT_UNAUTHORIZED' && ++asked < MAX_ASKED) return undefined
        throw error
      })
      if (answer === undefined) return undefined
      if (!answer.proposalCid.equals(proposalCid)) throw new DealClientError('DEAL_CLIENT_BAD_ANSWER', 'an answer about another deal')
      if (!answer.accepted) throw new DealClientError('DEAL_CLIENT_REJECTED', `the provider has rejected the proposal: ${answer.message}`)
      return proposalCid
    })
  }
}

/** @throws {DealClientError} `DEAL_CLIENT_TERMS`: none, where data are moved or have to be looked for */
const rootOf = ({ root, pieceCid, pieceBytes }: DealParams, transferType: DealParams['transferType']): CID | undefined => {
  if (root !== undefined) return toCid(root)
  if (transferType === 'manual' && pieceCid !== undefined && pieceBytes !== undefined) return undefined
  throw new DealClientError('DEAL_CLIENT_TERMS', 'only an offline deal about a piece of a named size may do without a root')
}

/** Nanoseconds since 1970, each once. Source: go-fil-markets shared/timecounter.go. */
const timeCounter = (clock: Clock): () => bigint => {
  let last = 0n
  return () => {
    const now = BigInt(clock.now()) * 1_000_000n
    last = now > last ? now : last + 1n
    return last
  }
}
