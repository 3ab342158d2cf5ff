/** Shards that were given a local copy of their bytes. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { type MountFactory, MountError } from '@dagstore/mounts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDagstore } from '../src/index.ts'

const blocks = makeBlocks(1, 6, { min: 10, max: 300 })
const car = carV1([blocks[0]!.cid], blocks)
const first = { cid: blocks[1]!.cid, data: blocks[1]!.data }

describe('a local copy', () => {
  let folder: string
  let fetched = 0
  let away = false
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dagstore-local-'))
    fetched = 0
    away = false
  })
  afterEach(() => rm(folder, { recursive: true }))
  /** In order only, and known by its size. */
  const tape: MountFactory = {
    scheme: 'tape',
    mount: () => ({
      url: 'tape:1',
      stat: async () => ({ exists: true, sizeBytes: car.byteLength, ready: true, access: 'sequential' }),
      open: async () => {
        if (away) throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' })
        return {
          access: 'sequential', identity: { kind: 'version', tag: '"1"', sizeBytes: car.byteLength }, resumable: false,
          stream: async function * () { fetched++; yield car.slice() },
        }
      },
    }),
  }
  const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false)

  it.each(['borrow', 'move', 'link'] as const)('is used in place of a download, after a restart too, and is treated as asked: %s', async (mode) => {
    const path = join(folder, 'inbound.car')
    await writeFile(path, car)
    for (let round = 0; round < 2; round++) {
      const store = await openDagstore(join(folder, 'store'), { mounts: [tape] })
      if (round === 0) await store.register('a', 'tape:1', { localCopy: { path, mode }, indexing: 'eager' })
      const lease = await store.acquire('a')
      expect(await lease.blockstore.bytes(first.cid)).toEqual(first.data)
      await lease.close()
      expect(fetched).toBe(0)
      expect(await exists(path)).toBe(mode !== 'move')
      if (round === 1) await store.destroy('a')
      await store.close()
    }
    // D18: what was lent is still there, and whole
    if (mode !== 'move') expect(new Uint8Array(await readFile(path))).toEqual(car)
  })

  it('that vanished is done without', async () => {
    const path = join(folder, 'inbound.car')
    await writeFile(path, car)
    const store = await openDagstore(join(folder, 'store'), { mounts: [tape] })
    await store.register('a', 'tape:1', { localCopy: { path, mode: 'borrow' }, indexing: 'eager' })
    await rm(path)
    const lease = await store.acquire('a')
    expect(await lease.blockstore.bytes(first.cid)).toEqual(first.data)
    expect(fetched).toBe(1)
    await lease.close()
    await store.close()
  })

  it('serves while the mount is away', async () => {
    const path = join(folder, 'inbound.car')
    await writeFile(path, car)
    away = true
    const store = await openDagstore(join(folder, 'store'), { mounts: [tape] })
    await store.register('a', 'tape:1', { localCopy: { path, mode: 'link' }, indexing: 'eager' })
    const lease = await store.acquire('a')
    expect(await lease.blockstore.bytes(first.cid)).toEqual(first.data)
    await lease.close()
    await store.close()
  })
})
