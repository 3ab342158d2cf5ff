/// <reference lib="esnext.disposable" preserve="true" />
/** Retrievals of a client, by themselves from order to end, also over restarts. */
import type { RetrievalOffer } from '@dagstore/deal-protocol'
import { type CallOptions, createEventHub, createKeyLock, withdrawable } from '@dagstore/io'
import { RetrievalError, type Retrievals } from '@dagstore/retrievals'
import { createTransferToken } from '@dagstore/transfer'
import { DealClientError } from '../errors.ts'
import { createProviderApi } from '../provider-api.ts'
import { findOffers, gatewayOffer } from './gateway-offer.ts'
import { pruneRetrievals } from './prune-retrievals.ts'
import { askOffer } from './provider-source.ts'
import type { Retrieval, RetrievalOrder, RetrievalUpdate } from './retrieval.ts'
import type { RetrievalClient } from './retrieval-client.ts'
import type { RetrievalClientOptions } from './retrieval-client-options.ts'
import { isOver, openRetrievalTable, type RetrievalTable, type StoredRetrieval } from './retrieval-table.ts'
import { RetrievalRuns } from './retrieval-runs.ts'
import { CANCELLED_STATE, partOf } from './run-retrieval.ts'
import { isSame, unfinishedOf } from './same-order.ts'

const MAX_ID = (1n << 64n) - 1n

/** @throws {DealClientError} `DEAL_CLIENT_STORAGE_FAILED` */
export const openRetrievalClient = async (options: RetrievalClientOptions): Promise<RetrievalClient> => {
  const client = new Client(options, await openRetrievalTable(options.db))
  if (options.background !== false) await client.goOn()
  return client
}

class Client implements RetrievalClient {
  readonly #options: RetrievalClientOptions
  readonly #table: RetrievalTable
  readonly #runs: RetrievalRuns
  readonly #turn = createKeyLock()
  readonly #hub = createEventHub<RetrievalUpdate>(() => {}, () => {})
  #closed: Promise<void> | undefined

  constructor (options: RetrievalClientOptions, table: RetrievalTable) {
    const { retrievals: files, hashes, fetch: send, clock, flow, attempts, stalledMs, local, node, onEvent, maxActive = 16 } = options
    this.#options = options
    this.#table = table
    this.#runs = new RetrievalRuns({
      parts: { files, hashes, fetch: send, clock, flow, attempts, stalledMs, local, node, onEvent },
      table, clock, maxActive,
      tell: (retrieval) => { this.#tell(retrieval) },
      problem: (id, error) => { this.#problem(id, error) },
    })
  }

