/** A node over a store in memory whose pieces do as a test says, asked as a caller with all permissions is. */
import { carV1, makeBlocks, seededBytes } from '@dagstore-tooling/fixtures'
import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { createMetrics, type Dagstore, openDagstore } from '@dagstore/dagstore'
import type { ProviderDeal } from '@dagstore/deal-protocol'
import { createHashes } from '@dagstore/hashes'
import { openIndexRepo } from '@dagstore/index-repo'
import { createBytesSource, createMemoryDirectory, type Directory } from '@dagstore/io'
import { createRpcServer, type RpcServer } from '@dagstore/json-rpc'
import { type LotusApi, type LotusContext, methodsOf, type Permission, PERMISSIONS } from '@dagstore/lotus-api'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { bytesMount, createMountRegistry, type HostGuardOptions, MountError } from '@dagstore/mounts'
import { pieceCidV1 } from '@dagstore/piece'
import type { PieceDeals } from '@dagstore/piece-store'
import { MemoryLevel } from 'memory-level'
import { CID } from 'multiformats/cid'
import { createHandlers, type DealNews, type OfflineDeal } from '../../src/handlers/index.ts'

export const ADMIN = { permissions: PERMISSIONS } as const

export interface TestPiece {
  readonly cid: CID
  readonly key: string
  readonly url: string
  readonly blocks: readonly CID[]
  /** `undefined`: there is nothing. */
  bytes: Uint8Array | undefined
  isUnsealed: boolean
  /** Before it is opened; may wait or fail. */
  opening: (signal?: AbortSignal) => Promise<void>
}

export interface NodeKitOptions {
  readonly hosts?: HostGuardOptions
  readonly isUnsealed?: (piece: CID, options: { readonly signal?: AbortSignal | undefined }) => Promise<boolean>
  readonly maxConcurrentIndexing?: number
  readonly clock?: FakeClock
}

export interface NodeKit extends AsyncDisposable {
  readonly api: LotusApi
  readonly store: Dagstore
  readonly server: RpcServer<LotusContext>
  readonly notices: string[]
  readonly files: Directory
  /** Folders that callers named, by path. */
  readonly folders: Map<string, Directory>
  readonly deals: ProviderDeal[]
  readonly news: { push (news: DealNews): void, readonly listeners: number }
  readonly accepted: OfflineDeal[]
  readonly imported: { readonly deal: string, readonly path: string }[]
  readonly levels: Map<string, string>
  shutdowns: number
  /** A piece of its own bytes, not registered. */
  piece (seed: number): TestPiece
  /** The same, registered and not indexed. */
  lazy (seed: number): Promise<TestPiece>
  /** Sources of pieces that are open. */
  readonly openSources: number
  call (method: string, params?: readonly unknown[], permissions?: readonly Permission[]): Promise<{ readonly result?: unknown, readonly error?: { readonly code: number, readonly message: string, readonly data?: unknown } }>
}

