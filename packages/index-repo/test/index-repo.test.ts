import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryDirectory, IoError } from '@dagstore/io'
import { openDirectory, removeDrafts } from '@dagstore/io/node'
import { createCrashFs, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { scratchName } from '../src/index-name.ts'
import { indexName, type IndexRepo, openIndexRepo, type StoredIndex } from '../src/index.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const readAll = async (repo: IndexRepo, key: string, generation: number): Promise<string> => {
  const source = await repo.open(key, generation)
  const bytes = await source.read(0, source.sizeBytes)
  await source.close()
  return new TextDecoder().decode(bytes)
}
const listed = async (repo: IndexRepo): Promise<StoredIndex[]> => {
  const all: StoredIndex[] = []
  for await (const entry of repo.list()) all.push(entry)
  return all
}

describe('index repo', () => {
  it('gives back what was written, per key and generation', async () => {
    const repo = openIndexRepo(createMemoryDirectory())
    expect(await repo.write('k', 1, [text('one'), text('!')])).toEqual({ name: indexName('k', 1), sizeBytes: 4 })
    await repo.write('k', 2, (async function * () { yield text('two') })())
    expect(await readAll(repo, 'k', 1)).toBe('one!')
    expect(await readAll(repo, 'k', 2)).toBe('two')
    expect(repo.name('k', 2)).toBe(indexName('k', 2))
  })

  it('calls absence by its name, and nothing else by that name', async () => {
    const fs = createCrashFs({ seed: 1 })
    const repo = openIndexRepo(fs.directory)
    await expect(repo.open('k', 1)).rejects.toMatchObject({ name: 'IndexRepoError', code: 'INDEX_MISSING' })
    await repo.write('k', 1, [text('x')])
    const error = new IoError('IO_FORBIDDEN', 'test')
    fs.faults.failAt(({ kind }) => kind === 'read', error)
    await expect(repo.open('k', 1)).rejects.toBe(error)
  })

  it('uses a name once, also for two writers at once', async () => {
    const repo = openIndexRepo(createMemoryDirectory())
    await repo.write('k', 1, [text('one')])
    await expect(repo.write('k', 1, [text('two')])).rejects.toMatchObject({ code: 'INDEX_EXISTS' })
    const outcomes = await Promise.allSettled([repo.write('k', 2, [text('a')]), repo.write('k', 2, [text('b')])])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await readAll(repo, 'k', 1)).toBe('one')
    expect(await readAll(repo, 'k', 2)).toBe('a')
  })

  it('lets a name be used again once its file is removed', async () => {
    const repo = openIndexRepo(createMemoryDirectory())
    await repo.write('k', 1, [text('one')])
    await repo.remove('k', 1)
    await repo.remove('k', 1)
    await expect(repo.open('k', 1)).rejects.toMatchObject({ code: 'INDEX_MISSING' })
    await repo.write('k', 1, [text('two')])
    expect(await readAll(repo, 'k', 1)).toBe('two')
  })

  it('writes nothing when its content fails or the caller aborts', async () => {
    const directory = createMemoryDirectory()
    const repo = openIndexRepo(directory)
    const error = new Error('build failed')
    await expect(repo.write('k', 1, (function * () { yield text('x'); throw error })())).rejects.toBe(error)
    await expect(repo.write('k', 1, [text('x')], { signal: AbortSignal.abort('stop') })).rejects.toBe('stop')
    const aborting = new AbortController()
    const content = (async function * () { yield text('x'); aborting.abort('midway'); yield text('y') })()
    await expect(repo.write('k', 1, content, { signal: aborting.signal })).rejects.toBe('midway')
    expect(await listed(repo)).toEqual([])
    await repo.write('k', 1, [text('z')])
    expect(await readAll(repo, 'k', 1)).toBe('z')
  })

  it('D26: says so when the disk is full, and keeps what was there', async () => {
    const fs = createCrashFs({ seed: 1, capacityBytes: 10 })
    const repo = openIndexRepo(fs.directory)
    await repo.write('k', 1, [text('12345')])
    await expect(repo.write('k', 2, [text('12345'), text('6')])).rejects.toMatchObject({ code: 'IO_FULL' })
    expect(fs.names()).toEqual([indexName('k', 1)])
    await repo.write('k', 2, [text('12345')])
  })

  it('D26: has a whole index or none, wherever the process dies (seed index)', async () => {
    const cuts = await everyCrash({
      seed: 'index',
      prepare: async ({ fs }) => { await openIndexRepo(fs.directory).write('k', 1, [text('old')]) },
      run: async ({ fs }) => {
        const repo = openIndexRepo(fs.directory)
        await repo.write('k', 2, [text('new'), text(' index')])
        await repo.remove('k', 1)
      },
      check: async ({ fs }, cut) => {
        const repo = openIndexRepo(fs.directory)
        const all = await listed(repo)
        for (const { generation } of all) expect(await readAll(repo, 'k', generation)).toBe(generation === 1 ? 'old' : 'new index')
        expect(all.length).toBeGreaterThan(0)
        expect(fs.names()).toEqual(all.map(({ name }) => name))
        // not yet removed: still the old one
        if (cut < 3) expect(all.some(({ generation }) => generation === 1)).toBe(true)
      },
    })
    expect(cuts).toBe(4)
  })

  it('D23: keeps every index below its folder and lists each with its key, on disk', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'index-repo-'))
    try {
      const keys = ['../evil', 'a/b', 'A/B', 'a', 'A', '..', '.', 'nul', 'x'.repeat(512), 'X'.repeat(512), '大'.repeat(170), 'a b', 'a.b', '%41', '\0']
      const repo = openIndexRepo(openDirectory(join(folder, 'index')))
      for (const key of keys) await repo.write(key, 7, [text(key)])
      expect(await readdir(folder)).toEqual(['index'])
      const all = await listed(repo)
      expect(all.map(({ key }) => key).sort()).toEqual([...keys].sort())
      for (const { key, generation, name } of all) {
        expect([generation, name]).toEqual([7, repo.name(key, 7)])
        expect(await readAll(repo, key, 7)).toBe(key)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('passes over files that are not its own', async () => {
    const directory = createMemoryDirectory()
    const repo = openIndexRepo(directory)
    await repo.write('k', 1, [text('x')])
    for (const name of ['README', 'zz/k.1.full.idx', '00/k.1.full.idx', 'ea/sub/k.1.full.idx', 'ea/K.1.full.idx', 'baga.full.idx', `ea/${'y'.repeat(200)}/con.1.full.idx`]) {
      await directory.writeAtomic(name, [text('foreign')])
    }
    expect(await listed(repo)).toEqual([{ key: 'k', generation: 1, name: 'ea/k.1.full.idx' }])
  })

  it('stops listing at an abort', async () => {
    const repo = openIndexRepo(createMemoryDirectory())
    for (const key of ['a', 'b', 'c']) await repo.write(key, 1, [text('x')])
    const aborting = new AbortController()
    const seen: string[] = []
    const listing = (async () => {
      for await (const { key } of repo.list({ signal: aborting.signal })) {
        seen.push(key)
        aborting.abort('enough')
      }
    })()
    await expect(listing).rejects.toBe('enough')
    expect(seen.length).toBe(1)
  })

  it('refuses bad keys and generations in every call', async () => {
    const repo = openIndexRepo(createMemoryDirectory())
    const bad = { code: 'INDEX_BAD_KEY' }
    await expect(repo.write('', 1, [])).rejects.toMatchObject(bad)
    await expect(repo.open('', 1)).rejects.toMatchObject(bad)
    await expect(repo.remove('', 1)).rejects.toMatchObject(bad)
    expect(() => repo.name('', 1)).toThrow(expect.objectContaining(bad))
    await expect(repo.open('k', -1)).rejects.toBeInstanceOf(RangeError)
  })
})

