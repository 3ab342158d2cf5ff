/** The provider of the demo: deals with the stand-in for sealing, answered at `/deals/v1` of a free port of this machine, as a daemon does. */
import { join } from 'node:path'
import { createUnsealedSealing, type DealProvider, openDealProvider } from '@dagstore/deal-provider'
import { createDealsHandler, DEALS_PREFIX, epochAt, openRetrievalDeals } from '@dagstore/deal-provider/http'
import type { ProviderAsk } from '@dagstore/deal-protocol'
import { type Clock } from '@dagstore/io'
import { localFiles } from '@dagstore/mounts/node'
import { createPieceEngine } from '@dagstore/piece/node'
import { extraDoors, serveRpc, webHandler } from '@dagstore/rpc'
import { closeAll } from '../close-all.ts'
import type { ShardStore } from '../compose.ts'
import { createThreadedCommP } from '../hash-threads.ts'

export interface ProviderSide {
  readonly deals: DealProvider
  /** Where it answers. */
  readonly origin: string
  close (): Promise<void>
}

export interface ProviderSideOptions {
  /** Whose sectors are written. */
  readonly miner: bigint
  readonly clock: Clock
  /** Told of what no deal remembers. */
  readonly onProblem: (error: unknown) => void
}

const STAGING = 'deal-staging'
/** What failed for a passing reason is what somebody waits for. */
const RETRY = { firstMs: 1000, maxMs: 5000 } as const
/** One client, and it is ours. */
const MANY = 1_000_000
const FREE = { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 0n, paymentIntervalIncrease: 0n } as const

export const openProviderSide = async ({ root, dagstore, files, hashes, isUnsealed, openPieces }: ShardStore, { miner, clock, onProblem }: ProviderSideOptions): Promise<ProviderSide> => {
  const closing: (() => Promise<void>)[] = []
  const close = (): Promise<void> => closeAll(closing.splice(0).reverse())
  try {
    const { db } = dagstore
    const pieces = await openPieces()
    const engine = createPieceEngine()
    const deals = await openDealProvider({
      db, files, dagstore, pieces, openCommP: createThreadedCommP(), hashes, clock, retry: RETRY,
      localFiles: localFiles({ folder: join(root.path, STAGING), root: root.path }),
      sealing: createUnsealedSealing({ db, files, pieces, miner, engine }), // it proves nothing
      onProblem: ({ error }) => { onProblem(error) },
    })
    closing.push(() => deals.close())
    const ask = (): ProviderAsk => ({
      provider: `f0${miner}`, pricePerEpochPerGiB: 0n, verifiedPricePerEpochPerGiB: 0n, minPieceBytes: 128, maxPieceBytes: 64 * 2 ** 30,
      expiryEpoch: epochAt(clock.now()) + 2880n, transferTypes: ['http-push', 'manual'], retrieval: FREE,
    })
    const retrievals = await openRetrievalDeals({ db, dagstore, pieces, isUnsealed, hashes, clock, terms: FREE, paymentAddress: ask().provider, onProblem })
    closing.push(() => retrievals.close())
    const front = createDealsHandler({ deals, retrievals, ask, hashes, clock, limits: { clientRequests: MANY, clientProposals: MANY, maxWaiting: MANY }, onProblem })
    closing.push(() => front.close())
    const door = { claims: (path: string) => path.startsWith(DEALS_PREFIX), access: 'loopback', handler: webHandler((request, { client }) => front.handler(request, { client })) } as const
    const server = await serveRpc({ api: {}, tokens: { verify: () => undefined }, anonymous: 'nobody', listen: { host: '127.0.0.1', port: 0 }, ...extraDoors([door]) })
    closing.push(() => server.close({ deadlineMs: 0 }))
    return { deals, origin: server.address.url, close }
  } catch (error) {
    await close()
    throw error
  }
}
