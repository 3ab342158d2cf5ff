import { MountError, transientName } from '@dagstore/mounts'
import { indexName } from '@dagstore/index-repo'
import { IoError, type Directory } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { carWithData, codeOf, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

/** Below it, files cannot be made while `full` says so. */
const mayBeFull = (directory: Directory, full: () => boolean, prefix = ''): Directory => ({
  ...directory,
  child: (name) => mayBeFull(directory.child(name), full, `${prefix}${name}/`),
  writeAtomic: async (name, ...rest) => {
    if (prefix === 'index/' && full()) throw new IoError('IO_FULL', 'no room for indices', { retry: 'later' })
    return directory.writeAtomic(name, ...rest)
  },
})

describe('a copy that was made for a build that failed', () => {
  it('is not taken for the bytes that the source has by the next build', async () => {
    const bare = await openHarness()
    let full = true
    await using h = await openHarness({}, { db: bare.db, files: mayBeFull(bare.files, () => full), sources: bare.sources })
    const one = makeCar(1)
    const other = carWithData(one, 9)
    await h.store.register('a', h.sources.put('a', one, { access: 'sequential' }))
    expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'later' })
    full = false
    h.sources.put('a', other)
    h.sources.place('a').version = 2
    await using lease = await h.store.acquire('a')
    expect(lease.dataGeneration).toBe(2)
    expect(await lease.blockstore.bytes(other.blocks[2]!.cid)).toEqual(other.blocks[2]!.data)
    expect(await h.store.blockstore.has(one.blocks[2]!.cid)).toBe(false)
    await until(async () => (await namesIn(h.files)).length === 2)
    expect(await namesIn(h.files)).toContain(`transients/${transientName('a', 2)}`)
  })

  it('is used by the next build when the source is the same, or cannot be reached', async () => {
    const bare = await openHarness()
    let full = true
    await using h = await openHarness({}, { db: bare.db, files: mayBeFull(bare.files, () => full), sources: bare.sources })
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car, { access: 'sequential' }))
    await rejection(h.store.acquire('a'))
    full = false
    h.sources.place('a').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
    await using lease = await h.store.acquire('a')
    expect(lease.dataGeneration).toBe(1)
    expect(lease.source.identity).toMatchObject({ kind: 'version', tag: '"1"' })
    expect(await lease.blockstore.bytes(car.blocks[2]!.cid)).toEqual(car.blocks[2]!.data)
  })
})

describe('an index that is lost', () => {
  it('is not rebuilt from the copy when the source has other bytes: these are fetched', async () => {
    await using h = await openHarness()
    const one = makeCar(1)
    const other = carWithData(one, 9)
    await h.store.register('a', h.sources.put('a', one, { access: 'sequential' }), { indexing: 'eager' })
    await h.files.remove(`index/${indexName('a', 1)}`)
    h.sources.put('a', other)
    h.sources.place('a').version = 2
    await using lease = await h.store.acquire('a')
    expect(lease).toMatchObject({ dataGeneration: 2, indexGeneration: 2 })
    expect(codeOf(await rejection(lease.blockstore.bytes(one.blocks[2]!.cid)))).toBe('BLOCKSTORE_NOT_FOUND')
    expect(await lease.blockstore.bytes(other.blocks[2]!.cid)).toEqual(other.blocks[2]!.data)
  })
})
