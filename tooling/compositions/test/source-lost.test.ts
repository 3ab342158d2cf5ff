/** Sectors that their owner takes away and brings back: the shard says that its source is lost, never that it is damaged. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { carV1, makeBlocks, sectorFile } from '@dagstore-tooling/fixtures'
import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { createMemoryCatalogue, type Dagstore, openDagstore } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { openWritableFile } from '@dagstore/io/node'
import { createPieceLoader, lotusMount, lotusUrl, type PieceSource, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors } from '@dagstore/lotus-mount/node'
import { createMountRegistry } from '@dagstore/mounts'
import { createCommP } from '@dagstore/piece'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { createMemoryTopLevelIndex } from '@dagstore/top-level-index'
import { openSectorWriter } from '@dagstore/unsealed-sector'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const blocks = makeBlocks(1, 300, { min: 1000, max: 3000 })
const payload = carV1([blocks[0]!.cid], blocks)
const commp = createCommP()
commp.write(payload)
const { cidV1, paddedBytes } = commp.finish()
const key = cidV1.toString()
const SECTOR = 8_388_608
const OFFSET = paddedBytes
const sector = sectorFile({ sectorBytes: SECTOR, pieces: [{ offset: OFFSET, paddedBytes, payload }] })

const settle = async (): Promise<void> => { for (let i = 0; i < 20; i++) await turn() }

describe('a shard whose sector is taken away', () => {
  let root = ''
  let file = ''
  let clock: FakeClock
  let store: Dagstore
  let others: PieceSource[] = []
  /** What its owner does after so many reads of the file. */
  let afterReads: { count: number, take: () => Promise<void> } | undefined
  const open = async (indexing: 'eager' | 'lazy' = 'eager'): Promise<void> => {
    const pieceStore = createMemoryPieceStore()
    await pieceStore.add(cidV1, { miner: 1000n, sector: 42n, offsetPadded: OFFSET, lengthPadded: paddedBytes, payloadBytes: payload.byteLength })
    const sectors = localSectors([root])
    const watched: typeof sectors = Object.assign<typeof sectors, typeof sectors>(async (...call) => {
      const found = await sectors(...call)
      return found === undefined ? undefined : {
        ...found,
        read: async (...read) => {
          if (afterReads !== undefined && --afterReads.count === 0) await afterReads.take()
          return found.read(...read)
        },
      }
    }, sectors)
    const loader = createPieceLoader([sectorPieceSource({ pieceStore, openSectorFile: watched }), ...others], { clock, patienceMs: 0 })
    store = await openDagstore({
      catalogue: createMemoryCatalogue(), topLevelIndex: createMemoryTopLevelIndex(), files: createMemoryDirectory('files'), mounts: createMountRegistry([lotusMount(loader)]), hashes: createHashes(), clock,
    })
    await store.register(key, lotusUrl(cidV1), { indexing })
  }
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'source-lost-'))
    file = join(root, 'unsealed', 's-t01000-42')
    await mkdir(join(root, 'unsealed'))
    await writeFile(file, sector)
    clock = createFakeClock(0)
    others = []
    afterReads = undefined
  })
  afterEach(async () => {
    await store.close()
    await rm(root, { recursive: true })
  })

  const free = async (): Promise<void> => {
    const writer = await openSectorWriter(await openWritableFile(file, 'open'), { sectorBytes: SECTOR })
    await writer.free(OFFSET, paddedBytes)
    await writer.close()
  }
  const ways: readonly (readonly [string, () => Promise<void>])[] = [
    ['its file vanishes', () => rm(file)],
    ['its file is moved away', () => rename(file, `${file}.moved`)],
    ['its range is cleared', free],
  ]

  const error = async (work: Promise<unknown>): Promise<unknown> => work.then(() => undefined, (thrown: unknown) => thrown)
  /** The way back: by itself after a while, or by recovery. */
  const comeBack = async (how: 'by itself' | 'by recovery'): Promise<void> => {
    await writeFile(file, sector)
    if (how === 'by recovery') await store.recover(key)
    while ((await store.shard(key))?.health !== 'available') {
      await clock.advance(60_000)
      await settle()
    }
    expect(await store.shard(key)).toMatchObject({ health: 'available', error: undefined, findings: [] })
    expect(await store.blockstore.bytes(blocks[200]!.cid)).toEqual(blocks[200]!.data)
  }
  const cases = ways.flatMap(([name, take]) => (['by itself', 'by recovery'] as const).map((how) => [name, how, take] as const))

  it.each(cases)('while it is indexed (%s) is errored as lost, and comes back %s', async (_, how, take) => {
    await open('lazy')
    afterReads = { count: 3, take }
    expect(await error(store.initialize(key))).toMatchObject({ cause: { code: 'IO_SOURCE_LOST' } })
    afterReads = undefined
    expect(await store.shard(key)).toMatchObject({ health: 'errored', error: { code: 'IO_SOURCE_LOST' }, findings: [] })
    await comeBack(how)
  })

  it.each(cases)('while it is read (%s) says so to the reader, is errored when it is opened next, and comes back %s', async (_, how, take) => {
    await open()
    const lease = await store.acquire(key)
    expect(await lease.blockstore.bytes(blocks[3]!.cid)).toEqual(blocks[3]!.data)
    await take()
    expect(await error(lease.blockstore.bytes(blocks[200]!.cid))).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause: { code: 'IO_SOURCE_LOST' } })
    await lease.close()
    expect(await error(store.acquire(key))).toMatchObject({ retry: 'later', cause: { code: 'IO_SOURCE_LOST', message: expect.stringMatching(/^t01000 sector 42 @\d+: s-t01000-42 (?:not in |is there, the piece in it is not unsealed)/u) } })
    expect(await store.shard(key)).toMatchObject({ health: 'errored', error: { code: 'IO_SOURCE_LOST', retry: 'later' }, findings: [] })
    await comeBack(how)
    // the index is as good as before; recovery builds it anew all the same
    expect(await store.shard(key)).toMatchObject({ indexGeneration: how === 'by itself' ? 1 : 2 })
  })

  it('goes on at another source in mid-read, and nobody notices', async () => {
    const whole = new Uint8Array(paddedBytes / 128 * 127)
    whole.set(payload)
    let remoteReads = 0
    others = [{
      name: 'remote',
      cost: 10,
      stat: async () => ({ unsealed: 'yes', pieceBytes: whole.byteLength }),
      open: async () => {
        const source = createBytesSource(whole)
        return { ...source, read: (...call) => { remoteReads++; return source.read(...call) }, peek: () => undefined }
      },
    }]
    for (const [, take] of ways) {
      await writeFile(file, sector)
      await open()
      const lease = await store.acquire(key)
      expect(await lease.blockstore.bytes(blocks[3]!.cid)).toEqual(blocks[3]!.data)
      expect(remoteReads).toBe(0)
      await take()
      for (const { cid, data } of blocks.slice(100, 110)) expect(await lease.blockstore.bytes(cid)).toEqual(data)
      expect(remoteReads).toBe(10)
      expect(await store.shard(key)).toMatchObject({ health: 'available', error: undefined })
      await lease.close()
      await store.close()
      remoteReads = 0
    }
  })
})
