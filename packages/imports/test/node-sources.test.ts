import { link, mkdir, mkdtemp, realpath, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { TreeEntry } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryRecords, type Imports, openImports } from '../src/index.ts'
import { nodeSourceFiles, type NodeSourceFilesOptions } from '../src/node.ts'
import { hashes, readAll } from './place.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'imports-')))
  await mkdir(join(folder, 'data', 'below'), { recursive: true })
  await mkdir(join(folder, 'store'))
  await writeFile(join(folder, 'data', 'a'), 'x'.repeat(1000))
  await writeFile(join(folder, 'data', 'below', 'b'), 'y'.repeat(2000))
  await writeFile(join(folder, 'secret'), 'z'.repeat(500))
})
afterEach(() => rm(folder, { recursive: true }))

const at = (name: string): string => join(folder, name)
const open = async (options: NodeSourceFilesOptions = {}): Promise<Imports> =>
  openImports({ records: createMemoryRecords(), directory: await openDirectory(at('store')), hashes, clock: createFakeClock(), sources: nodeSourceFiles({ leftOut: [at('store')], ...options }) })
const namesOf = async (entry: TreeEntry, prefix = ''): Promise<string[]> => {
  if (entry.kind !== 'directory') return [prefix]
  const names: string[] = []
  for await (const child of entry.entries()) names.push(...await namesOf(child, `${prefix}/${child.name}`))
  return names
}

describe('nodeSourceFiles', () => {
  it('imports a folder by reference and reads it again, until a file in it is moved', async () => {
    const imports = await open()
    const { id } = await imports.importPath(at('data'))
    const opened = await imports.open(id)
    expect((await readAll(opened)).size).toBe(4)
    await opened.close()
    await rename(at('data/a'), at('data/other'))
    expect((await imports.verify(id, { depth: 'stat' })).faults).toMatchObject([{ path: at('data/a'), code: 'REF_CAR_FILE_GONE' }])
    await imports.reimport(id)
    expect(await imports.verify(id)).toMatchObject({ faultCount: 0 })
    await imports.close()
  })
  it('takes a source for the same as long as nothing about it has moved', async () => {
    const sources = nodeSourceFiles({ leftOut: [at('store')] })
    const [file, tree] = [await sources.fingerprint(at('data/a')), await sources.fingerprint(folder)]
    await writeFile(at('store/new'), 'not part of it')
    expect([await sources.fingerprint(at('data/a')), await sources.fingerprint(folder)]).toEqual([file, tree])
    await utimes(at('data/a'), 1, 1)
    expect(await sources.fingerprint(at('data/a'))).not.toBe(file)
    const moved = await sources.fingerprint(folder)
    expect(moved).not.toBe(tree)
    await rename(at('data/below/b'), at('data/below/c'))
    expect(await sources.fingerprint(folder)).not.toBe(moved)
    await expect(sources.fingerprint(at('none'))).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    const reason = new Error('enough')
    await expect(sources.fingerprint(folder, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
  it('leaves the folder of the store out of what holds it, and refuses it and what is in it', async () => {
    const sources = nodeSourceFiles({ leftOut: [at('store')] })
    await mkdir(at('store/imports'))
    await writeFile(at('store/imports/1.car'), 'x')
    expect(await namesOf(await sources.openTree(folder))).toEqual(['/data/a', '/data/below/b', '/secret'])
    await expect(sources.openTree(at('store'))).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    await expect(sources.openTree(at('store/imports'))).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    await expect(sources.fingerprint(at('store'))).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    await expect(sources.openTree(at('store/imports/1.car'))).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    const blocks = makeBlocks(1, 3, { min: 10, max: 20 })
    await writeFile(at('store/imports/1.car'), carV1([blocks[0]!.cid], blocks))
    const imports = await open()
    await expect(imports.importPath(at('store/imports/1.car'))).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    expect(await imports.importPath(at('store/imports/1.car'), { car: true })).toMatchObject({ blocks: 3 })
    await symlink(at('store'), at('way-in'))
    await expect(sources.openTree(at('way-in'))).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
  })
  it('reads nothing beside what is allowed, however it is reached, and does not tell whether it is there', async () => {
    const sources = nodeSourceFiles({ allow: [at('data')] })
    await symlink(at('secret'), at('data/way-out'))
    await symlink(at('data/a'), at('way-in'))
    for (const path of [at('secret'), at('none'), at('data/way-out'), at('data/../secret'), '/']) {
      for (const call of [sources.open, sources.openTree, sources.stat, sources.fingerprint]) await expect(call(path), path).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
    }
    expect(await sources.stat(at('way-in'))).toEqual({ kind: 'file', sizeBytes: 1000 })
    expect(await sources.stat(at('data/none'))).toBeUndefined()
    expect(await sources.stat(at('data'))).toMatchObject({ kind: 'directory' })
    // links below a folder are entries, and what becomes of them is a policy of the import
    const imports = await open({ allow: [at('data')] })
    await expect(imports.importPath(at('data'))).rejects.toMatchObject({ code: 'UNIXFS_LINK' })
    await imports.importPath(at('data'), { links: 'skip' })
    await expect(imports.importPath(at('secret'))).rejects.toMatchObject({ code: 'REF_CAR_FORBIDDEN' })
  })
  it('L16: takes no relative path', async () => {
    const imports = await open()
    await expect(imports.importPath(relative(process.cwd(), at('data')))).rejects.toThrow(TypeError)
    await expect(imports.importPath('')).rejects.toThrow(TypeError)
  })
  it('takes a file with two names for the file that it is', async () => {
    await link(at('data/a'), at('twin'))
    const imports = await open()
    const a = await imports.importPath(at('data/a'))
    const twin = await imports.importPath(at('twin'))
    expect(twin).toMatchObject({ reused: false, root: a.root })
    await rm(at('data/a'))
    const opened = await imports.openRoot(a.root)
    await expect(readAll(opened!)).rejects.toMatchObject({ code: 'REF_CAR_FILE_GONE' })
    await opened!.close()
  })
})
