/** The provider as one process on a disk and a database that may crash: deals, sealing's stand-in, shards, retrievals, and a plain gateway. */
import { type CrashFs, type CrashLevel, type FakeClock } from '@dagstore-tooling/testkit'
import { type Dagstore, openDagstore } from '@dagstore/dagstore'
import { createUnsealedSealing, type DealProblem, type DealProvider, openDealProvider } from '@dagstore/deal-provider'
import { createDealsHandler, type DealsHandlerLimits, epochAt, openRetrievalDeals, type RetrievalDeals } from '@dagstore/deal-provider/http'
import type { ProviderAsk, SealingSubsystem } from '@dagstore/deal-protocol'
import { createHashes, type Hashes } from '@dagstore/hashes'
import { type AnyLevel, type Directory, IoError, readChunks } from '@dagstore/io'
import { createPieceLoader, lotusMount, sectorPieceSource } from '@dagstore/lotus-mount'
import { createMountRegistry, type LocalFiles } from '@dagstore/mounts'
import { createPieceEngine } from '@dagstore/piece/node'
import { openPieceStore, type PieceStore } from '@dagstore/piece-store'
import { createGateway } from '@dagstore/trustless-gateway'
import { sectorFileName } from '@dagstore/unsealed-sector'
import { type Process, type WebHandler } from './wire.ts'

export const hashes: Hashes = createHashes()
export const engine: ReturnType<typeof createPieceEngine> = createPieceEngine()

const FREE: ProviderAsk['retrieval'] = { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 0n, paymentIntervalIncrease: 0n }

/** Files of the same disk, in the steps of the form for Node. */
const filesOf = (disk: Directory, folder: string): LocalFiles => {
  const place = async (path: string, name: string): Promise<void> => {
    const from = await disk.openSource(path)
    try {
      await disk.writeAtomic(`${folder}/${name}`, readChunks(from, 0, from.sizeBytes))
    } finally {
      await from.close()
    }
  }
  return {
    recorded: (path) => path,
    open: (path, options) => disk.openSource(path, options),
    link: place,
    move: async (path, name) => {
      await place(path, name)
      await disk.remove(path)
    },
  }
}

export interface ProviderSide {
  readonly process: Process
  readonly deals: DealProvider
  readonly dagstore: Dagstore
  readonly retrievals: RetrievalDeals
  readonly pieces: PieceStore
  readonly problems: DealProblem[]
  /** `/deals/v1/`. */
  readonly handler: WebHandler
  /** `/ipfs/`, of all shards. */
  readonly gateway: WebHandler
  /** Shards that were acquired, one for each time. */
  readonly acquired: string[]
  close(): Promise<void>
}

export interface ProviderOptions {
  readonly fs: CrashFs
  readonly db: CrashLevel
  readonly clock: FakeClock
  /** How it fetches. */
  readonly fetchOf: (process: Process) => typeof fetch
  readonly ask?: Partial<ProviderAsk> | undefined
  readonly limits?: DealsHandlerLimits | undefined
  readonly sealing?: ((standIn: SealingSubsystem) => SealingSubsystem) | undefined
}

export const openProviderSide = async ({ fs, db, clock, fetchOf, ask: asked, limits, sealing: around = (one) => one }: ProviderOptions): Promise<ProviderSide> => {
  const process: Process = { faults: fs.faults, gone: new AbortController() }
  const files = fs.directory
  const pieces = await openPieceStore(db)
  const loader = createPieceLoader([sectorPieceSource({
    pieceStore: pieces, fr32: engine,
    openSectorFile: async (miner, sector, options) => {
      try {
        return await files.openSource(`unsealed/${sectorFileName(miner, sector)}`, options)
      } catch (error) {
        if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return undefined
        throw error
      }
    },
  })])
  const dagstore = await openDagstore({ db: db as AnyLevel, files, clock, hashes, mounts: createMountRegistry([lotusMount(loader)]), transients: { localFiles: filesOf(files, 'transients') } })
  const problems: DealProblem[] = []
  const deals = await openDealProvider({
    db, files, localFiles: filesOf(files, 'deal-staging'), pieces, engine, hashes, clock, dagstore, pulls: { fetch: fetchOf(process) },
    sealing: around(createUnsealedSealing({ db, files, pieces, miner: 1000n, engine })),
    onProblem: (problem) => { problems.push(problem) },
  })
  const ask = (): ProviderAsk => ({
    provider: 'f01000', pricePerEpochPerGiB: 0n, verifiedPricePerEpochPerGiB: 0n, minPieceBytes: 256, maxPieceBytes: 1 << 30, expiryEpoch: epochAt(clock.now()) + 2880n,
    transferTypes: ['http-push', 'http-pull', 'manual'], retrieval: FREE, ...asked,
  })
  const acquired: string[] = []
  const retrievals = await openRetrievalDeals({
    db, pieces, clock, hashes, terms: ask().retrieval, paymentAddress: 'f01000',
    dagstore: {
      acquire: (key, options) => {
        acquired.push(key)
        return dagstore.acquire(key, options)
      },
      find: (...args) => dagstore.find(...args),
      shard: (...args) => dagstore.shard(...args),
    },
    isUnsealed: async (piece, call) => (await loader.stat(piece, call)).unsealed === 'yes',
  })
  const front = createDealsHandler({ deals, retrievals, ask, hashes, clock, limits, epoch: () => epochAt(clock.now()) })
  const plain = createGateway({ blockstore: dagstore.blockstore, hashes, verify: 'never', clock })
  const close = async (): Promise<void> => {
    process.gone.abort(new Error('the process has ended'))
    // of one that has crashed everything fails, and everything is let go all the same
    for (const end of [() => front.close(), () => retrievals.close(), () => deals.close(), () => dagstore.close(), () => loader.close()]) {
      await end().catch((error: unknown) => { if (!fs.faults.crashed) throw error })
    }
  }
  return { process, deals, dagstore, retrievals, pieces, problems, handler: (request) => front.handler(request, { client: 'here' }), gateway: plain, acquired, close }
}
