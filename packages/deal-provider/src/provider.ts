/// <reference lib="esnext.disposable" preserve="true" />
/** The provider's calls. */
import { checkProposal, DealError, type DealTerms, decodeTerms, encodeTerms, type ProviderDeal, type StagedPiece } from '@dagstore/deal-protocol'
import type { CallOptions, EventHub } from '@dagstore/io'
import { isSameDigest } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import type { Background } from './background.ts'
import type { AcceptedDeal, AcceptOptions, DealProvider, DealQuery, DealRef, DealUpdate, ImportDataOptions, ImportSource, UpdatesOptions } from './deal-provider.ts'
import type { DealSteps } from './deal-steps.ts'
import type { DealTable } from './deal-table.ts'
import { DealProviderError, notWaiting } from './errors.ts'
import type { DealTransferUpdate } from './online/deal-transfers.ts'
import { createOnlineDeals, type OnlineDeals } from './online/online-deals.ts'
import type { PushSessions } from './online/push-sessions.ts'
import type { TransferRecord } from './online/transfer-record.ts'
import type { Parts } from './parts.ts'
import { waitsForData } from './wants.ts'

export interface ProviderParts {
  readonly parts: Parts
  readonly pushes: PushSessions
  readonly table: DealTable
  readonly hub: EventHub<DealUpdate>
  readonly transferHub: EventHub<DealTransferUpdate>
  readonly steps: DealSteps
  readonly background: Background
  /** Its signal is that of the parts. */
  readonly ending: AbortController
}

export class Provider implements DealProvider {
  readonly online: OnlineDeals
  readonly #parts: Parts
  readonly #table: DealTable
  readonly #hub: EventHub<DealUpdate>
  readonly #transferHub: EventHub<DealTransferUpdate>
  readonly #steps: DealSteps
  readonly #background: Background
  readonly #ending: AbortController
  readonly #calls: Set<Promise<unknown>> = new Set()
  #closing: Promise<void> | undefined

  constructor ({ parts, pushes, table, hub, transferHub, steps, background, ending }: ProviderParts) {
    this.#parts = parts
    this.#table = table
    this.#hub = hub
    this.#transferHub = transferHub
    this.online = createOnlineDeals(parts, pushes, table, steps, transferHub)
    this.#steps = steps
    this.#background = background
    this.#ending = ending
  }

  async accept (deal: AcceptedDeal, { signal, transfer }: AcceptOptions = {}): Promise<ProviderDeal> {
    this.#check(signal)
    return this.#call(this.#accept(deal, transfer))
  }

