/** The storage of a provider from its deals to their blocks: migrated, indexed, read, a disk taken away and brought back. */
import { mkdir, mkdtemp, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CarReader } from '@ipld/car'
import { makeSectorStore, type SectorStore, type SectorStoreOptions, type StoredDeal } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { createShardLoader, migrateDeals, type MigrationResult, type ShardLoader } from '@dagstore/deal-provider'
import type { AnyLevel } from '@dagstore/io'
import { createPieceLoader, lotusMount, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors, readStorageFolders } from '@dagstore/lotus-mount/node'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { openPieceStore } from '@dagstore/piece-store'
import { createListReader } from '@dagstore/piece-store/list'
import { bulkHandlers } from '@dagstore/rpc/handlers'
import { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

type Bulk = ReturnType<typeof bulkHandlers>

interface Node extends AsyncDisposable {
  readonly dagstore: NodeDagstore
  readonly loader: ShardLoader
  readonly bulk: Bulk
  /** What initialize-all left out. */
  readonly notices: string[]
  migrate (lines?: readonly string[]): Promise<MigrationResult>
}

interface Block { readonly cid: CID, readonly bytes: Uint8Array }

const lineOf = ({ pieceCid, dealId, miner, sector, offsetPadded, lengthPadded, payloadBytes, state }: StoredDeal): string =>
  JSON.stringify({ pieceCid, dealId, miner: Number(miner), sector: Number(sector), offsetPadded, lengthPadded, rawSize: payloadBytes, state })

/** What the error, or that of the source behind it, says about trying again. */
const retryOf = async (work: Promise<unknown>): Promise<unknown> => {
  const error: unknown = await work.then(() => undefined, (thrown: unknown) => thrown)
  const { retry, cause } = error as { readonly retry?: unknown, readonly cause?: { readonly retry?: unknown } }
  return retry ?? cause?.retry
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('the storage of a provider', () => {
  let root = ''
  let storage: SectorStore
  /** By piece, as `@ipld/car` reads the payload that was sealed. */
  let blocks: Map<string, readonly Block[]>
  let copies: Map<string, readonly StoredDeal[]>

  const make = async (options: SectorStoreOptions): Promise<void> => {
    storage = await makeSectorStore(join(root, 'mnt'), options)
    copies = new Map()
    for (const deal of storage.deals) copies.set(deal.pieceCid, [...copies.get(deal.pieceCid) ?? [], deal])
    blocks = new Map()
    for (const [piece, [deal]] of copies) {
      if (deal!.content === 'noise') continue
      blocks.set(piece, await collect((await CarReader.fromBytes(storage.payload(piece))).blocks()))
    }
  }
  beforeEach(async () => { root = await mkdtemp(join(tmpdir(), 'provider-storage-')) })
  afterEach(() => rm(root, { recursive: true }))

  const openNode = async (): Promise<Node> => {
    let opened: ((db: AnyLevel) => void) | undefined
    const db = new Promise<AnyLevel>((resolve) => { opened = resolve })
    const pieces = db.then((level) => openPieceStore(level))
    const source = sectorPieceSource({ pieceStore: { get: async (piece) => (await pieces).get(piece) }, openSectorFile: localSectors(await readStorageFolders(storage.repo)) })
    const pieceLoader = createPieceLoader([source])
    const dagstore = await openDagstore(join(root, 'store'), { mounts: [lotusMount(pieceLoader)], clock: createFakeClock() })
    opened!(dagstore.db)
    const loader = createShardLoader({ dagstore, gcIntervalMs: 5, recoveries: 0 })
    const notices: string[] = []
    const bulk = bulkHandlers({ dagstore, isUnsealed: async (piece, call) => (await pieceLoader.stat(piece, call)).unsealed === 'yes' }, (text) => { notices.push(text) })
    return {
      dagstore, loader, bulk, notices,
      migrate: async (lines = storage.deals.map(lineOf)) => {
        const reader = createListReader({ name: 'deals.ndjson', open: async function * () { yield Buffer.from(lines.join('\n')) } })
        return migrateDeals({ reader, dagstore, pieces: await pieces, db: dagstore.db })
      },
      [Symbol.asyncDispose]: async () => {
        await loader.close()
        await dagstore.close()
        await pieceLoader.close()
      },
    }
  }

  /** Names, sizes and times of all files. */
  const look = async (): Promise<readonly string[]> => {
    const entries = await readdir(join(root, 'mnt'), { recursive: true, withFileTypes: true })
    return Promise.all(entries.filter((entry) => entry.isFile()).map(async ({ parentPath, name }) => {
      const { size, mtimeMs, mode } = await stat(join(parentPath, name))
      return `${join(parentPath, name)} ${size} ${mtimeMs} ${mode}`
    }).sort())
  }
  const states = async ({ dagstore }: Node): Promise<Record<string, string>> =>
    Object.fromEntries((await collect(dagstore.shards())).map(({ key, health }) => [key, health]))
  /** Every block of the piece through a store of its own; the number of them. @throws what opening and reading throw */
  const read = async ({ loader }: Node, piece: string): Promise<number> => {
    const store = await loader.loadShard(CID.parse(piece))
    try {
      for (const { cid, bytes } of blocks.get(piece)!) expect(Buffer.concat(await collect(store.get(cid)))).toEqual(Buffer.from(bytes))
      return blocks.get(piece)!.length
    } finally {
      await store.close()
    }
  }
  const folderOf = (deal: StoredDeal): string | undefined => {
    const file = storage.sectors.find(({ miner, sector }) => miner === deal.miner && sector === deal.sector)!.file
    return file === undefined ? undefined : dirname(dirname(file))
  }
  const isThere = ({ copy }: StoredDeal): boolean => copy === 'there'

  it('is migrated, indexed and read to the last block, whatever disk goes away meanwhile and comes back', async () => {
    await make({ miners: [1000n, 2001n, 30n], paths: 4, sectors: 16, seed: 5 })
    const before = await look()
    const away = storage.folders[1]!
    const readable = [...copies.keys()].filter((piece) => copies.get(piece)!.some(isThere) && blocks.has(piece))
    const noise = [...copies.keys()].filter((piece) => copies.get(piece)!.some(isThere) && !blocks.has(piece))
    const sealed = [...copies.keys()].filter((piece) => !copies.get(piece)!.some(isThere))
    const only = readable.filter((piece) => copies.get(piece)!.filter(isThere).every((deal) => folderOf(deal) === away))
    const others = readable.filter((piece) => !only.includes(piece))
    // no kind is missing: pieces on that disk alone, on it and another, sealed ones, and bytes that are no CAR
    const onBoth = others.filter((piece) => copies.get(piece)!.some((deal) => isThere(deal) && folderOf(deal) === away))
    expect([readable, noise, sealed, only, onBoth].map(({ length }) => length > 0)).toEqual([true, true, true, true, true])
    let all = 0
    {
      await using node = await openNode()
      expect(await node.migrate()).toMatchObject({ deals: storage.deals.length, registered: copies.size, merged: storage.deals.length - copies.size, failed: 0, complete: true })
      expect(Object.values(await states(node))).toEqual(Array.from(copies.keys(), () => 'new'))
      const events = await collect(node.bulk.DagstoreInitializeAll({ MaxConcurrency: 3, IncludeSealed: false }))
      const ends = events.filter(({ Event }) => Event === 'end')
      expect(ends.filter(({ Success }) => Success).map(({ Key }) => Key).sort()).toEqual([...readable].sort())
      expect(ends.filter(({ Success }) => !Success).map(({ Key }) => Key).sort()).toEqual([...noise].sort())
      expect(node.notices).toHaveLength(sealed.length)
      const expected = [...readable.map((key) => [key, 'available']), ...noise.map((key) => [key, 'errored']), ...sealed.map((key) => [key, 'new'])]
      expect(await states(node)).toEqual(Object.fromEntries(expected))

      const held = await node.loader.loadShard(CID.parse(only[0]!))
      const half = readable.length >> 1
      for (const piece of readable.slice(0, half)) all += await read(node, piece)
      await rename(away, `${away}.unplugged`)
      await mkdir(away)
      for (const piece of others) expect(await read(node, piece)).toBe(blocks.get(piece)!.length)
      for (const piece of only) expect(await retryOf(read(node, piece)), piece).toBe('later')
      const blocksOfHeld = blocks.get(only[0]!)!
      await expect(collect(held.get(blocksOfHeld.at(-1)!.cid))).rejects.toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause: { code: 'IO_SOURCE_LOST' } })
      expect(await held.has(blocksOfHeld.at(-1)!.cid), 'the index knows it').toBe(true)

      await rmdir(away)
      await rename(`${away}.unplugged`, away)
      expect(Buffer.concat(await collect(held.get(blocksOfHeld.at(-1)!.cid)))).toEqual(Buffer.from(blocksOfHeld.at(-1)!.bytes))
      await held.close()
      const recovered = (await collect(node.bulk.DagstoreRecoverAll(2))).filter(({ Event }) => Event === 'end')
      expect(recovered.filter(({ Success }) => !Success).map(({ Key }) => Key).sort()).toEqual([...noise].sort())
    }
    {
      // the next process, on the same folder
      await using node = await openNode()
      expect(await node.migrate()).toMatchObject({ registered: 0, complete: true })
      let again = 0
      for (const piece of readable) again += await read(node, piece)
      expect(again).toBe([...readable].reduce((sum, piece) => sum + blocks.get(piece)!.length, 0))
      expect(again).toBeGreaterThan(all)
      for (const piece of sealed) await expect(node.loader.loadShard(CID.parse(piece)), piece).rejects.toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED' })
      for await (const { leases } of node.dagstore.shards()) expect(leases).toBe(0)
    }
    expect(await look()).toEqual(before)
  })

  it('gives no block of which a byte has changed in its sector, and all others', async () => {
    await make({ miners: [1000n], paths: 1, sectors: 2, piecesPerSector: 2, trouble: false })
    const [piece] = [...copies.keys()].filter((key) => copies.get(key)!.length === 1 && blocks.get(key)!.length > 1)
    const [deal] = copies.get(piece!)!
    const list = blocks.get(piece!)!
    const victim = list.at(-1)!
    await using node = await openNode()
    await node.migrate()
    await read(node, piece!)
    const { file } = storage.sectors.find(({ miner, sector }) => miner === deal!.miner && sector === deal!.sector)!
    // of the unpadded payload, the last byte of the block; in the file every 254 bits are 256
    const payload = Buffer.from(storage.payload(piece!))
    const bit = (payload.indexOf(Buffer.from(victim.bytes)) + victim.bytes.byteLength - 1) * 8
    const at = deal!.offsetPadded + Math.floor((bit + 2 * Math.floor(bit / 254)) / 8)
    const handle = await open(file!, 'r+')
    try {
      const byte = Buffer.alloc(1)
      await handle.read(byte, 0, 1, at)
      await handle.write(Buffer.of(byte[0]! ^ 0x20), 0, 1, at)
    } finally {
      await handle.close()
    }
    const store = await node.loader.loadShard(CID.parse(piece!))
    await expect(collect(store.get(victim.cid))).rejects.toMatchObject({ code: expect.stringMatching(/^BLOCKSTORE_/) as string })
    expect(Buffer.concat(await collect(store.get(list[0]!.cid)))).toEqual(Buffer.from(list[0]!.bytes))
    await store.close()
  })

  it('scenario of Lotus: of deals that seal with and without an unsealed copy, in error and before sealing, two become shards in state New, and none the second time', async () => {
    await make({ miners: [1000n], paths: 1, sectors: 6, piecesPerSector: 1 })
    const unsealed = storage.deals.filter(isThere)
    const sealed = storage.deals.find(({ copy }) => copy === 'no-file')!
    expect(new Set([...unsealed, sealed].map(({ pieceCid }) => pieceCid)).size).toBeGreaterThan(3)
    const [first, second, third] = [...new Map(unsealed.map((deal) => [deal.pieceCid, deal])).values()].filter(({ pieceCid, content }) => pieceCid !== sealed.pieceCid && content !== 'noise')
    const lines = [
      lineOf({ ...first!, state: 'StorageDealSealing' }), lineOf({ ...sealed, state: 'StorageDealSealing' }),
      lineOf({ ...second!, state: 'StorageDealError' }), lineOf({ ...third!, state: 'StorageDealFundsReserved' }),
    ]
    await using node = await openNode()
    expect(await node.migrate(lines)).toMatchObject({ deals: 4, registered: 2, skipped: 2, failed: 0, complete: true })
    expect(await states(node)).toEqual({ [first!.pieceCid]: 'new', [sealed.pieceCid]: 'new' })
    expect(await node.migrate(lines)).toMatchObject({ deals: 4, registered: 0, already: 2, skipped: 2 })
    expect(await states(node)).toEqual({ [first!.pieceCid]: 'new', [sealed.pieceCid]: 'new' })
    // and only the one that is unsealed is indexed without being told otherwise
    const ends = (await collect(node.bulk.DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: false }))).filter(({ Event }) => Event === 'end')
    expect(ends).toEqual([expect.objectContaining({ Key: first!.pieceCid, Success: true })])
  })
})
