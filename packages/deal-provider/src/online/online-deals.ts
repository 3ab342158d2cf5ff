/** Deals whose data come over the network, as those who serve the network, and the operator, see them. */
import type { ProviderDeal } from '@dagstore/deal-protocol'
import type { CallOptions, EventHub, EventsOptions } from '@dagstore/io'
import { matchesToken, type ReceiveTarget } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import type { DealSteps } from '../deal-steps.ts'
import type { DealTable } from '../deal-table.ts'
import { DealProviderError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { awaitsData } from '../wants.ts'
import type { DealTransferFacts, DealTransferUpdate } from './deal-transfers.ts'
import type { PushSessions } from './push-sessions.ts'

/** What is still to come. */
export interface AwaitedData {
  readonly deals: number
  /** Of their payloads, that are not here as far as this process has seen. */
  readonly bytes: number
}

export interface OnlineDeals {
  /** The deal, for whoever has its token; `undefined`: there is none of this name, or it was not proposed over the network. */
  authorized(proposalCid: CID, token: string | undefined): Promise<ProviderDeal | 'unauthorized' | 'expired' | undefined>
  /** Where the payload of a deal goes, for `receivePayloads` of `@dagstore/transfer`. `undefined`: nowhere. */
  receiveTarget(proposalCid: CID, token: string | undefined): Promise<ReceiveTarget | 'unauthorized' | 'expired' | undefined>
  /** Of the payload that are here, as far as this process has seen. */
  receivedBytes(deal: ProviderDeal): number | undefined
  /** Deals that wait for bytes from the network, or get them, by who has proposed them. */
  awaited(options?: CallOptions): Promise<ReadonlyMap<string, AwaitedData>>
  /** Whether there is room for one more of those whose data come as a file, of at most so many; deals whose time is over make it. */
  hasRoomOffline(most: number, options?: CallOptions): Promise<boolean>
  /** Those that wait for bytes, or get them, and those that have ended a while ago. */
  transfers(options?: CallOptions): AsyncIterable<DealTransferFacts>
  /** What changes from the beginning of the iteration on. */
  updates(options?: EventsOptions): AsyncIterable<DealTransferUpdate>
  /** Fetch now, where the provider fetches. @throws {DealProviderError} `DEAL_UNKNOWN`; `DEAL_WRONG_STATE`: it is up to the client, or nothing is to come */
  restart(proposalCid: CID): Promise<void>
  /** End the transfer and with it the deal. @throws {DealProviderError} `DEAL_UNKNOWN`; `DEAL_WRONG_STATE`: its data are here, or it has ended */
  cancel(proposalCid: CID): Promise<void>
}

const CANCELLED = 'the provider has cancelled the transfer'

export const createOnlineDeals = (parts: Parts, pushes: PushSessions, table: DealTable, steps: DealSteps, hub: EventHub<DealTransferUpdate>): OnlineDeals => {
  const { deals, hashes, clock, transfers, ending } = parts
  const known = async (proposalCid: CID): Promise<ProviderDeal> => {
    const deal = await table.get(proposalCid)
    if (deal !== undefined) return deal
    throw new DealProviderError('DEAL_UNKNOWN', `no such deal; deal=${proposalCid.toString()}`, { deal: proposalCid.toString() })
  }
  const wrongState = ({ proposalCid, state }: ProviderDeal, what: string): DealProviderError =>
    new DealProviderError('DEAL_WRONG_STATE', `${what}; state=${state}`, { deal: proposalCid.toString() })
  const authorized: OnlineDeals['authorized'] = async (proposalCid, token) => {
    ending.throwIfAborted()
    const record = await table.transfer(proposalCid)
    if (record === undefined) return undefined
    if (!matchesToken(token, record.tokenDigest, hashes)) return 'unauthorized'
    if (record.expiresAt <= clock.now()) return 'expired'
    return table.get(proposalCid)
  }
  return {
    authorized,
    receiveTarget: async (proposalCid, token) => {
      const deal = await authorized(proposalCid, token)
      if (typeof deal !== 'object') return deal
      const record = await table.transfer(proposalCid)
      return record === undefined ? undefined : pushes.target(parts, deal, record)
    },
    receivedBytes: ({ proposalCid, payloadBytes }) => payloadBytes ?? transfers.bytesOf(proposalCid),
    awaited: async (options) => {
      const clients = new Map<string, AwaitedData>()
      for await (const { name, record } of table.transfers(table.listed('online', options))) {
        const { deals: before, bytes } = clients.get(record?.client ?? '') ?? { deals: 0, bytes: 0 }
        clients.set(record?.client ?? '', { deals: before + 1, bytes: bytes + Math.max(0, (record?.totalBytes ?? 0) - (transfers.bytesOf(name) ?? 0)) })
      }
      return clients
    },
    hasRoomOffline: async (most, options) => {
      const names: CID[] = []
      for await (const name of table.listed('offline', options)) names.push(name)
      if (names.length < most) return true
      let left = names.length
      for (const name of names) {
        if (left < most) break
        const record = await table.transfer(name)
        if (record === undefined || record.expiresAt > clock.now()) continue
        if (await deals.change(name, { type: 'failed', message: 'the data have not come in time' }, awaitsData) !== undefined) left--
      }
      return left < most
    },
    transfers: async function * (options) {
      const listed = new Set<string>()
      for await (const deal of steps.readable(table.listed('online', options))) {
        listed.add(deal.proposalCid.toString())
        yield transfers.factsOf(deal)
      }
      for (const ended of transfers.ended()) if (!listed.has(ended.proposalCid.toString())) yield ended
    },
    updates: (options) => hub.subscribe(options),
    restart: async (proposalCid) => {
      const deal = await known(proposalCid)
      if (!awaitsData(deal) || deal.transferType === 'manual') throw wrongState(deal, 'no data are to come')
      if (deal.transferType === 'http-push') throw wrongState(deal, 'its client sends the data, and goes on by itself')
      await deals.change(proposalCid, { type: 'asked-again' })
    },
    cancel: async (proposalCid) => {
      const deal = await known(proposalCid)
      if (!awaitsData(deal) || deal.transferType === 'manual') throw wrongState(deal, 'no data are to come')
      await steps.endTransfer(proposalCid, CANCELLED)
      const failed = await deals.change(proposalCid, { type: 'failed', message: CANCELLED }, awaitsData)
      const now = failed ?? await table.get(proposalCid)
      // it may have come to its end meanwhile
      if (now !== undefined && now.state !== 'StorageDealFailing' && now.state !== 'StorageDealError') throw wrongState(now, 'its data are here')
    },
  }
}
