/** Retrievals under way: who may go on with them, what they hold, and what has become of them. */
import type { RetrievalDealState } from '@dagstore/deal-protocol'
import { type Clock, type Count, createCount, type EventHub, type FairFlow, withdrawable } from '@dagstore/io'
import { isSameDigest } from '@dagstore/transfer'
import { codeOf } from '../failure.ts'
import { DealProviderError } from '../errors.ts'
import { answerError } from '../http/answers.ts'
import { countedBody } from './counted-body.ts'
import type { HeldShards } from './held-shards.ts'
import { createLive, type Live } from './live-retrieval.ts'
import type { RetrievalDeal } from './retrieval-deal.ts'
import type { RetrievalLimits, RetrievalUpdate, ServeContext } from './retrieval-provider.ts'
import { isFinal, type RetrievalTable } from './retrieval-table.ts'

export interface SessionParts {
  readonly table: RetrievalTable
  readonly shards: HeldShards
  readonly hub: EventHub<RetrievalUpdate>
  readonly limits: { readonly [K in keyof RetrievalLimits]-?: number }
  readonly clock: Clock
  readonly flow: FairFlow | undefined
  readonly onProblem: (error: unknown) => void
}

/** Bytes are written down so often. */
const NOTED_BYTES = 64 << 20

export class RetrievalSessions {
  readonly #parts: SessionParts
  readonly #live = new Map<bigint, Live>()
  readonly #work = new Set<Promise<unknown>>()
  /** Requests under way. */
  readonly #requests: Count
  #closed: Promise<void> | undefined

  constructor (parts: SessionParts) {
    this.#parts = parts
    this.#requests = createCount(parts.limits.maxActive, parts.limits.maxActivePerClient)
  }

  authorized (dealId: bigint, digest: Uint8Array | undefined): RetrievalDeal | 'unauthorized' | undefined {
    const deal = this.#parts.table.get(dealId)
    if (deal === undefined) return undefined
    return digest !== undefined && isSameDigest(digest, deal.tokenDigest) ? this.#withBytes(deal) : 'unauthorized'
  }

  /** `other`: the number is somebody else's. */
  known (dealId: bigint, digest: Uint8Array): RetrievalDeal | 'other' | undefined {
    const deal = this.authorized(dealId, digest)
    return deal === 'unauthorized' ? 'other' : deal
  }

  async add (deal: RetrievalDeal): Promise<void> { await this.#put(deal, this.#parts.table.get(deal.dealId)?.state) }

  /** Anew, from another shard perhaps: what was under way ends. */
  async again (deal: RetrievalDeal): Promise<void> {
    await this.#release(deal.dealId, 'the retrieval was proposed again')
    await this.add(deal)
  }

  async serve (dealId: bigint, digest: Uint8Array | undefined, request: Request, { client = '' }: ServeContext = {}): Promise<Response | 'unauthorized' | 'ended' | undefined> {
    const deal = this.authorized(dealId, digest)
    if (typeof deal !== 'object') return deal
    if (isFinal(deal.state)) return 'ended'
    const { limits, clock } = this.#parts
    if (clock.now() - deal.updatedAt > limits.keepMs && !this.#live.has(dealId)) {
      await this.#change(deal, 'DealStatusErrored', 'its client has not gone on with it')
      return 'ended'
    }
    const over = this.#closed === undefined ? this.#requests.enter(client) : undefined
    if (over === undefined) return later('too many requests')
    const live = this.#liveOf(deal)
    live.active++
    live.idle.abort()
    let left = false
    const leave = (): void => {
      if (left) return
      left = true
      over()
      live.active--
      live.lastAt = clock.monotonic()
      if (live.active === 0) this.#watchIdle(dealId, live)
    }
    try {
      return await this.#answer(deal, live, request, client, leave)
    } catch (error) {
      leave()
      throw error
    }
  }

  /** The client says that it is over. */
  async end (deal: RetrievalDeal): Promise<RetrievalDeal> {
    if (isFinal(deal.state)) return deal
    const live = this.#live.get(deal.dealId)
    const isWhole = deal.sentBytes > 0 && live?.broken !== true && (live?.active ?? 0) === 0
    await this.#release(deal.dealId, 'the retrieval has ended')
    return this.#change(deal, isWhole ? 'DealStatusCompleted' : 'DealStatusCancelled', isWhole ? '' : 'its client has given it up')
  }

  /** The operator says so. @throws {DealProviderError} `DEAL_WRONG_STATE` */
  async cancel (deal: RetrievalDeal): Promise<void> {
    if (isFinal(deal.state)) throw new DealProviderError('DEAL_WRONG_STATE', `the retrieval has ended; state=${deal.state}`)
    await this.#release(deal.dealId, 'the provider has cancelled the retrieval')
    await this.#change(deal, 'DealStatusCancelled', 'the provider has cancelled it')
  }

  close (): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled([...this.#live.keys()].map((dealId) => this.#release(dealId, 'the provider is closing')))
      await Promise.allSettled(this.#work)
      await this.#parts.shards.close()
    })()
    return this.#closed
  }

  async #answer (deal: RetrievalDeal, live: Live, request: Request, client: string, leave: () => void): Promise<Response> {
    const { shards, limits, clock, flow } = this.#parts
    const { dealId, shard, pieceCid } = deal
    const signal = AbortSignal.any([request.signal, live.ending.signal])
    if (shards.size >= limits.maxShards && !shards.has(shard)) await this.#makeRoom()
    if (shards.size >= limits.maxShards && !shards.has(shard)) {
      leave()
      return later('too many shards are being read')
    }
    // it may have been ended while room was made
    signal.throwIfAborted()
    const taking = shards.take(shard, pieceCid, dealId)
    let taken: Awaited<typeof taking> | undefined
    try {
      taken = await this.#soon(taking, signal)
    } catch (error) {
      signal.throwIfAborted()
      leave()
      if (codeOf(error) !== 'DAGSTORE_SHARD_UNKNOWN' && codeOf(error) !== 'DAGSTORE_SHARD_DESTROYED') return later('the data cannot be read now')
      await this.#release(dealId, 'it is gone')
      await this.#change(deal, 'DealStatusErrored', 'the data are no longer here')
      return answerError(404, 'DEAL_UNKNOWN', 'the data are no longer here')
    }
    if (taken === undefined) {
      leave()
      await this.#change(deal, 'DealStatusUnsealing', 'the data are being made readable')
      return later('the data are being made readable')
    }
    if (deal.state !== 'DealStatusOngoing') await this.#change(deal, 'DealStatusOngoing', '')
    const response = await taken.gateway(new Request(request, { signal }), { client })
    if (response.headers.get('x-error-code') === 'BLOCKSTORE_CLOSED') await shards.drop(shard, taken)
    if (response.body === null) {
      leave()
      return response
    }
    const isData = response.status < 300
    const body = countedBody(response.body, {
      signal,
      clock,
      minBytesPerSecond: limits.minBytesPerSecond,
      pass: async (bytes, options) => { await flow?.pass(live.lane, bytes, options) },
      counted: (bytes) => {
        live.lastAt = clock.monotonic()
        if (isData) this.#note(deal, live, bytes)
      },
      ended: (isWhole) => {
        if (isData) live.broken = !isWhole
        leave()
      },
    })
    return new Response(body, { status: response.status, headers: response.headers })
  }