  get files (): Retrievals { return this.#options.retrievals }

  /** With all that were under way. */
  async goOn (): Promise<void> {
    for await (const retrieval of this.#table.all({ onDamage: (id, error) => { this.#problem(id, error) } })) if (!isOver(retrieval)) this.#runs.run(retrieval)
  }

  async query (provider: string | URL, { root, piece }: Parameters<RetrievalClient['query']>[1], options: CallOptions = {}): Promise<RetrievalOffer> {
    const api = createProviderApi(provider, this.#options)
    return await askOffer(api, root, piece, options) ?? await gatewayOffer(provider, root, this.#options, options)
  }

  find (query: Parameters<RetrievalClient['find']>[0], providers: readonly string[], options: CallOptions = {}): ReturnType<RetrievalClient['find']> {
    return findOffers(providers, (provider) => this.query(provider, query, options), options)
  }

  start (order: RetrievalOrder, { signal }: CallOptions = {}): Promise<Retrieval> {
    return this.#turn('start', async () => {
      this.#checkOpen()
      signal?.throwIfAborted()
      this.#check(order)
      const before = await (order.id === undefined ? unfinishedOf(order, this.#table, this.#runs) : this.#find(order.id))
      if (before !== undefined && !isSame(before, order)) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', `that retrieval is of something else; id=${before.id}`)
      // it has ended, and is about to leave
      if (before !== undefined && isOver(before)) await this.#runs.done(before.id)
      if (before !== undefined && (this.#runs.has(before.id) || (before.state === 'DealStatusCompleted' && await this.#isThere(before)))) return publicOf(before)
      const next = await this.#written(before, order)
      this.#checkOpen()
      await this.#table.put(next)
      this.#tell(next)
      this.#runs.run(next)
      return publicOf(next)
    }, signal)
  }

  async settled (id: bigint, { signal }: CallOptions = {}): Promise<Retrieval> {
    this.#checkOpen()
    await this.#turn('start', async () => {
      const found = await this.#known(id)
      if (!isOver(found) && !this.#runs.has(id)) this.#runs.run(found)
    }, signal)
    await withdrawable(this.#runs.done(id), signal)
    const after = await this.#known(id)
    if (!isOver(after)) this.#checkOpen()
    return publicOf(after)
  }

  async retrieve (order: RetrievalOrder, { signal, onUpdate }: Parameters<RetrievalClient['retrieve']>[1] = {}): Promise<Retrieval> {
    const { id } = await this.start(order, { signal })
    const heard = new AbortController()
    const hearing = onUpdate === undefined ? undefined : this.#hear(id, onUpdate, heard.signal)
    try {
      return await this.settled(id, { signal })
    } finally {
      heard.abort()
      await hearing
    }
  }

  async * retrievals ({ signal }: CallOptions = {}): AsyncGenerator<Retrieval, void, undefined> {
    this.#checkOpen()
    for await (const retrieval of this.#table.all({ signal, onDamage: (id, error) => { this.#problem(id, error) } })) yield publicOf(this.#runs.now(retrieval.id) ?? retrieval)
  }

  async retrieval (id: bigint): Promise<Retrieval | undefined> {
    this.#checkOpen()
    const found = await this.#find(id)
    return found === undefined ? undefined : publicOf(found)
  }

  async cancel (id: bigint): Promise<Retrieval> {
    this.#checkOpen()
    await this.#runs.cancel(id)
    return this.#turn('start', async () => {
      // somebody may have begun it again
      await this.#runs.cancel(id)
      const found = await this.#known(id)
      if (isOver(found)) return publicOf(found)
      const next: StoredRetrieval = { ...found, ...CANCELLED_STATE, updatedAt: this.#options.clock.now() }
      await this.#table.put(next)
      this.#tell(next)
      return publicOf(next)
    })
  }

  remove (id: bigint): Promise<void> {
    return this.#turn('start', async () => {
      this.#checkOpen()
      const found = await this.#known(id)
      if (!isOver(found) || this.#runs.has(id)) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', `the retrieval is under way; id=${id}`)
      await this.#removeFile(id)
      await this.#table.remove(id)
    })
  }

  prune (options: Parameters<RetrievalClient['prune']>[0] = {}): ReturnType<RetrievalClient['prune']> { return pruneRetrievals(this, this.files, this.#options.clock, options) }

  updates (options: Parameters<RetrievalClient['updates']>[0] = {}): AsyncIterable<RetrievalUpdate> { return this.#hub.subscribe(options) }

  close (): Promise<void> {
    this.#closed ??= (async () => {
      await this.#runs.close()
      this.#hub.close()
    })()
    return this.#closed
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  #checkOpen (): void {
    if (this.#closed !== undefined) throw new DealClientError('DEAL_CLIENT_CLOSED', 'retrievals are closed')
  }

  #check (order: RetrievalOrder): void {
    const part = partOf(order)
    const { into = 'file', providers, localFirst = true } = order
    if (into !== 'file' && this.#options.node === undefined) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', 'there is no IPFS node for this')
    if (into === 'ipfs-pinned' && Object.keys(part).length > 0) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', 'a part of a DAG cannot be pinned')
    if (providers.length === 0 && (!localFirst || this.#options.local === undefined)) throw new DealClientError('DEAL_CLIENT_NO_DATA', 'there is nobody to ask')
    if (order.id !== undefined && (order.id < 1n || order.id > MAX_ID)) throw new RangeError(`id; want=a u64 from 1 got=${order.id}`)
    for (const url of providers) createProviderApi(url, this.#options)
  }

  async #written (before: StoredRetrieval | undefined, order: RetrievalOrder): Promise<StoredRetrieval> {
    const { clock, hashes, random } = this.#options
    const now = clock.now()
    const { root, pieceCid, selector, providers, localFirst = true, maxPrice = 0n, into = 'file' } = order
    const fresh = { state: 'DealStatusNew', message: '', code: undefined, from: undefined, file: undefined, providers, localFirst, maxPrice, updatedAt: now } as const
    if (before !== undefined) return { ...before, ...fresh }
    const last = await this.#table.lastId()
    const byTime = BigInt(Math.max(0, Math.floor(now))) * 1_000_000n
    let id = order.id ?? (byTime > last ? byTime : last + 1n)
    if (id > MAX_ID) {
      // somebody has named the last one there is
      id = byTime
      while (await this.#table.get(id) !== undefined) id++
    }
    return {
      id, root, pieceCid, selector, into, ...fresh, receivedBytes: 0, totalBytes: undefined, pricePerByte: 0n, unsealPrice: 0n, createdAt: now,
      secret: createTransferToken(random, hashes).token,
    }
  }

  /** Somebody may have taken its file away, or an end of the process in the middle of a removal. */
  async #isThere ({ file }: Retrieval): Promise<boolean> {
    if (file === undefined) return true
    try {
      await (await this.files.open(file)).close()
      return true
    } catch (error) {
      return !(error instanceof RetrievalError && (error.code === 'RETRIEVAL_UNKNOWN' || error.code === 'RETRIEVAL_NOT_FINISHED'))
    }
  }

  async #removeFile (id: bigint): Promise<void> {
    try {
      await this.files.remove(`${id}.car`)
    } catch (error) {
      if (!(error instanceof RetrievalError && error.code === 'RETRIEVAL_UNKNOWN')) throw error
    }
  }

  async #find (id: bigint): Promise<StoredRetrieval | undefined> { return this.#runs.now(id) ?? this.#table.get(id) }

  async #known (id: bigint): Promise<StoredRetrieval> {
    const found = await this.#find(id)
    if (found === undefined) throw new DealClientError('DEAL_CLIENT_UNKNOWN', `no such retrieval; id=${id}`)
    return found
  }

  async #hear (id: bigint, onUpdate: (retrieval: Retrieval) => void, signal: AbortSignal): Promise<void> {
    try {
      for await (const update of this.updates({ signal })) if (update.type === 'retrieval' && update.retrieval.id === id) onUpdate(update.retrieval)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  #tell (retrieval: StoredRetrieval): void { this.#hub.emit({ type: 'retrieval', retrieval: publicOf(retrieval) }) }

  #problem (id: bigint, error: unknown): void { this.#options.onProblem?.({ id, error }) }
}

const publicOf = ({ secret: _, ...retrieval }: StoredRetrieval): Retrieval => retrieval