  async #accept ({ proposal, ...given }: AcceptedDeal, record: TransferRecord | undefined): Promise<ProviderDeal> {
    const { clock, deals } = this.#parts
    const terms: DealTerms = {
      clientSignature: undefined, dealId: undefined, publishCid: undefined, payloadCid: undefined, transferType: 'manual', fastRetrieval: true, clientPeer: undefined,
      ...given, proposal: checkProposal(proposal), createdAt: clock.now(),
    }
    checkTerms(terms)
    const name = terms.proposalCid.toString()
    if (!this.#moves(terms, record)) throw new DealProviderError('DEAL_NO_TRANSFER', `nothing here moves data so; type=${JSON.stringify(terms.transferType)}`, { deal: name })
    // names and numbers are both looked up before one is taken
    const deal = await this.#steps.turn('accept', async () => {
      const other = terms.dealId === undefined ? undefined : await this.#table.find(terms.dealId)
      if (other !== undefined && !other.equals(terms.proposalCid)) throw new DealProviderError('DEAL_EXISTS', `another deal has this number; number=${terms.dealId} other=${other.toString()}`, { deal: name })
      const added = await deals.add({
        ...terms, state: 'StorageDealWaitingForData', message: '', updatedAt: terms.createdAt, staged: undefined, payloadBytes: undefined, place: undefined,
        shard: { state: 'pending' }, failure: undefined, slashEpoch: undefined,
      }, record)
      const given = record === undefined ? undefined : await this.#given(added, record)
      if (!sameTerms(added, terms)) throw new DealProviderError('DEAL_EXISTS', `a deal of this name has other terms; deal=${name}`, { deal: name })
      if (record !== undefined && given !== undefined) await this.#renew(added, given, record)
      if (record !== undefined) await this.#forgetOldest()
      return added
    })
    return deal
  }

  /** What comes to nothing is made by whoever proposes: the store does not grow by it for ever. */
  async #forgetOldest (): Promise<void> {
    const names: CID[] = []
    for await (const name of this.#table.nothings()) names.push(name)
    for (const name of names.slice(0, Math.max(0, names.length - MOST_NOTHINGS))) await this.#parts.deals.forget(name)
  }

  /** Whether something here brings data as the terms say. */
  #moves ({ transferType, payloadCid }: DealTerms, record: TransferRecord | undefined): boolean {
    const { transfer, pulls } = this.#parts
    if (transferType === 'manual' || transfer?.accepts(transferType) === true) return true
    if (payloadCid === undefined || record?.totalBytes === undefined) return false
    return transferType === 'http-push' || (transferType === 'http-pull' && pulls !== undefined && record.from !== undefined)
  }

  /** What is written of the transfer, for whoever has its token. */
  async #given ({ proposalCid }: ProviderDeal, given: TransferRecord): Promise<TransferRecord> {
    const name = proposalCid.toString()
    const record = await this.#table.transfer(proposalCid)
    if (record === undefined || !isSameDigest(record.tokenDigest, given.tokenDigest)) throw new DealProviderError('DEAL_UNAUTHORIZED', `the deal was proposed with another token; deal=${name}`, { deal: name })
    return record
  }

  /** A deal that is proposed again: by the same client, who may have another server by now. */
  async #renew ({ proposalCid }: ProviderDeal, record: TransferRecord, given: TransferRecord): Promise<void> {
    if (record.expiresAt >= given.expiresAt && record.from?.url === given.from?.url && record.from?.token === given.from?.token) return
    await this.#parts.deals.renew(proposalCid, given)
    await this.#parts.deals.change(proposalCid, { type: 'asked-again' })
  }

  async importData (ref: DealRef, { path, mode = 'copy' }: ImportSource, { signal, onProgress }: ImportDataOptions = {}): Promise<ProviderDeal> {
    this.#check(signal)
    if (mode !== 'copy' && mode !== 'move' && mode !== 'borrow') throw new TypeError(`mode; want=copy, move or borrow got=${String(mode)}`)
    const staged: StagedPiece = { mode, path: this.#parts.localFiles.recorded(path), window: undefined }
    const { proposalCid, state } = await this.#known(ref)
    // else it would wait for whatever is done for it, perhaps for hours
    if (!waitsForData({ state })) throw notWaiting(proposalCid, state)
    return this.#call(this.#steps.turn(proposalCid.toString(), async () => {
      this.#check(signal)
      const deal = await this.#parts.deals.change(proposalCid, { type: 'import', staged })
      if (deal === undefined) throw notWaiting(proposalCid, (await this.#table.get(proposalCid))?.state)
      return this.#steps.verify(deal, staged, { signal: eitherOf(this.#ending.signal, signal), onProgress })
    }, signal))
  }

  async * deals ({ states, signal }: DealQuery = {}): AsyncGenerator<ProviderDeal, void, undefined> {
    this.#check(signal)
    const wanted = states === undefined ? undefined : new Set(states)
    for await (const deal of this.#steps.readable(this.#table.names({ signal }))) if (wanted?.has(deal.state) !== false) yield deal
  }

  async deal (ref: DealRef, { signal }: CallOptions = {}): Promise<ProviderDeal | undefined> {
    this.#check(signal)
    const name = typeof ref === 'bigint' ? await this.#table.find(ref) : ref
    return name === undefined ? undefined : this.#table.get(name)
  }

  async * unregistered ({ signal }: CallOptions = {}): AsyncGenerator<ProviderDeal, void, undefined> {
    this.#check(signal)
    yield * this.#steps.readable(this.#table.listed('unregistered', { signal }))
  }

  updates (options?: UpdatesOptions): AsyncIterable<DealUpdate> { return this.#hub.subscribe(options) }

  close (): Promise<void> {
    this.#closing ??= (async () => {
      this.#ending.abort(new DealProviderError('DEAL_CLOSED', 'the deal provider is closed'))
      await Promise.all([this.#background.end(), Promise.allSettled(this.#calls)])
      await this.#steps.ended()
      this.#hub.close()
      this.#transferHub.close()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  #check (signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    this.#ending.signal.throwIfAborted()
  }

  async #call<T> (work: Promise<T>): Promise<T> {
    this.#calls.add(work)
    try {
      return await work
    } finally {
      this.#calls.delete(work)
    }
  }

  async #known (ref: DealRef): Promise<ProviderDeal> {
    const name = typeof ref === 'bigint' ? await this.#table.find(ref) : ref
    const deal = name === undefined ? undefined : await this.#table.get(name)
    if (deal !== undefined) return deal
    throw new DealProviderError('DEAL_UNKNOWN', `no such deal; deal=${String(ref)}`, { deal: name?.toString() })
  }
}

/** Deals proposed over the network that have come to nothing: the newest so many are remembered. */
const MOST_NOTHINGS = 1000

const eitherOf = (a: AbortSignal, b: AbortSignal | undefined): AbortSignal => b === undefined ? a : AbortSignal.any([a, b])

/** What could not be read back is not taken. */
const checkTerms = (terms: DealTerms): void => {
  try {
    decodeTerms(terms.proposalCid, encodeTerms(terms))
  } catch (cause) {
    throw new DealError('DEAL_BAD_PROPOSAL', 'terms refused: a member is not what a deal has there', { cause })
  }
}

const sameTerms = (a: DealTerms, b: DealTerms): boolean => {
  const [x, y] = [encodeTerms({ ...a, createdAt: 0 }), encodeTerms({ ...b, createdAt: 0 })]
  return x.byteLength === y.byteLength && x.every((byte, at) => byte === y[at])
}