  /** `undefined`: it takes longer than a request waits. */
  async #soon<T> (taking: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    const done = new AbortController()
    const late = this.#parts.clock.sleep(this.#parts.limits.waitMs, { signal: done.signal }).then(() => undefined)
    late.catch(() => {}) // it was in time
    try {
      return await withdrawable(Promise.race([taking, late]), signal)
    } finally {
      done.abort()
    }
  }

  #liveOf ({ dealId, shard, sentBytes }: RetrievalDeal): Live {
    const known = this.#live.get(dealId)
    if (known !== undefined) return known
    const live = createLive(shard, sentBytes, this.#parts.clock.monotonic())
    this.#live.set(dealId, live)
    return live
  }

  #withBytes (deal: RetrievalDeal): RetrievalDeal {
    const { sentBytes = deal.sentBytes } = this.#live.get(deal.dealId) ?? {}
    return sentBytes === deal.sentBytes ? deal : { ...deal, sentBytes }
  }

  #note ({ dealId, sentBytes: before }: RetrievalDeal, live: Live, bytes: number): void {
    live.sentBytes += bytes
    const deal = this.#parts.table.get(dealId)
    if (deal !== undefined && live.sentBytes - Math.max(before, deal.sentBytes) >= NOTED_BYTES) this.#background(this.#put(this.#withBytes(deal), deal.state))
  }

  /** A retrieval that asks for nothing gives its shard back; it may come again. */
  #watchIdle (dealId: bigint, live: Live): void {
    live.idle = new AbortController()
    if (this.#closed !== undefined || this.#live.get(dealId) !== live) return
    this.#parts.clock.sleep(this.#parts.limits.idleMs, { signal: live.idle.signal }).then(() => {
      if (live.active === 0 && this.#live.get(dealId) === live) this.#background(this.#release(dealId, 'it was idle'))
    }, () => {}) // it was asked again
  }

  /** The retrieval that has asked for nothing the longest gives its shard back. */
  async #makeRoom (): Promise<void> {
    const [longest] = [...this.#live].filter(([, { active }]) => active === 0).sort(([, a], [, b]) => a.lastAt - b.lastAt)
    if (longest !== undefined) await this.#release(longest[0], 'others need the room')
  }

  async #release (dealId: bigint, why: string): Promise<void> {
    const live = this.#live.get(dealId)
    if (live === undefined) return
    const deal = this.#parts.table.get(dealId)
    const counted = deal === undefined ? undefined : this.#withBytes(deal)
    this.#live.delete(dealId)
    live.idle.abort()
    live.ending.abort(new DealProviderError('DEAL_CLOSED', why))
    // at once: a request that comes meanwhile takes it anew
    const left = this.#parts.shards.leave(live.shard, dealId)
    try {
      if (deal !== undefined && counted !== deal) await this.#put(counted as RetrievalDeal, deal.state)
    } finally {
      await left
    }
  }

  async #change (deal: RetrievalDeal, state: RetrievalDealState, message: string): Promise<RetrievalDeal> {
    const changed: RetrievalDeal = { ...this.#withBytes(this.#parts.table.get(deal.dealId) ?? deal), state, message, updatedAt: this.#parts.clock.now() }
    if (this.#parts.table.get(deal.dealId)?.state !== state) await this.#put(changed, deal.state)
    return changed
  }

  async #put (deal: RetrievalDeal, from: RetrievalDealState | undefined): Promise<void> {
    await this.#parts.table.put({ ...deal, updatedAt: this.#parts.clock.now() }, (dealId) => this.#live.has(dealId))
    this.#parts.hub.emit({ type: 'retrieval', retrieval: deal, from })
  }

  #background (work: Promise<unknown>): void {
    const told = work.catch((error: unknown) => { this.#parts.onProblem(error) }).finally(() => { this.#work.delete(told) })
    this.#work.add(told)
  }
}

const later = (message: string): Response => answerError(503, 'DEAL_BUSY', message, { 'retry-after': '2' })
