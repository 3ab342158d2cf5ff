/** Imports, deals and retrievals on the root of a store, as the handlers of the RPC ask for them. */
import { join } from 'node:path'
import { openDealClient, openRetrievalClient, type RetrievalNode } from '@dagstore/deal-client'
import { openImports, type SourceFiles } from '@dagstore/imports'
import { nodeSourceFiles } from '@dagstore/imports/node'
import { type Clock, createFairFlow, systemRandom } from '@dagstore/io'
import { openRetrievals } from '@dagstore/retrievals'
import type { ClientDataParts, ClientImportParts, ClientParts } from '@dagstore/rpc/handlers'
import type { PayloadHandler } from '@dagstore/transfer'
import type { ShardStore } from '../compose.ts'
import type { Config } from '../config/config.ts'
import { createThreadedCommP } from '../hash-threads.ts'
import type { Logs } from '../log/logs.ts'
import { dataParts } from './data-parts.ts'
import { dealParts, dealSources } from './deal-parts.ts'
import { exportParts } from './export-parts.ts'
import { importParts } from './import-parts.ts'
import { createIpfsNode, type IpfsNode } from './ipfs-node.ts'
import { createDags } from './open-dags.ts'
import { isOwnProvider, type OwnAnswer, withOwnProvider } from './own-provider.ts'
import { createProviders } from './provider-names.ts'
import { keepRetention } from './retention.ts'
import { openRetrieved, retrievalParts } from './retrieval-parts.ts'

export interface ClientSideOptions {
  readonly config: Config
  readonly logs: Logs
  readonly clock: Clock
  /** Whether deals and retrievals go on by themselves; else those that a call names, until it answers. */
  readonly background: boolean
  /** Where providers reach {@link ClientSide.payloads}. @default nowhere */
  readonly publicUrl?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** For the provider of this store. @default nobody answers for it */
  readonly ownAnswer?: OwnAnswer | undefined
}

export interface ClientSide {
  readonly parts: ClientParts & { readonly imports: ClientImportParts, readonly data: ClientDataParts }
  /** Payloads for providers that fetch them, at `/deals/v1/payloads/`. */
  readonly payloads: PayloadHandler
  /** Ends what is under way; what was passed in stays open. */
  close (): Promise<void>
}

/** Of our own CARs, below the root. */
const IMPORTS = 'imports'
const RETRIEVALS = 'retrievals'

export const openClientSide = async ({ root, dagstore, files, hashes }: ShardStore, options: ClientSideOptions): Promise<ClientSide> => {
  const { config, logs, clock, background, publicUrl, env, ownAnswer } = options
  const asked = withOwnProvider(fetch, ownAnswer)
  // there is nobody to ask
  const isSilent = (provider: string): boolean => ownAnswer === undefined && isOwnProvider(provider)
  const log = logs.of('client')
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => { for (const end of closing.splice(0).reverse()) await end() }
  try {
    const { db } = dagstore
    const sourcesBeside = (...folders: readonly string[]): SourceFiles => nodeSourceFiles({ allow: config.referencedFolders.length === 0 ? 'all' : config.referencedFolders, leftOut: [root.path, ...folders] })
    const sources = sourcesBeside()
    const imports = await openImports({ db, directory: files.child(IMPORTS), hashes, clock, sources })
    closing.push(() => imports.close())
    // without `UseIpfs` one that is named is there for those who ask for it
    const ipfs = config.useIpfs || config.ipfsMAddr !== '' ? createIpfsNode(config, hashes, env) : undefined
    if (ipfs !== undefined) closing.push(() => ipfs.close())
    const node = ipfs === undefined ? undefined : nodeOf(ipfs)
    const dags = createDags(imports, { ipfs: config.useIpfs ? ipfs : undefined, online: config.ipfsOnlineMode })
    const bytesPerSecond = config.clientTransferBytesPerSecond
    const rate = bytesPerSecond === 0 ? {} : { flow: createFairFlow(bytesPerSecond, clock) }
    const deals = await openDealClient({
      ...rate, limits: { bytesPerSecond }, db, sources: dealSources(imports, dags), hashes, fetch: asked, clock, random: systemRandom, openCommP: createThreadedCommP(), background, maxTransfers: config.simultaneousTransfers,
      ...(publicUrl === undefined ? {} : { publicUrl }),
      onProblem: ({ deal, error }) => { log.warn('a deal does not get on', { deal, error }) },
    })
    closing.push(() => deals.close())
    const retrievals = await openRetrievalClient({
      ...rate, db, retrievals: openRetrievals({ directory: files.child(RETRIEVALS), hashes, clock }), hashes, fetch: asked, clock, random: systemRandom, background,
      local: async (cid, call) => {
        const dag = await dags.openHere(cid, call)
        return dag === undefined ? undefined : { blockstore: dag.store, close: () => dag.close() }
      },
      ...(node === undefined ? {} : { node }),
      onProblem: ({ id, error }) => { log.warn('a retrieval does not get on', { id, error }) },
    })
    closing.push(() => retrievals.close())
    if (background) {
      const ending = new AbortController()
      const keeping = keepRetention(retrievals, { config, clock, log, signal: ending.signal })
      closing.push(async () => {
        ending.abort()
        await keeping
      })
    }
    const providers = createProviders(config, (call) => deals.deals(call), isSilent)
    const retrieved = (id: bigint, call: Parameters<typeof openRetrieved>[2]): ReturnType<typeof openRetrieved> => openRetrieved(retrievals, id, call)
    return {
      parts: {
        imports: importParts(imports, { folder: join(root.path, IMPORTS), hashes, sourcesBeside, node }),
        data: dataParts({ imports, dags, sources, sourcesBeside, hashes, commP: (cid, call) => deals.commP(cid, call), retrieved }),
        deals: dealParts(deals, {
          wallet: config.clientWallet, background, isSilent,
          onProblem: (provider, error) => { log.warn('a provider does not answer; its deals are shown as they were', { provider, error }) },
        }),
        retrievals: retrievalParts({
          client: retrievals, providers, folder: join(root.path, RETRIEVALS), into: config.useIpfs && config.ipfsUseForRetrieval ? 'ipfs' : 'file', ...exportParts({ dags, sources, hashes, retrieved }),
        }),
        providers,
      },
      payloads: deals.payloadHandler,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Asked for when it is needed. */
const nodeOf = (ipfs: IpfsNode): RetrievalNode => ({
  has: async (cid, options) => (await ipfs.store()).has(cid, options),
  get: async function * (cid, options) { yield * (await ipfs.store()).get(cid, options) },
  importCar: async (car, options) => (await ipfs.store()).importCar(car, options),
})
