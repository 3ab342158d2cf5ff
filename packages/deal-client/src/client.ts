/** The calls of a client. */
import { type ClientDeal, FINAL_STATES, type ProviderAsk, TRANSFER_CANCELLED, type TransferFacts, transferOfDeal } from '@dagstore/deal-protocol'
import type { CallOptions, EventHub } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { PayloadHandler } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import type { Background } from './background.ts'
import type { Pieces } from './comm-p.ts'
import type { ClientDealUpdate, DealClient, DealMilestone, DealParams, StartOptions, TransferUpdate, UpdatesOptions } from './deal-client.ts'
import type { DealSteps } from './deal-steps.ts'
import { DealClientError } from './errors.ts'
import { ACCEPTED } from './machine/index.ts'
import type { Parts } from './parts.ts'
import type { Proposing } from './proposing.ts'
import type { PiecePayload } from './sources.ts'

export interface ClientParts {
  readonly parts: Parts
  readonly pieces: Pieces
  readonly proposing: Proposing
  readonly steps: DealSteps
  readonly background: Background
  readonly hub: EventHub<Extract<ClientDealUpdate, { readonly type: 'deal' }>>
  readonly transferHub: EventHub<Extract<TransferUpdate, { readonly type: 'transfer' }>>
  /** Bytes at the provider, of transfers under way. */
  readonly live: ReadonlyMap<string, number>
  readonly payloadHandler: PayloadHandler
  readonly ending: AbortController
}

export class Client implements DealClient {
  readonly payloadHandler: PayloadHandler
  readonly #of: ClientParts
  readonly #calls: Set<Promise<unknown>> = new Set()
  #closing: Promise<void> | undefined

  constructor (of: ClientParts) {
    this.#of = of
    this.payloadHandler = of.payloadHandler
  }

  ask (provider: string | URL, { signal }: CallOptions = {}): Promise<ProviderAsk> {
    return this.#call(signal, (either) => this.#of.parts.api(String(provider)).ask({ signal: either }))
  }

  commP (root: AnyCid, { signal, onProgress }: StartOptions = {}): Promise<PiecePayload> {
    return this.#call(signal, (either) => this.#of.pieces.of(toCid(root), { signal: either, onProgress }))
  }