describe('scratch', () => {
  it('is a temporary file, made when it is opened and gone when it is released', async () => {
    const fs = createCrashFs({ seed: 5 })
    const repo = openIndexRepo(fs.directory)
    const unused = repo.scratch('k', 3)
    await unused.release()
    expect(fs.log).toEqual([])
    await expect(unused.open()).rejects.toMatchObject({ code: 'IO_CLOSED' })

    const scratch = repo.scratch('k', 3)
    const [file, same] = await Promise.all([scratch.open(), scratch.open()])
    expect(same).toBe(file)
    await file.write(0, text('rows'))
    expect(fs.names()).toEqual(['.drafts/ea/.k.0000000000000003.tmp'])
    expect(await listed(repo)).toEqual([])
    await Promise.all([scratch.release(), scratch.release()])
    expect(fs.names()).toEqual([])
    await expect(file.write(0, text('x'))).rejects.toMatchObject({ code: 'IO_CLOSED' })
  })

  it('has a name of its own for every key and generation', () => {
    const names = ['k', 'K', 'k.1', 'x'.repeat(512), `${'x'.repeat(511)}y`].flatMap((key) => [0, 1, 16, 2 ** 53 - 1].map((generation) => scratchName(key, generation)))
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name.split('/').at(-1)).toMatch(/^\..{1,220}\.[0-9a-f]{16}\.tmp$/u)
  })

  it('is used again after a crash by the next build of its generation, and goes with the leftovers of others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'index-repo-'))
    try {
      const left = await openIndexRepo(openDirectory(folder)).scratch('k', 1).open()
      await left.write(0, text('of a process that died'))
      await left.close()
      const again = openIndexRepo(openDirectory(folder)).scratch('k', 1)
      await (await again.open()).close()
      await again.release()
      expect(await removeDrafts(folder)).toBe(0)
      await (await openIndexRepo(openDirectory(folder)).scratch('other', 1).open()).close()
      expect(await removeDrafts(folder)).toBe(1)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('leaves nothing behind when it is released while it opens', async () => {
    const fs = createCrashFs({ seed: 6 })
    const scratch = openIndexRepo(fs.directory).scratch('k', 1)
    const opening = scratch.open()
    await scratch.release()
    await opening
    expect(fs.names()).toEqual([])
  })
})
