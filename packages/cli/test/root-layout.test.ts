import { access, lstat, mkdir, mkdtemp, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { fileUrl } from '@dagstore/mounts'
import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openShardStore } from '../src/compose.ts'
import { checkLayout } from '../src/root-layout.ts'
import { temporaryFolder } from './terminal.ts'

const PARTS = ['db', 'index', 'transients'] as const

/** On another file system, where there is one. */
const otherDisk = async (): Promise<string> => {
  const shared = '/dev/shm'
  const place = await access(shared).then(() => shared, () => undefined)
  if (place === undefined) return temporaryFolder()
  const folder = await mkdtemp(join(place, 'dagstore-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('the folder of a store', () => {
  it('works with its parts on other disks: links stay links, and files are renamed within one disk', async () => {
    const root = await temporaryFolder()
    const disk = await otherDisk()
    for (const name of PARTS) {
      await mkdir(join(disk, name))
      await symlink(join(disk, name), join(root, name))
    }
    const blocks = makeBlocks(71, 30, { min: 100, max: 2000 })
    await writeFile(join(root, 'x.car'), carV1([], blocks))
    const open = (): ReturnType<typeof openShardStore> => openShardStore({ path: root, label: root })
    const store = await open()
    await store.dagstore.register('x', fileUrl(join(root, 'x.car')), { indexing: 'eager' })
    await store.dagstore.gc()
    await store.close()
    const again = await open()
    expect(await again.dagstore.blockstore.bytes(CID.decode(blocks[3]!.cid))).toEqual(blocks[3]!.data)
    await again.close()
    for (const name of PARTS) expect((await lstat(join(root, name))).isSymbolicLink(), name).toBe(true)
    expect((await readdir(join(disk, 'index'), { recursive: true })).filter((name) => name.endsWith('.full.idx'))).toHaveLength(1)
    expect(await readdir(join(disk, 'db'))).toContain('CURRENT')
    // drafts are where their targets are
    expect((await readdir(root)).sort()).toEqual(['db', 'index', 'transients', 'x.car'])
  })

  it.each(PARTS)('is refused while %s leads to a disk that is not there, and nothing is made in its place', async (name) => {
    const root = await temporaryFolder()
    await symlink(join(root, 'unmounted', 'disk'), join(root, name))
    await expect(openShardStore({ path: root, label: 'r' })).rejects.toMatchObject({ code: 'COMMAND_REFUSED', message: `r: ${name} is a link to a folder that is not there; is its disk mounted?` })
    expect(await readdir(root)).toEqual([name])
  })

  it('is refused while it is itself a link to a disk that is not there', async () => {
    const folder = await temporaryFolder()
    await symlink(join(folder, 'unmounted'), join(folder, 'store'))
    await expect(openShardStore({ path: join(folder, 'store'), label: 'store' })).rejects.toMatchObject({ code: 'COMMAND_REFUSED', message: 'store is a link to a folder that is not there; is its disk mounted?' })
    expect(await readdir(folder)).toEqual(['store'])
  })

  it('takes a link by the name that the database has in Lotus', async () => {
    const root = await temporaryFolder()
    const disk = await otherDisk()
    await symlink(disk, join(root, 'datastore'))
    const open = (): ReturnType<typeof openShardStore> => openShardStore({ path: root, label: root })
    await (await open()).close()
    await (await open()).close()
    expect(await readlink(join(root, 'db'))).toBe('datastore')
    expect(await readdir(disk)).toContain('CURRENT')
    expect((await stat(join(root, 'db'))).isDirectory()).toBe(true)
  })

  it.each([
    { why: 'a Lotus node has its DAG store in it', make: (root: string) => mkdir(join(root, 'datastore')) },
    { why: 'a Lotus node has begun one in it', make: (root: string) => writeFile(join(root, '.shard-registration-complete'), '') },
    { why: 'a file stands where a folder is needed', make: (root: string) => writeFile(join(root, 'index'), '') },
    { why: 'datastore leads to what somebody has there', make: async (root: string) => {
      await mkdir(join(root, '..', 'theirs'))
      await writeFile(join(root, '..', 'theirs', 'CURRENT'), '')
      await symlink(join(root, '..', 'theirs'), join(root, 'datastore'))
    } },
  ])('is refused where $why', async ({ make }) => {
    const root = join(await temporaryFolder(), 'root')
    await mkdir(root)
    await make(root)
    const before = await readdir(root)
    await expect(checkLayout({ path: root, label: 'r' })).rejects.toMatchObject({ code: 'COMMAND_REFUSED' })
    expect(await readdir(root)).toEqual(before)
  })
})
