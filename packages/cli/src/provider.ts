/** All parts of a daemon but its server: the store, its pieces and deals, and the answers to the Lotus methods over them. */
import { randomUUID } from 'node:crypto'
import { type Clock, createFairFlow } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import type { LotusApi } from '@dagstore/lotus-api'
import { createHostGuard, type HostGuardOptions, httpMounts } from '@dagstore/mounts'
import { nodeGuardedFetch } from '@dagstore/mounts/node'
import { createShardLoader, type DealProvider } from '@dagstore/deal-provider'
import type { PieceStore } from '@dagstore/piece-store'
import { createHandlers, createTokens, type ExtraDoor, type ServedMetrics, type Tokens } from '@dagstore/rpc'
import type { Denylist } from '@dagstore/trustless-gateway'
import { type ClientSide, openClientSide } from './client/client-side.ts'
import { closeAll } from './close-all.ts'
import { openShardStore, type ShardStore } from './compose.ts'
import { doctorOptions } from './config/apply.ts'
import type { Config } from './config/config.ts'
import { payloadUrl } from './daemon/client.ts'
import { logDeals } from './daemon/log-deals.ts'
import { logLoader, logStore } from './daemon/log-events.ts'
import { createDaemonMetrics } from './daemon/metrics.ts'
import { pieceParts } from './daemon/piece-parts.ts'
import { createSealedAsks } from './daemon/sealed-asks.ts'
import { type DealFront, openDealFront } from './daemon/deal-front.ts'
import { dealParts, openDeals } from './daemon/deals.ts'
import { codeOf } from './failure.ts'
import type { Logs } from './log/logs.ts'
import type { RootFolder } from './root-folder.ts'
import { openSecret } from './secret-file.ts'
import { VERSION } from './version.ts'

export interface ProviderOptions {
  readonly logs: Logs
  readonly clock: Clock
  /** Asked for by whoever may: `Filecoin.Shutdown`. */
  readonly shutdown: () => void
  /** The environment: where an IPFS node is. @default empty */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What is not given back. */
  readonly denylist?: Denylist | undefined
}

export interface Provider {
  readonly store: ShardStore
  readonly tokens: Tokens
  readonly pieces: PieceStore
  readonly client: ClientSide
  /** Answers to all methods. */
  readonly api: LotusApi
  /** What else is answered at the port. */
  readonly doors: readonly ExtraDoor[]
  metrics (): Promise<ServedMetrics>
  /** When the store's own disk failed last, in milliseconds since 1970; `undefined`: never. */
  diskFailedAt (): number | undefined
  close (): Promise<void>
}

/**
 * @throws {DagstoreError} `DAGSTORE_LOCKED`: another process has the store
 * @throws {CommandError} the folder cannot be a store's
 */
export const openProvider = async (root: RootFolder, config: Config, { logs, clock, shutdown, denylist, env = {} }: ProviderOptions): Promise<Provider> => {
  const metrics = createDaemonMetrics(clock)
  const hosts: HostGuardOptions = { allow: config.mountHosts }
  const guard = createHostGuard(hosts)
  const doctor = doctorOptions(config)
  const tell = logStore(logs)
  let diskFailedAt: number | undefined
  const sealed = createSealedAsks({ log: logs.of('pieces'), asks: config.sealed === 'ask' && config.lotusApiInfo !== '', shardOf: (key, options) => store.dagstore.shard(key, options) })
  const store: ShardStore = await openShardStore(root, {
    config,
    mounts: httpMounts({ guard, fetch: nodeGuardedFetch(guard) }),
    metrics: metrics.store,
    pieceMetrics: metrics.pieces,
    onEvent: (event) => {
      if ((event.type === 'unsaved' || event.type === 'postponed') && codeOf(event.error) === 'DAGSTORE_STORAGE_FAILED') diskFailedAt = clock.now()
      tell(event)
    },
    onSealed: (piece) => sealed.ask(piece),
    ...(doctor === undefined ? {} : { doctor }),
  })
  const loader = createShardLoader({ dagstore: store.dagstore, gcIntervalMs: config.gcIntervalMs, recoveries: config.retryAttempts > 1 ? 1 : 0, clock })
  const telling = logLoader(logs, loader)
  let deals: DealProvider | undefined
  let client: ClientSide | undefined
  let front: DealFront | undefined
  const tellingDeals: Promise<void>[] = []
  const close = (): Promise<void> => closeAll([() => front?.close(), () => loader.close(), () => telling, () => client?.close(), () => deals?.close(), () => Promise.all(tellingDeals), () => store.close()])
  try {
    const tokens = createTokens(await openSecret(root.path))
    const pieces = await store.openPieces()
    // who may propose deals on this machine alone has his data there
    const pullGuard = createHostGuard({ ...hosts, allowPrivate: config.acceptDeals !== 'always', schemes: ['http', 'https'] })
    const pullFlow = config.transferBytesPerSecond === 0 ? {} : { flow: createFairFlow(config.transferBytesPerSecond, clock) }
    deals = await openDeals(store, pieces, { miner: config.miner, maxPulls: config.maxTransfers, log: logs.of('deals'), pulls: { fetch: nodeGuardedFetch(pullGuard), ...pullFlow } })
    tellingDeals.push(logDeals(deals.updates(), logs.of('deals')))
    front = await openDealFront(store, pieces, deals, { config, clock, log: logs.of('deals'), denylist, checkUrl: (url) => { pullGuard.checkUrl(url) } })
    client = await openClientSide(store, { config, logs, clock, background: true, publicUrl: payloadUrl(config), env, ownAnswer: front.answer })
    if (client.parts.deals !== undefined) tellingDeals.push(logDeals(client.parts.deals.updates({}), logs.of('client')))
    const rpcLog = logs.of('rpc')
    const handlers = createHandlers({
      node: { version: VERSION, session: randomUUID(), tokens, logs, shutdown },
      shards: { dagstore: store.dagstore, isUnsealed: store.isUnsealed, isWaiting: sealed.isWaiting, indices: store.indices, metrics: metrics.store, hosts, folder: openDirectory },
      pieces: pieceParts(pieces, store.dagstore),
      deals: dealParts(deals),
      market: front.market,
      client: client.parts,
      onNotice: (text) => { rpcLog.warn(text) },
    })
    const api: LotusApi = {
      ...handlers,
      DagstoreRecoverShard: async (key, options) => {
        await sealed.allow(key, options)
        return handlers.DagstoreRecoverShard(key, options)
      },
    }
    const doors = front.door === undefined ? [] : [front.door]
    return { store, tokens, pieces, client, api, doors, metrics: () => metrics.served(store.dagstore, sealed.isWaiting), diskFailedAt: () => diskFailedAt, close }
  } catch (error) {
    await close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}
