import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AdoptLine } from '../src/index.ts'
import { adoptDagstoreFolder, openReportFile } from '../src/node.ts'
import { carAt, goIndex, keyAt } from './adopt-harness.ts'

let scratch = ''
beforeEach(async () => { scratch = await realpath(await mkdtemp(join(tmpdir(), 'adopt-'))) })
afterEach(async () => {
  for (const { parentPath, name } of await readdir(scratch, { recursive: true, withFileTypes: true })) await chmod(join(parentPath, name), 0o755).catch(() => {})
  await rm(scratch, { recursive: true })
})

const openLevel = async (folder: string): Promise<ClassicLevel> => {
  const db = new ClassicLevel(folder)
  await db.open()
  return db
}

const never = async (): Promise<never> => { throw Object.assign(new Error('nobody has it now'), { code: 'PIECE_NO_SOURCE', retry: 'later' }) }
const openStore = (): Promise<NodeDagstore> => openDagstore(join(scratch, 'store'), { mounts: [lotusMount({ stat: never, open: never })] })

/** Names, digests, times and targets of all that is below a folder. */
const snapshot = async (folder: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for (const name of ['', ...await readdir(folder, { recursive: true })].sort()) {
    const path = join(folder, name)
    const stats = await lstat(path, { bigint: true })
    const content = stats.isFile() ? createHash('sha256').update(await readFile(path)).digest('hex') : stats.isSymbolicLink() ? await readlink(path) : ''
    found[name] = `${stats.mode} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.nlink} ${stats.ino} ${content}`
  }
  return found
}

const cars = { 1: carAt(1), 2: carAt(2), 3: carAt(3), 4: carAt(4) }

/** A folder as Lotus leaves it: shards 1 to 4, their transients elsewhere by their records. */
const makeFolder = async (): Promise<string> => {
  const folder = join(scratch, 'repo', 'dagstore')
  for (const name of ['datastore', 'index', 'transients']) await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, 'index', '.version'), '1')
  await writeFile(join(folder, '.shard-registration-complete'), '')
  const db = await openLevel(join(folder, 'datastore'))
  for (const at of [1, 2, 3, 4] as const) {
    await writeFile(join(folder, 'index', `${keyAt(at)}.full.idx`), await goIndex(cars[at]))
    const transient = `/old/repo/dagstore/transients/transient-${keyAt(at)}.complete`
    await db.put(`/dagstore/${keyAt(at)}`, JSON.stringify({ k: keyAt(at), u: `lotus://${keyAt(at)}`, t: transient, s: 2, l: true, e: '' }))
  }
  await db.close()
  await writeFile(join(folder, 'transients', `transient-${keyAt(1)}.complete`), cars[1].bytes)
  // a link inside, one that leads out, and one to nothing
  await writeFile(join(folder, 'transients', 'real'), cars[2].bytes)
  await symlink('real', join(folder, 'transients', `transient-${keyAt(2)}.complete`))
  await writeFile(join(scratch, 'repo', 'secret'), cars[3].bytes)
  await symlink('../../secret', join(folder, 'transients', `transient-${keyAt(3)}.complete`))
  await symlink('nothing', join(folder, 'transients', `transient-${keyAt(4)}.complete`))
  return folder
}

describe('adoptDagstoreFolder', () => {
  it('leaves the folder as it was, to the names and times, and copies no data', async () => {
    const folder = await makeFolder()
    for (const { parentPath, name } of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(parentPath, name)
      if (!(await lstat(path)).isSymbolicLink()) await chmod(path, (await stat(path)).isDirectory() ? 0o555 : 0o444)
    }
    const before = await snapshot(folder)
    const store = await openStore()
    const lines: AdoptLine[] = []
    const tempFolder = join(scratch, 'temp')
    await mkdir(tempFolder)
    expect(await adoptDagstoreFolder(folder, { dagstore: store, openLevel, tempFolder, onReport: (more) => { for (const line of more) if ('key' in line) lines.push(line) } })).toMatchObject({
      registered: 4, indices: 4, borrowed: 2, markedByLotus: true,
    })
    expect(lines.find(({ key }) => key === keyAt(3))).toMatchObject({ copy: 'left', reason: expect.stringContaining('outside') as string })
    for (const at of [1, 2] as const) {
      const lease = await store.acquire(keyAt(at))
      for (const { cid, data } of cars[at].blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
      await lease.close()
      await store.initialize(keyAt(at))
    }
    await expect(store.acquire(keyAt(3))).rejects.toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED' })
    await store.gc()
    for (const at of [1, 2, 3, 4]) await store.destroy(keyAt(at))
    await store.gc()
    await store.close()
    expect(await snapshot(folder)).toEqual(before)
    expect(await readdir(tempFolder)).toEqual([])
  })

  it('follows links to other disks at the top of the folder', async () => {
    const folder = await makeFolder()
    const linked = join(scratch, 'linked')
    await mkdir(linked)
    for (const name of ['datastore', 'index', 'transients']) await symlink(join(folder, name), join(linked, name))
    await using store = await openStore()
    expect(await adoptDagstoreFolder(linked, { dagstore: store, openLevel })).toMatchObject({ registered: 4, indices: 4, borrowed: 2, markedByLotus: false })
    const lease = await store.acquire(keyAt(1))
    expect(await lease.blockstore.bytes(cars[1].blocks[0]!.cid)).toEqual(cars[1].blocks[0]!.data)
    await lease.close()
  })

  it('goes on in the next process, and says so where there is no database', async () => {
    const folder = await makeFolder()
    const first = await openStore()
    await adoptDagstoreFolder(folder, { dagstore: first, openLevel })
    await first.close()
    await using store = await openStore()
    expect(await adoptDagstoreFolder(folder, { dagstore: store, openLevel })).toMatchObject({ registered: 0, already: 4, indices: 0, borrowed: 0 })
    await expect(adoptDagstoreFolder(join(folder, 'index'), { dagstore: store, openLevel })).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  })
})

describe('openReportFile', () => {
  it('makes a file for its owner alone, appends as it is told, and never overwrites', async () => {
    const path = join(scratch, 'report.ndjson')
    const file = await openReportFile(path)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await file.write('one\n')
    expect(await readFile(path, 'utf8')).toBe('one\n')
    await file.write('two\n')
    await file.sync()
    await file.close()
    await file.close()
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n')
    await expect(openReportFile(path)).rejects.toMatchObject({ code: 'IO_EXISTS' })
    await expect(openReportFile(join(scratch, 'nowhere', 'report'))).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    await expect(file.write('three\n')).rejects.toMatchObject({ name: 'IoError' })
  })
})
