/** A provider with the real DAG store, piece store and sealing on a directory and a database of tests. */
import { createHash } from 'node:crypto'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { createCrashFs, createCrashLevel, type CrashFs, type CrashLevel, createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { type Dagstore, openDagstore } from '@dagstore/dagstore'
import type { DealProposal, ProviderDeal, SealingSubsystem } from '@dagstore/deal-protocol'
import { createHashes } from '@dagstore/hashes'
import { type AnyLevel, type Clock, type Directory, IoError, readChunks } from '@dagstore/io'
import { createPieceLoader, lotusMount, type OpenSectorFile, type PieceLoader, sectorPieceSource } from '@dagstore/lotus-mount'
import { createMountRegistry, type LocalFiles } from '@dagstore/mounts'
import { createCommP, padCommitment, pieceCidV1 } from '@dagstore/piece'
import { createPieceEngine } from '@dagstore/piece/node'
import { openPieceStore, type PieceStore } from '@dagstore/piece-store'
import { sectorFileName } from '@dagstore/unsealed-sector'
import { CID } from 'multiformats/cid'
import { type AcceptedDeal, createUnsealedSealing, type DealProblem, type DealProvider, type DealProviderOptions, openDealProvider } from '../src/index.ts'

export const engine: ReturnType<typeof createPieceEngine> = createPieceEngine()

export interface TestCar {
  readonly bytes: Uint8Array
  readonly blocks: readonly { readonly cid: CID, readonly data: Uint8Array }[]
}

export const makeCar = (seed: number, count = 4, bytes = 300): TestCar => {
  const blocks = makeBlocks(seed, count, { min: bytes, max: bytes })
  return { bytes: carV1([blocks[0]!.cid], blocks), blocks: blocks.map(({ cid, data }) => ({ cid: CID.decode(cid), data })) }
}

const sha256Cid = (text: string): CID => CID.decode(Uint8Array.of(1, 0x71, 0x12, 0x20, ...createHash('sha256').update(text).digest()))

/** @param pieceSize - padded; larger than needed is zeros. @default the smallest */
export const proposalOf = (bytes: Uint8Array, pieceSize?: number): DealProposal => {
  const commp = createCommP({ engine })
  commp.write(bytes)
  const { commitment, paddedBytes } = commp.finish()
  const size = pieceSize ?? paddedBytes
  return {
    pieceCid: pieceCidV1(padCommitment(commitment, paddedBytes, size)), pieceSize: size, verifiedDeal: true, client: 'f01001', provider: 'f01000', label: 'bafytest',
    startEpoch: 100n, endEpoch: 2000n, storagePricePerEpoch: 10n ** 20n, providerCollateral: 0n, clientCollateral: 0n,
  }
}

export const dealOf = (name: string, bytes: Uint8Array, more: Partial<AcceptedDeal> & { readonly pieceSize?: number } = {}): AcceptedDeal => {
  const { pieceSize, ...rest } = more
  return { proposalCid: sha256Cid(name), proposal: proposalOf(bytes, pieceSize), ...rest }
}

/** Files of the same disk, in the steps of the form for Node: a draft, synced, renamed, and only then the old name removed. */
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

const sectorsIn = (disk: Directory): OpenSectorFile => async (miner, sector, options) => {
  const name = `unsealed/${sectorFileName(miner, sector)}`
  try {
    return await disk.openSource(name, options)
  } catch (error) {
    if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return undefined
    throw error
  }
}

export interface World { readonly fs: CrashFs, readonly db: CrashLevel }

export interface Harness {
  readonly provider: DealProvider
  readonly dagstore: Dagstore
  readonly pieces: PieceStore
  readonly loader: PieceLoader
  readonly fs: CrashFs
  readonly db: CrashLevel
  readonly clock: FakeClock | Clock
  readonly problems: DealProblem[]
  readonly sealing: SealingSubsystem
  /** Everything closed, as at the end of a process. */
  close(): Promise<void>
  /** The next process on the same disk. */
  reopen(more?: HarnessOptions): Promise<Harness>
}

export interface HarnessOptions extends Partial<Omit<DealProviderOptions, 'db' | 'files'>> {
  readonly world?: World
  /** In place of the piece loader of the sectors. */
  readonly mountLoader?: Pick<PieceLoader, 'stat' | 'open'>
  readonly epoch?: () => bigint
  /** Around the DAG store as the provider sees it. */
  readonly around?: (dagstore: Dagstore) => DealProviderOptions['dagstore']
}

let worlds = 0

export const openHarness = async (options: HarnessOptions = {}): Promise<Harness> => {
  const { world, mountLoader, epoch, around = (store) => store, ...more } = options
  const fs = world?.fs ?? createCrashFs({ seed: `deals ${worlds++}` })
  const db = world?.db ?? await createCrashLevel({ seed: `deals ${worlds++}`, faults: fs.faults })
  const clock = options.clock ?? createFakeClock()
  const files = fs.directory
  const pieces = await openPieceStore(db)
  const loader = createPieceLoader([sectorPieceSource({ pieceStore: pieces, openSectorFile: sectorsIn(files), fr32: engine })])
  const dagstore = await openDagstore({
    db: db as AnyLevel, files, clock, hashes: createHashes(), mounts: createMountRegistry([lotusMount(mountLoader ?? loader)]), transients: { localFiles: filesOf(files, 'transients') },
  })
  const sealing = options.sealing ?? createUnsealedSealing({ db, files, pieces, miner: 1000n, engine, epoch })
  const problems: DealProblem[] = []
  const provider = await openDealProvider({
    db, files, localFiles: filesOf(files, 'deal-staging'), pieces, sealing, engine, onProblem: (problem) => { problems.push(problem) }, ...more, clock, dagstore: around(dagstore),
  })
  const close = async (): Promise<void> => {
    await provider.close()
    await dagstore.close()
    await loader.close()
  }
  return {
    provider, dagstore, pieces, loader, fs, db, clock, problems, sealing, close,
    reopen: async (next = {}) => {
      await close()
      return openHarness({ ...options, clock, ...next, world: { fs, db } })
    },
  }
}

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export const codeOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work
    return undefined
  } catch (error) {
    return (error as { code?: unknown }).code ?? (error as Error).name
  }
}

export const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** Waits until the condition holds; what has to happen happens in other turns of the event loop. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!await condition()) await turn()
}

export const dealIs = async ({ provider }: Harness, proposalCid: CID, ...is: readonly ((deal: ProviderDeal) => boolean)[]): Promise<ProviderDeal> => {
  let deal: ProviderDeal | undefined
  await until(async () => {
    deal = await provider.deal(proposalCid)
    return deal !== undefined && is.every((one) => one(deal!))
  })
  return deal!
}

export const inState = (state: ProviderDeal['state']) => (deal: ProviderDeal): boolean => deal.state === state
export const withShard = (state: ProviderDeal['shard']['state']) => (deal: ProviderDeal): boolean => deal.shard.state === state
export const clean = (deal: ProviderDeal): boolean => deal.staged === undefined

/** Everything below `deal-staging/`. */
export const staged = ({ fs }: Pick<Harness, 'fs'>): string[] => fs.names().filter((name) => name.startsWith('deal-staging/'))
