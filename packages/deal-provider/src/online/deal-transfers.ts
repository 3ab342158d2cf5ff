/** How far data are that come over the network, as far as this process has seen: of the newest deals, those that are under way always. */
import type { ProviderDeal } from '@dagstore/deal-protocol'
import type { EventHub } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { awaitsData } from '../wants.ts'

/** `requested`: nothing has come yet. `paused`: it was cut off, and may go on. */
export type DealTransferStatus = 'requested' | 'ongoing' | 'paused' | 'completed' | 'failed'

/** The data of one deal on their way to the provider. */
export interface DealTransferFacts {
  readonly proposalCid: CID
  /** `http-push`: the client sends; `http-pull`: the provider fetches. */
  readonly transferType: string
  readonly payloadCid: CID | undefined
  /** Peer id of the client, where it has told one. */
  readonly clientPeer: string | undefined
  readonly status: DealTransferStatus
  /** Of the payload that are here: whole blocks. */
  readonly bytes: number
  readonly totalBytes: number | undefined
  /** For people. */
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** `dropped`, to one consumer only: it did not keep up and has missed so many before the next one. */
export type DealTransferUpdate =
  | { readonly type: 'transfer', readonly transfer: DealTransferFacts }
  | { readonly type: 'dropped', readonly count: number }

interface Seen { readonly bytes: number, readonly totalBytes: number | undefined }

const MOST_ENDED = 1000
const TOLD_BYTES = 8 << 20

export class DealTransfers {
  readonly #hub: EventHub<DealTransferUpdate>
  readonly #seen = new Map<string, Seen>()
  /** The newest last. */
  readonly #facts = new Map<string, DealTransferFacts>()

  constructor (hub: EventHub<DealTransferUpdate>) { this.#hub = hub }

  /** Bytes that are here. */
  bytesOf (proposalCid: CID): number | undefined { return this.#seen.get(proposalCid.toString())?.bytes }

  /** Of a deal that has changed. */
  note (deal: ProviderDeal, from: ProviderDeal['state'] | undefined): void {
    if (deal.transferType === 'manual' || (from === deal.state && from !== 'StorageDealProviderTransferAwaitRestart')) return
    const status = transferStatus(deal)
    if (deal.state === 'StorageDealVerifyData' && from !== 'StorageDealTransferring') this.#drop(deal.proposalCid)
    else if (status !== undefined && (status !== 'failed' || this.#facts.has(deal.proposalCid.toString()) || (from !== undefined && awaitsData({ state: from })))) this.#tell(deal, status)
  }

  /** Told each 8 MiB, and at the end. */
  progress (deal: ProviderDeal, bytes: number, totalBytes: number): void {
    const name = deal.proposalCid.toString()
    this.#seen.set(name, { bytes, totalBytes })
    const told = this.#facts.get(name)
    if (told?.status === 'ongoing' && told.totalBytes !== undefined && bytes - told.bytes < TOLD_BYTES && bytes < totalBytes) return
    this.#tell({ ...deal, message: '' }, 'ongoing')
  }

  /** What is known of a deal that waits for its data, or gets them. */
  factsOf (deal: ProviderDeal): DealTransferFacts {
    const name = deal.proposalCid.toString()
    const told = this.#facts.get(name)
    return told === undefined ? this.#make(deal, transferStatus(deal) ?? 'completed', deal.updatedAt) : { ...told, ...this.#seen.get(name) }
  }

  /** Those that have ended while this process has seen them, the oldest first. */
  ended (): readonly DealTransferFacts[] {
    return [...this.#facts.values()].filter(({ status }) => status === 'completed' || status === 'failed')
  }

  #tell (deal: ProviderDeal, status: DealTransferStatus): void {
    const name = deal.proposalCid.toString()
    const facts = this.#make(deal, status, deal.updatedAt)
    this.#facts.delete(name)
    this.#facts.set(name, facts)
    if (status === 'completed' || status === 'failed') this.#forget()
    this.#hub.emit({ type: 'transfer', transfer: facts })
  }

  #make ({ proposalCid, transferType, payloadCid, clientPeer, message, payloadBytes }: ProviderDeal, status: DealTransferStatus, at: number): DealTransferFacts {
    const { bytes = payloadBytes ?? 0, totalBytes = payloadBytes } = this.#seen.get(proposalCid.toString()) ?? {}
    return { proposalCid, transferType, payloadCid, clientPeer, status, bytes, totalBytes, message, at }
  }

  /** The operator has imported the data, or nobody is to be told of it any more. */
  #drop (proposalCid: CID): void {
    this.#facts.delete(proposalCid.toString())
    this.#seen.delete(proposalCid.toString())
  }

  #forget (): void {
    const ended = this.ended()
    for (const { proposalCid } of ended.slice(0, Math.max(0, ended.length - MOST_ENDED))) {
      this.#drop(proposalCid)
    }
  }
}

const transferStatus = ({ state }: ProviderDeal): DealTransferStatus | undefined => {
  switch (state) {
    case 'StorageDealWaitingForData': return 'requested'
    case 'StorageDealTransferring': return 'ongoing'
    case 'StorageDealProviderTransferAwaitRestart': return 'paused'
    case 'StorageDealVerifyData': return 'completed'
    case 'StorageDealFailing': return 'failed'
    default: return undefined
  }
}