  start (params: DealParams, options: StartOptions = {}): Promise<ClientDeal> {
    return this.#call(options.signal, async (signal) => {
      const deal = await this.#of.proposing.start(params, { ...options, signal })
      this.#of.background.drive(deal.proposalCid)
      return deal
    })
  }

  stateless (params: DealParams, options: StartOptions = {}): Promise<CID> {
    return this.#call(options.signal, (signal) => this.#of.proposing.stateless(params, { ...options, signal }))
  }

  async * deals ({ signal }: CallOptions = {}): AsyncGenerator<ClientDeal, void, undefined> {
    this.#check(signal)
    const { table } = this.#of.parts
    for await (const name of table.names('all', { signal })) {
      const deal = await table.get(name).catch((error: unknown) => {
        // one record that is damaged hides no other deal; it was told of when the client was opened
        if (error instanceof DealClientError && error.code === 'DEAL_CLIENT_BAD_RECORD') return undefined
        throw error
      })
      if (deal !== undefined) yield this.#now(deal)
    }
  }

  async deal (proposalCid: AnyCid, { signal }: CallOptions = {}): Promise<ClientDeal | undefined> {
    this.#check(signal)
    const deal = await this.#of.parts.table.get(toCid(proposalCid))
    return deal === undefined ? undefined : this.#now(deal)
  }

  async dealOfTransfer (transferId: bigint, { signal }: CallOptions = {}): Promise<ClientDeal | undefined> {
    this.#check(signal)
    const name = await this.#of.parts.table.find(transferId)
    return name === undefined ? undefined : this.deal(name)
  }

  refresh (proposalCid: AnyCid, { signal }: CallOptions = {}): Promise<ClientDeal> {
    return this.#call(signal, async (either) => {
      await this.#of.steps.refresh(await this.#known(proposalCid), either)
      return this.#now(await this.#known(proposalCid))
    })
  }

  restartTransfer (proposalCid: AnyCid, { signal }: CallOptions = {}): Promise<ClientDeal> {
    return this.#call(signal, async (either) => {
      const { parts, steps, background } = this.#of
      const deal = await this.#known(proposalCid)
      const { status } = transferOfDeal(deal) ?? {}
      if (status === undefined || status === 'completed' || status === 'failed' || status === 'cancelled') throw wrongState(deal)
      await parts.deals.change(deal.proposalCid, { type: 'retry' })
      // it is the provider that has to go on
      if (status === 'ongoing' && deal.transferType === 'http-pull') await steps.propose(deal, either)
      background.drive(deal.proposalCid)
      return this.#now(await this.#known(proposalCid))
    })
  }

  cancelTransfer (proposalCid: AnyCid, { signal }: CallOptions = {}): Promise<ClientDeal> {
    return this.#call(signal, async (either) => {
      const { parts, steps, background } = this.#of
      const deal = await this.#known(proposalCid)
      const { status } = transferOfDeal(deal) ?? {}
      if (status === undefined || status === 'completed' || status === 'failed' || status === 'cancelled') throw wrongState(deal)
      const { token } = await parts.table.secrets(deal.proposalCid) ?? {}
      // all bytes may have come meanwhile, and then it is too late
      if (await parts.deals.change(deal.proposalCid, { type: 'given-up', message: TRANSFER_CANCELLED }) === undefined) throw wrongState(await this.#known(proposalCid))
      steps.cancel(deal.proposalCid, new DealClientError('DEAL_CLIENT_WRONG_STATE', TRANSFER_CANCELLED))
      background.drive(deal.proposalCid)
      // where it does not hear of it, it waits in vain until the deal was to start
      await parts.api(deal.provider).request(`transfers/${deal.proposalCid.toString()}`, { method: 'DELETE', token, signal: either }).catch(() => {})
      return this.#now(await this.#known(proposalCid))
    })
  }

  settled (proposalCid: AnyCid, { until, signal }: CallOptions & { readonly until: DealMilestone }): Promise<ClientDeal> {
    return this.#call(signal, async (either) => {
      const { hub, background } = this.#of
      const name = toCid(proposalCid)
      const updates = hub.subscribe({ signal: either, capacity: 16 })[Symbol.asyncIterator]()
      try {
        let deal = await this.#known(name)
        if (!isSettled(deal, until)) background.drive(name, until === 'final')
        while (!isSettled(deal, until)) {
          const { done, value } = await updates.next()
          if (done === true) throw closed()
          if (value.type === 'dropped') deal = await this.#known(name)
          else if (value.deal.proposalCid.equals(name)) deal = value.deal
        }
        return deal
      } finally {
        await updates.return?.()
      }
    })
  }

  updates (options?: UpdatesOptions): AsyncIterable<ClientDealUpdate> { return this.#of.hub.subscribe(options) }

  async * transfers (options?: CallOptions): AsyncGenerator<TransferFacts, void, undefined> {
    for await (const deal of this.deals(options)) {
      const transfer = transferOfDeal(deal)
      if (transfer !== undefined) yield transfer
    }
  }

  transferUpdates (options?: UpdatesOptions): AsyncIterable<TransferUpdate> { return this.#of.transferHub.subscribe(options) }

  close (): Promise<void> {
    this.#closing ??= (async () => {
      const { ending, background, hub, transferHub } = this.#of
      ending.abort(closed())
      await Promise.all([background.end(), Promise.allSettled(this.#calls)])
      hub.close()
      transferHub.close()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  /** With the bytes that are at the provider by now. */
  #now (deal: ClientDeal): ClientDeal {
    const sentBytes = Math.max(deal.sentBytes, this.#of.live.get(deal.proposalCid.toString()) ?? 0)
    return sentBytes === deal.sentBytes ? deal : { ...deal, sentBytes }
  }

  async #known (proposalCid: AnyCid): Promise<ClientDeal> {
    const deal = await this.#of.parts.table.get(toCid(proposalCid))
    if (deal !== undefined) return deal
    const name = toCid(proposalCid).toString()
    throw new DealClientError('DEAL_CLIENT_UNKNOWN', `no such deal; deal=${name}`, { deal: name })
  }

  #check (signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    this.#of.ending.signal.throwIfAborted()
  }

  async #call<T> (signal: AbortSignal | undefined, run: (either: AbortSignal) => Promise<T>): Promise<T> {
    this.#check(signal)
    const ending = this.#of.ending.signal
    const work = run(signal === undefined ? ending : AbortSignal.any([signal, ending]))
    this.#calls.add(work)
    try {
      return await work
    } finally {
      this.#calls.delete(work)
    }
  }
}

const isSettled = ({ state, failure, transferType }: ClientDeal, until: DealMilestone): boolean => {
  // it waits for somebody
  if (FINAL_STATES.has(state) || (failure !== undefined && failure.nextRetryAt === undefined)) return true
  if (until === 'active') return state === 'StorageDealActive'
  return until === 'transferred' && (ACCEPTED.has(state) || (transferType === 'manual' && state === 'StorageDealCheckForAcceptance'))
}

const wrongState = ({ proposalCid, state }: ClientDeal): DealClientError =>
  new DealClientError('DEAL_CLIENT_WRONG_STATE', `nothing is being transferred for it; state=${state}`, { deal: proposalCid.toString() })

const closed = (): DealClientError => new DealClientError('DEAL_CLIENT_CLOSED', 'the deal client is closed')
