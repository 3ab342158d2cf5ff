/// <reference lib="esnext.disposable" preserve="true" />
/** Opening the provider's side of deals on a database, a directory and a DAG store. */
import type { DealTransfer, SealingSubsystem } from '@dagstore/deal-protocol'
import { createHashes, type Hashes } from '@dagstore/hashes'
import { type AnyLevel, type CallOptions, type Clock, createEventHub, createKeyLock, type Directory, systemClock } from '@dagstore/io'
import type { LocalFiles } from '@dagstore/mounts'
import { type OpenCommP, openCommPHere, type PieceEngine } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { Background } from './background.ts'
import type { DealProvider, DealUpdate } from './deal-provider.ts'
import { type DealProblem, DealSteps } from './deal-steps.ts'
import { openDealTable } from './deal-table.ts'
import { Deals } from './deals.ts'
import { type DealRetryOptions, retrySettings } from './failure.ts'
import { DealTransfers, type DealTransferUpdate } from './online/deal-transfers.ts'
import { PushSessions } from './online/push-sessions.ts'
import type { PullOptions } from './online/under-way.ts'
import type { PiecesOfDeals, ShardsOfDeals } from './parts.ts'
import { Provider } from './provider.ts'

export interface DealProviderOptions {
  /** Opened; any engine. Sublevel `deals` is the provider's. One provider at a time: the engine's lock must see to it. */
  readonly db: AnyLevel
  /** `deal-staging/` in it is the provider's. The DAG store's own port of local files must reach it by the same relative names. */
  readonly files: Directory
  /** Files that are imported; its `move` brings them to `deal-staging/`: `localFiles({ folder, root })` of `@dagstore/mounts/node`. */
  readonly localFiles: LocalFiles
  readonly dagstore: ShardsOfDeals
  /** Where `lotus` mounts of the DAG store look pieces up. */
  readonly pieces: PiecesOfDeals
  readonly sealing: SealingSubsystem
  /** Of transfer types that are not ours. @default none */
  readonly transfer?: DealTransfer | undefined
  /** Data of deals with the transfer type `http-pull` are fetched by it. @default none are */
  readonly pulls?: PullOptions | undefined
  /** Deals whose data are fetched at a time; at least 1. @default 8 */
  readonly maxConcurrentPulls?: number | undefined
  /** Of those, for one client: who has proposed them, by the address that the request came from. @default half, rounded up */
  readonly maxConcurrentPullsPerClient?: number | undefined
  /** What blocks are checked with that come over the network. @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** Whether a deal that is kept elsewhere has the piece, so that its shard has to stay. @default none has */
  readonly otherDeals?: ((pieceCid: CID, options: CallOptions) => Promise<boolean>) | undefined
  /** What pads and hashes: that of `@dagstore/piece/node` is fast. @default plain JavaScript */
  readonly engine?: PieceEngine | undefined
  /** What hashes pieces instead, such as `openCommP` of `@dagstore/piece/node` with threads. @default `engine`, on this one */
  readonly openCommP?: OpenCommP | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** When what failed for a passing reason is tried again. */
  readonly retry?: DealRetryOptions | undefined
  /** How often sealing is asked about deals on their way, without having told of anything; about active ones 30 times less often, a share at each poll. At least 1 second. @default 1 minute */
  readonly pollIntervalMs?: number | undefined
  /** Deals whose data are brought in or handed off at a time; at least 1. Imports by call come on top. @default 2 */
  readonly maxConcurrentHandOffs?: number | undefined
  /** Told of what concerns no caller. Must not throw. @default nobody */
  readonly onProblem?: ((problem: DealProblem) => void) | undefined
}

export const DEAL_PROVIDER_DEFAULTS: { readonly pollIntervalMs: number, readonly maxConcurrentHandOffs: number, readonly maxConcurrentPulls: number } =
  Object.freeze({ pollIntervalMs: 60_000, maxConcurrentHandOffs: 2, maxConcurrentPulls: 8 })

/**
 * The deals of this provider. Those that an earlier process has left on their way go on in the background. The caller closes the provider, then
 * the DAG store.
 *
 * @throws {DealProviderError} `DEAL_BAD_FORMAT`: written by a later version. `DEAL_STORAGE_FAILED`
 * @throws {RangeError} an option out of range
 */
export const openDealProvider = async (options: DealProviderOptions): Promise<DealProvider> => {
  const { db, files, localFiles, dagstore, pieces, sealing, transfer, pulls, otherDeals, engine, openCommP = openCommPHere({ engine }), hashes = createHashes(), clock = systemClock, onProblem = () => {} } = options
  const retry = retrySettings(options.retry)
  const pollIntervalMs = atLeast(1000, 'pollIntervalMs', options.pollIntervalMs ?? DEAL_PROVIDER_DEFAULTS.pollIntervalMs)
  const handOffs = atLeast(1, 'maxConcurrentHandOffs', options.maxConcurrentHandOffs ?? DEAL_PROVIDER_DEFAULTS.maxConcurrentHandOffs)
  const maxPulls = atLeast(1, 'maxConcurrentPulls', options.maxConcurrentPulls ?? DEAL_PROVIDER_DEFAULTS.maxConcurrentPulls)
  const clientPulls = atLeast(1, 'maxConcurrentPullsPerClient', options.maxConcurrentPullsPerClient ?? Math.ceil(maxPulls / 2))
  const table = await openDealTable(db)
  const hub = createEventHub<DealUpdate>(() => {}, () => {})
  const transferHub = createEventHub<DealTransferUpdate>(() => {}, () => {})
  const transfers = new DealTransfers(transferHub)
  const pushes = new PushSessions()
  const ending = new AbortController()
  let background: Background | undefined
  const deals = new Deals(table, clock, ({ deal, from }) => {
    hub.emit({ type: 'deal', deal, from })
    transfers.note(deal, from)
    background?.kick(deal)
  })
  const parts = {
    deals, files, localFiles, dagstore, pieces, sealing, transfer, pulls, pushes, transfers, hashes, otherDeals, openCommP, clock, retry, pieceLock: createKeyLock(), ending: ending.signal,
  }
  const steps = new DealSteps(parts, table, onProblem)
  background = new Background(parts, table, steps, { pollIntervalMs, handOffs, pulls: maxPulls, clientPulls, onProblem })
  return new Provider({ parts, pushes, table, hub, transferHub, steps, background, ending })
}

const atLeast = (least: number, name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new RangeError(`${name}; want=a whole number from ${least} got=${value}`)
}