export const openNode = async (options: NodeKitOptions = {}): Promise<NodeKit> => {
  const pieces = new Map<string, TestPiece>()
  let openSources = 0
  const pieceAt = (cid: { toString (): string }): TestPiece => {
    const piece = pieces.get(cid.toString())
    if (piece === undefined) throw new MountError('MOUNT_UNREACHABLE', 'no such piece')
    return piece
  }
  const loader = lotusMount({
    stat: async (cid) => ({ unsealed: pieceAt(CID.asCID(cid) as CID).isUnsealed ? 'yes' : 'sealed', pieceBytes: 1 << 20 }),
    open: async (cid, { signal } = {}) => {
      const piece = pieceAt(CID.asCID(cid) as CID)
      await piece.opening(signal)
      if (piece.bytes === undefined) throw new MountError('MOUNT_MISSING', 'nothing is there')
      const source = createBytesSource(piece.bytes, { identity: { kind: 'content', cid: piece.key, sizeBytes: piece.bytes.byteLength } })
      openSources++
      let closed = false
      const close = async (): Promise<void> => {
        if (!closed) openSources--
        closed = true
        await source.close()
      }
      return { ...source, close, [Symbol.asyncDispose]: close }
    },
  })
  const files = createMemoryDirectory('test')
  const metrics = createMetrics()
  const store = await openDagstore({
    db: new MemoryLevel<any, any>({ storeEncoding: 'view' }), files, hashes: createHashes(), clock: options.clock ?? createFakeClock(), metrics,
    mounts: createMountRegistry([loader, bytesMount()]),
    ...(options.maxConcurrentIndexing === undefined ? {} : { maxConcurrentIndexing: options.maxConcurrentIndexing }),
  })
  const notices: string[] = []
  const folders = new Map<string, Directory>()
  const deals: ProviderDeal[] = []
  const accepted: OfflineDeal[] = []
  const imported: { deal: string, path: string }[] = []
  const levels = new Map([['rpc', 'info'], ['shards', 'info']])
  const listeners = new Set<(news: DealNews) => void>()
  const infoOf = (piece: TestPiece): PieceDeals => ({ pieceCid: piece.cid, deals: [
    { dealId: '18446744073709551615', miner: 1000n, sector: 9007199254740993n, offsetPadded: 0, lengthPadded: 1 << 20 },
    { dealId: 'd7ab4f9c-0000-4000-8000-000000000000', miner: 1000n, sector: 2n, offsetPadded: 1 << 20, lengthPadded: 1 << 20 },
    { dealId: '7', miner: 1000n, sector: undefined, offsetPadded: 0, lengthPadded: 1 << 20 },
  ] })
  const kit = {
    shutdowns: 0,
  }
  const api = createHandlers({
    node: {
      version: '1.2.3', session: '6ba7b810-9dad-41d1-80b4-00c04fd430c8',
      tokens: { sign: (permissions) => { if (permissions.length === 0) throw new RangeError('permissions'); return `signed ${permissions.join(' ')}` }, verify: (token) => token.startsWith('signed ') ? token.slice(7).split(' ') as Permission[] : undefined },
      logs: {
        list: () => [...levels.keys()],
        setLevel: (name, level) => {
          if (level !== 'debug') throw new RangeError('no such level')
          for (const each of name === '*' ? levels.keys() : [name]) levels.set(each, level)
        },
      },
      shutdown: () => { kit.shutdowns++ },
    },
    shards: {
      dagstore: store, metrics, indices: openIndexRepo(files.child('index')), hosts: options.hosts,
      isUnsealed: options.isUnsealed ?? (async (cid) => pieceAt(cid).isUnsealed),
      folder: (path) => {
        const folder = folders.get(path) ?? createMemoryDirectory(path)
        folders.set(path, folder)
        return folder
      },
    },
    pieces: {
      list: async function * () { for (const piece of pieces.values()) { yield infoOf(piece); yield infoOf(piece) } },
      get: async (cid) => { const piece = pieces.get(String(CID.asCID(cid as CID))); return piece === undefined ? undefined : infoOf(piece) },
      piecesWith: async (payload) => [...pieces.values()].filter(({ blocks }) => blocks[0]?.equals(payload)).map(({ cid }) => cid),
      payloads: async function * () { for (const { blocks } of pieces.values()) yield blocks[0] as CID },
    },
    deals: {
      deals: async function * () { yield * deals },
      unregistered: async function * () { yield * deals.filter(({ shard }) => shard.state === 'failed') },
      updates: ({ signal } = {}) => ({
        [Symbol.asyncIterator]: () => {
          const waiting: DealNews[] = []
          let wake = (): void => {}
          const listen = (news: DealNews): void => { waiting.push(news); wake() }
          listeners.add(listen)
          signal?.addEventListener('abort', () => { wake() })
          return {
            next: async () => {
              while (waiting.length === 0) {
                if (signal?.aborted === true) { listeners.delete(listen); throw signal.reason }
                await new Promise<void>((resolve) => { wake = resolve })
              }
              return { done: false, value: waiting.shift() as DealNews }
            },
            return: async () => { listeners.delete(listen); return { done: true, value: undefined } },
          }
        },
      }),
      accept: async (deal) => { accepted.push(deal) },
      importData: async (deal, { path }) => {
        if (!deals.some(({ proposalCid }) => proposalCid.equals(deal))) throw Object.assign(new Error('no such deal'), { code: 'DEAL_UNKNOWN' })
        imported.push({ deal: deal.toString(), path })
      },
    },
    onNotice: (text) => { notices.push(text) },
  })
  const server = createRpcServer<LotusContext>({ methods: methodsOf(api) })
  const piece = (seed: number): TestPiece => {
    const made = makeBlocks(seed, 6, { min: 10, max: 400 })
    const cid = pieceCidV1(seededBytes(seed, 32).map((byte, at) => at === 31 ? byte & 0x3f : byte))
    const one: TestPiece = {
      cid, key: cid.toString(), url: `lotus://${cid.toString()}`, blocks: made.map((block) => CID.decode(block.cid)), bytes: carV1([made[0]!.cid], made), isUnsealed: true, opening: async () => {},
    }
    pieces.set(one.key, one)
    return one
  }
  return Object.assign(kit, {
    api, store, server, notices, files, folders, deals, accepted, imported, levels, piece,
    news: { push: (news: DealNews) => { for (const listen of listeners) listen(news) }, get listeners () { return listeners.size } },
    lazy: async (seed: number) => {
      const one = piece(seed)
      await store.register(one.key, one.url)
      return one
    },
    get openSources () { return openSources },
    call: async (method: string, params: readonly unknown[] = [], permissions: readonly Permission[] = PERMISSIONS) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }, (_name, value: unknown) => typeof value === 'bigint' ? Number(value) : value)
      return JSON.parse((await server.answer(body, { context: { permissions } })).body ?? 'null')
    },
    [Symbol.asyncDispose]: () => store.close(),
  })
}

/** Until it holds; the test's own limit ends a wait that is in vain. */
export const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  while (!await condition()) await new Promise((resolve) => { setImmediate(resolve) })
}

export const all = async <T>(values: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

/** A promise and what settles it. */
export const gate = (): { readonly passed: Promise<void>, open (): void } => {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => { open = resolve })
  return { passed, open: () => { open() } }
}
