/** The store at the root, opened by this process. */
import type { DagstoreEvent, ShardInfo } from '@dagstore/dagstore'
import { closeAll } from '../close-all.ts'
import type { ShardStore } from '../compose.ts'
import { codeOf } from '../failure.ts'
import type { RootFolder } from '../root-folder.ts'
import type { LocalClient, LocalClientOptions } from '../client/local-client.ts'
import type { LocalMarket } from './local-market.ts'
import type { LocalDeals } from './local-provider.ts'
import type { ListedShard, ShardBackend, ShardCalls } from './shard-backend.ts'
import { HEALTHS } from './shard-states.ts'

export interface LocalUse {
  readonly onEvent?: ((event: DagstoreEvent) => void) | undefined
  /** What indexing may read in a second. @default that of the configuration */
  readonly bytesPerSecond?: number | undefined
  /** The command that asks. @default this process */
  readonly command?: LocalClientOptions | undefined
  /** Told what is left out, and why. */
  readonly onNotice?: ((text: string) => void) | undefined
}

/** Makes the store where there is none. @throws {DagstoreError} `DAGSTORE_LOCKED`: another process has it */
export const openLocalBackend = async (root: RootFolder, { onEvent, bytesPerSecond, command, onNotice = () => {} }: LocalUse = {}): Promise<ShardBackend> => {
  // loaded when needed
  const { openShardStore } = await import('../compose.ts')
  return localBackend(await openShardStore(root, { ...(onEvent === undefined ? {} : { onEvent }), ...(bytesPerSecond === undefined ? {} : { indexingBytesPerSecond: bytesPerSecond }) }), onNotice, command)
}

/** Of a store that is open; closes it. @param onNotice - told what is left out, and why */
export const localBackend = async (opened: ShardStore, onNotice: (text: string) => void, command?: LocalClientOptions): Promise<ShardBackend> => {
  const [{ toLotusState }, { openDirectory }] = await Promise.all([import('@dagstore/dagstore'), import('@dagstore/io/node')])
  const { root, dagstore: store, indices, isUnsealed } = opened
  let deals: Promise<LocalDeals> | undefined
  let market: Promise<LocalMarket> | undefined
  let client: Promise<LocalClient> | undefined
  const openDeals = (): Promise<LocalDeals> => deals ??= import('./local-provider.ts').then(({ localDeals }) => localDeals(opened, onNotice))
  const listed = (info: ShardInfo): ListedShard => ({ Key: info.key, State: toLotusState(info), Error: info.error === undefined ? '' : `${info.error.code}: ${info.error.message}` })
  const dagstore: ShardCalls = {
    ...store,
    listed: async function * ({ state, signal }) {
      const health = state === undefined ? undefined : HEALTHS[state]
      for await (const info of store.shards({ signal, health })) {
        const shard = listed(info)
        if (state === undefined || shard.State === state) yield shard
      }
    },
    holders: async function * (cid, { signal } = {}) {
      for (const key of [...await store.find(cid.multihash.bytes, { signal })].sort()) {
        const info = await store.shard(key, { signal })
        if (info !== undefined) yield listed(info)
      }
    },
    unindexed: (cid, options) => store.blockstore.bytes(cid, options).then(() => 0, unindexedShards),
    initializeAll: async function * ({ concurrency, includeSealed, signal }) {
      const { bulkHandlers } = await import('@dagstore/rpc/handlers') // loaded when needed
      yield * bulkHandlers({ dagstore: store, isUnsealed }, onNotice).DagstoreInitializeAll({ MaxConcurrency: concurrency, IncludeSealed: includeSealed }, { signal })
    },
    exportIndices: (folder, options) => store.exportIndices(openDirectory(folder), options),
    adoptIndices: (folder, options) => store.adoptIndices(openDirectory(folder), options),
  }
  return {
    root,
    daemon: undefined,
    dagstore,
    indices,
    provider: {
      pieces: async () => (await import('./local-provider.ts')).localPieces(opened, onNotice),
      market: async () => (await (market ??= Promise.all([import('./local-market.ts'), openDeals()]).then(([{ localMarket }, local]) => localMarket(opened, local.deals, onNotice)))).calls,
      deals: async () => (await openDeals()).calls,
    },
    client: async () => (await (client ??= import('../client/local-client.ts').then(({ openLocalClient }) => openLocalClient(opened, (line) => { onNotice(line.replace(/\n$/u, '')) }, command)))).calls,
    close: () => closeAll([async () => (await client)?.close(), async () => (await market)?.close(), async () => (await deals)?.close(), () => opened.close()]),
  }
}

const unindexedShards = (error: unknown): number =>
  codeOf(error) === 'BLOCKSTORE_NOT_FOUND' && error instanceof Error && 'unindexedShards' in error && typeof error.unindexedShards === 'number' ? error.unindexedShards : 0
