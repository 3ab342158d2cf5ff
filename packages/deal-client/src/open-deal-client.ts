/// <reference lib="esnext.disposable" preserve="true" />
/** Opening the client's side of deals on a database. */
import { transferOfDeal } from '@dagstore/deal-protocol'
import type { Hashes } from '@dagstore/hashes'
import { type AnyLevel, type Clock, createEventHub, createFairSlots, type FairFlow, type Random, systemClock, systemRandom } from '@dagstore/io'
import { type OpenCommP, openCommPHere, type PieceEngine } from '@dagstore/piece'
import type { TransferLimits } from '@dagstore/transfer'
import { Background, type ClientDealProblem } from './background.ts'
import type { Chain } from './chain.ts'
import { Client } from './client.ts'
import { createPieces } from './comm-p.ts'
import type { ClientDealUpdate, DealClient, TransferUpdate } from './deal-client.ts'
import { DealSteps } from './deal-steps.ts'
import { openDealTable } from './deal-table.ts'
import { Deals } from './deals.ts'
import { type ClientRetryOptions, RETRY_DEFAULTS } from './failure.ts'
import { createLocalLedger } from './local-ledger.ts'
import type { Parts } from './parts.ts'
import { servePayloadsOf } from './payload-server.ts'
import { Proposing } from './proposing.ts'
import { createProviderApi } from './provider-api.ts'
import type { DealSources } from './sources.ts'

export interface DealClientOptions {
  /** Opened; any engine. Sublevel `client-deals` is the client's. One client at a time: the engine's lock must see to it. */
  readonly db: AnyLevel
  readonly sources: DealSources
  readonly hashes: Hashes
  /** @default createLocalLedger({ db, clock, random }) */
  readonly chain?: Chain | undefined
  /** @default the platform's */
  readonly fetch?: typeof fetch | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** @default systemRandom */
  readonly random?: Random | undefined
  /** What pads and hashes: that of `@dagstore/piece/node` is fast. @default plain JavaScript */
  readonly engine?: PieceEngine | undefined
  /** What hashes pieces instead, such as `openCommP` of `@dagstore/piece/node` with threads. @default `engine`, on this one */
  readonly openCommP?: OpenCommP | undefined
  /** Below which `payloadHandler` answers the world, for providers that fetch. @default none does */
  readonly publicUrl?: string | URL | undefined
  /** Of payloads that are fetched. */
  readonly limits?: TransferLimits | undefined
  /** Of payloads that are sent, by all who share a rate. @default no limit */
  readonly flow?: FairFlow | undefined
  /** Payloads that are sent at a time; at least 1. @default 4 */
  readonly maxTransfers?: number | undefined
  /** When what failed for a passing reason is tried again. */
  readonly retry?: ClientRetryOptions | undefined
  /** `false`: only deals that a call names are gone on with. @default true */
  readonly background?: boolean | undefined
  /** Told of what concerns no caller. Must not throw. @default nobody */
  readonly onProblem?: ((problem: ClientDealProblem) => void) | undefined
}

/** Requests to providers at a time. */
const REQUESTS = 16

/**
 * The deals of this client. Those that an earlier process has left on their way go on in the background. The caller closes the client, then what
 * was passed in.
 *
 * @throws {DealClientError} `DEAL_CLIENT_BAD_FORMAT`: written by a later version. `DEAL_CLIENT_STORAGE_FAILED`
 * @throws {RangeError} an option out of range
 */
export const openDealClient = async (options: DealClientOptions): Promise<DealClient> => {
  const { db, sources, hashes, fetch: send = fetch, clock = systemClock, random = systemRandom, engine, openCommP = openCommPHere({ engine }), limits, flow, maxTransfers = 4, background: goesOn = true, onProblem = () => {} } = options
  const retry = { firstMs: options.retry?.firstMs ?? RETRY_DEFAULTS.firstMs, maxMs: options.retry?.maxMs ?? RETRY_DEFAULTS.maxMs }
  for (const [name, value] of Object.entries({ maxTransfers, ...retry })) if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}; want=a whole number from 1 got=${value}`)
  const publicUrl = options.publicUrl === undefined ? undefined : new URL(options.publicUrl)
  if (publicUrl?.pathname.endsWith('/') === false) publicUrl.pathname += '/'

  const table = await openDealTable(db)
  const ending = new AbortController()
  const live = new Map<string, number>()
  const hub = createEventHub<Extract<ClientDealUpdate, { readonly type: 'deal' }>>(() => {}, () => {})
  const transferHub = createEventHub<Extract<TransferUpdate, { readonly type: 'transfer' }>>(() => {}, () => {})
  let background: Background | undefined
  const deals = new Deals(table, clock, ({ deal, from }) => {
    const transfer = transferOfDeal(deal)
    if (transfer !== undefined) {
      if (transfer.status !== 'ongoing') live.delete(deal.proposalCid.toString())
      transferHub.emit({ type: 'transfer', transfer })
    }
    hub.emit({ type: 'deal', deal, from })
    background?.changed(deal, from)
  })
  const told: Parts['told'] = (deal, sentBytes) => {
    live.set(deal.proposalCid.toString(), sentBytes)
    const transfer = transferOfDeal({ ...deal, sentBytes })
    if (transfer !== undefined) transferHub.emit({ type: 'transfer', transfer: { ...transfer, updatedAt: clock.now() } })
  }
  const parts: Parts = {
    deals, table, sources, hashes, clock, retry, fetch: send, publicUrl, flow, told, ending: ending.signal,
    chain: options.chain ?? createLocalLedger({ db, clock, random }),
    api: (url) => createProviderApi(url, { fetch: send, clock }),
    requests: createFairSlots(REQUESTS),
    transfers: createFairSlots(maxTransfers),
  }
  const steps = new DealSteps(parts)
  background = new Background(parts, steps, onProblem)
  if (goesOn) background.begin()
  const pieces = createPieces(sources, hashes, openCommP)
  return new Client({
    parts, pieces, steps, background, hub, transferHub, live, ending,
    proposing: new Proposing(parts, pieces, random),
    payloadHandler: servePayloadsOf(parts, { clock, ...limits === undefined ? {} : { limits } }),
  })
}
