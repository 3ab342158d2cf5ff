import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { openDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { dagstore, documentOf, temporaryFolder } from './terminal.ts'

const blocks = makeBlocks(71, 12, { min: 20, max: 300 })
const carOf = (n: number): Uint8Array => carV1([blocks[3 * n]!.cid], blocks.slice(3 * n, 3 * n + 3))
const cidOf = (n: number): string => CID.decode(blocks[n]!.cid).toString()

/** Indexed shards a.car to c.car, of files in the folder `cars`. */
const threeShards = async (...args: string[]): Promise<string> => {
  const cwd = await temporaryFolder()
  await mkdir(join(cwd, 'cars'))
  for (const [n, name] of ['a.car', 'b.car', 'c.car'].entries()) await writeFile(join(cwd, 'cars', name), carOf(n))
  const run = await dagstore(cwd, ['add', '--eager', 'cars', ...args])
  expect(run.code, run.stderr).toBe(0)
  return cwd
}

describe('dagstore export-shards and import-shards', () => {
  it('make a root that was deleted again, whose data lies outside it', async () => {
    const cwd = await threeShards()
    expect(await dagstore(cwd, ['export-shards', 'shards.ndjson'])).toMatchObject({ code: 0, stdout: '', stderr: '3 shards in shards.ndjson\n' })
    await rm(join(cwd, '.dagstore'), { recursive: true })
    expect(await dagstore(cwd, ['import-shards', 'shards.ndjson'])).toMatchObject({ code: 0, stdout: '3 shards registered\n', stderr: 'made a DAG store at .dagstore\n3 ok, 0 failed\n' })
    expect((await dagstore(cwd, ['initialize-all'])).code).toBe(0)
    expect((await dagstore(cwd, ['why', cidOf(7)])).code).toBe(0)
    // again is nothing new
    expect(documentOf(await dagstore(cwd, ['import-shards', '--json', 'shards.ndjson']))).toMatchObject({ ok: true, succeeded: 3, failed: 0 })
  })

  it('work through pipes, and for a root that has moved with its files', async () => {
    const cwd = await threeShards('--keep', 'move')
    await rename(join(cwd, '.dagstore'), join(cwd, 'moved'))
    expect((await dagstore(cwd, ['why', cidOf(4), '--root', 'moved'])).code).toBe(0)
    const exported = await dagstore(cwd, ['export-shards', '--root', 'moved'])
    expect(exported).toMatchObject({ code: 0, stderr: '' })
    expect(exported.stdout).toContain('"file:cars/b.car"')
    await rm(join(cwd, 'moved', 'db'), { recursive: true })
    expect(await dagstore(cwd, ['import-shards', '-', '--root', 'moved'], { stdin: exported.bytes })).toMatchObject({ code: 0 })
    expect((await dagstore(cwd, ['initialize-all', '--root', 'moved'])).code).toBe(0)
    expect((await dagstore(cwd, ['why', cidOf(4), '--root', 'moved'])).code).toBe(0)
  })

  it('tell a line that is damaged from those that are not', async () => {
    const cwd = await threeShards()
    const text = (await dagstore(cwd, ['export-shards'])).stdout
    await writeFile(join(cwd, 'bad.ndjson'), text.replace('{"key":"b.car"', '{"key":b'))
    const run = await dagstore(cwd, ['import-shards', '--root', 'new', '--json', 'bad.ndjson'])
    expect(run.code).toBe(1)
    expect(documentOf(run)).toMatchObject({ ok: false, succeeded: 2, failed: 1 })
    expect(run.stderr).toMatch(/dagstore: bad\.ndjson: .*line=3 \(DAGSTORE_BAD_EXPORT\)\n/)
    expect(run.stderr).toMatch(/\n2 ok, 1 failed\n$/)
    await writeFile(join(cwd, 'other.txt'), 'something else\n')
    expect(JSON.parse((await dagstore(cwd, ['import-shards', '--root', 'new', '--json', 'other.txt'])).stdout)).toMatchObject({ ok: false, error: { code: 'DAGSTORE_BAD_EXPORT' } })
    expect((await dagstore(cwd, ['import-shards', 'nope'])).code).toBe(1)
  })

  it('make no store of what is no export', async () => {
    const cwd = await threeShards()
    const text = (await dagstore(cwd, ['export-shards'])).stdout
    await writeFile(join(cwd, 'later.ndjson'), text.replace(':1}', ':2}'))
    await writeFile(join(cwd, 'empty'), '')
    for (const [file, code] of [['later.ndjson', 'DAGSTORE_BAD_FORMAT'], ['empty', 'DAGSTORE_BAD_EXPORT'], ['cars/a.car', 'DAGSTORE_BAD_EXPORT']] as const) {
      const run = await dagstore(cwd, ['import-shards', '--root', 'new', '--json', file])
      expect(run.code).toBe(1)
      expect(JSON.parse(run.stdout)).toMatchObject({ ok: false, error: { code } })
    }
    expect(await readdir(cwd)).not.toContain('new')
  })

  it('replace a file by force alone', async () => {
    const cwd = await threeShards()
    await writeFile(join(cwd, 'there'), 'mine')
    expect((await dagstore(cwd, ['export-shards', 'there'])).code).toBe(1)
    expect(await readFile(join(cwd, 'there'), 'utf8')).toBe('mine')
    expect(JSON.parse((await dagstore(cwd, ['export-shards', '--force', '--json', 'there'])).stdout)).toEqual({ ok: true, path: 'there', shards: 3, sizeBytes: (await stat(join(cwd, 'there'))).size })
    expect((await dagstore(cwd, ['export-shards', '--json'])).code).toBe(2)
  })
})

describe('dagstore export-indices', () => {
  it('writes a folder as the Go DAG store has one', async () => {
    const cwd = await threeShards()
    expect(await dagstore(cwd, ['export-indices', 'indices'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^3 indices, .* in indices\n$/) as string })
    expect((await readdir(join(cwd, 'indices'))).sort()).toEqual(['.version', 'a.car.full.idx', 'b.car.full.idx', 'c.car.full.idx'])
    const lines = (await dagstore(cwd, ['car', 'detach-index', 'list', 'indices/b.car.full.idx'])).stdout.trimEnd().split('\n')
    const listed = (await dagstore(cwd, ['list-multihashes', 'b.car'])).stdout.trimEnd().split('\n')
    expect(lines.map((line) => line.split(' ')[0])).toEqual(listed)
  })

  it('tells twenty failures of a kind one by one, then how many more there are', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'cars', 'deep'), { recursive: true })
    for (let i = 0; i < 25; i++) await writeFile(join(cwd, 'cars', 'deep', `${i}.car`), carOf(0))
    await dagstore(cwd, ['add', '--eager', 'cars'])
    const run = await dagstore(cwd, ['export-indices', 'indices', '--json'])
    expect(run.code).toBe(1)
    expect(documentOf(run).items).toHaveLength(25)
    expect(run.stderr.split('\n')).toHaveLength(23)
    expect(run.stderr).toMatch(/\n… and 5 more \(DAGSTORE_BAD_KEY\)\n0 ok, 25 failed\n$/)
  })
})

describe('dagstore import-shards --indices', () => {
  it('makes a store that finds blocks without reading a CAR, and initialize-all makes its indices complete', async () => {
    const cwd = await threeShards()
    await dagstore(cwd, ['export-shards', 'shards.ndjson'])
    await dagstore(cwd, ['export-indices', 'indices'])
    await rm(join(cwd, '.dagstore'), { recursive: true })
    await rename(join(cwd, 'cars'), join(cwd, 'away'))
    const run = await dagstore(cwd, ['import-shards', 'shards.ndjson', '--indices', 'indices'])
    expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^3 shards registered\n3 indices taken over; /) as string })
    expect((await dagstore(cwd, ['lookup-pieces', cidOf(4)])).stdout).toContain('b.car')
    await rename(join(cwd, 'away'), join(cwd, 'cars'))
    expect(documentOf(await dagstore(cwd, ['import-shards', '--json', '--indices', 'indices']))).toMatchObject({ ok: true, items: [{ key: 'a.car', adopted: false }, {}, {}] })
    expect(await dagstore(cwd, ['initialize-all'])).toMatchObject({ code: 0, stderr: '3 ok, 0 failed\n' })
    expect(await dagstore(cwd, ['initialize-all'])).toMatchObject({ code: 0, stdout: '', stderr: 'no shard is waiting to be indexed\n0 ok, 0 failed\n' })
    expect((await dagstore(cwd, ['lookup-pieces', cidOf(11)])).stderr).toBe('in no indexed shard\n')
  })

  it('refuses what is no folder, and makes no store for indices alone', async () => {
    const cwd = await threeShards()
    for (const [args, code] of [[['--indices', 'nope'], 1], [['--indices', 'cars/a.car'], 1], [['--indices', 'cars', '--root', 'new'], 1], [[], 2], [['--indices', ''], 2]] as const) {
      expect((await dagstore(cwd, ['import-shards', ...args])).code).toBe(code)
    }
    expect(await readdir(cwd)).not.toContain('new')
  })
})

describe('dagstore initialize-all --rebuild', () => {
  it('writes the index of all shards anew, and indexes those that lost their own', async () => {
    const cwd = await threeShards()
    const store = await openDagstore(join(cwd, '.dagstore'))
    await store.db.sublevel('tli').clear()
    await store.close()
    const index = join(cwd, '.dagstore', 'index')
    for (const name of await readdir(index, { recursive: true })) if (name.includes('c%2ecar')) await rm(join(index, name))
    expect((await dagstore(cwd, ['lookup-pieces', cidOf(1)])).stdout).toBe('')
    const run = await dagstore(cwd, ['initialize-all', '--rebuild'])
    expect(run).toMatchObject({ code: 0, stdout: 'rebuilt: 6 entries of 2 shards; 1 shard without a whole index of its own\n(1/1) c.car STARTING\n(1/1) c.car SUCCESS\n' })
    for (const n of [1, 4, 7]) expect((await dagstore(cwd, ['lookup-pieces', cidOf(n)])).stdout).toContain('Available')
    expect(JSON.parse((await dagstore(cwd, ['initialize-all', '--rebuild', '--json'])).stdout)).toEqual({ Shards: 3, Entries: 9, Failures: [] })
  })
})

describe('dagstore refresh', () => {
  it('indexes anew what has changed, and says what has not', async () => {
    const cwd = await threeShards()
    expect(await dagstore(cwd, ['refresh', 'a.car'])).toMatchObject({ code: 0, stdout: 'unchanged: a.car\n' })
    await writeFile(join(cwd, 'cars', 'a.car'), carOf(3))
    const run = await dagstore(cwd, ['refresh', '--json', 'a.car', 'b.car', 'zz'])
    expect(run.code).toBe(1)
    const { items } = documentOf(run)
    expect(Object.fromEntries(items.map((item) => [item.key, (item as { changed?: boolean }).changed]))).toEqual({ 'a.car': true, 'b.car': false, zz: undefined })
    expect((await dagstore(cwd, ['why', cidOf(9)])).code).toBe(0)
    expect((await dagstore(cwd, ['why', cidOf(0)])).code).toBe(1)
  })

  it('takes another mount for one shard, and leaves it as it was when that fails', async () => {
    const cwd = await threeShards()
    const url = `file://${cwd}/elsewhere.car`
    const failed = await dagstore(cwd, ['refresh', 'a.car', '--mount', url])
    expect(failed).toMatchObject({ code: 1, stdout: '' })
    expect(failed.stderr).toContain('MOUNT_MISSING')
    expect((await dagstore(cwd, ['why', cidOf(0)])).code).toBe(0)
    await rename(join(cwd, 'cars', 'a.car'), join(cwd, 'elsewhere.car'))
    expect(documentOf(await dagstore(cwd, ['refresh', '--json', 'a.car', '--mount', url])).items).toMatchObject([{ result: { MountURL: url } }])
    expect((await dagstore(cwd, ['why', cidOf(0)])).code).toBe(0)
    for (const args of [['a.car', 'b.car', '--mount', url], ['a.car', '--mount', 'elsewhere.car']]) expect((await dagstore(cwd, ['refresh', ...args])).code).toBe(2)
  })
})

describe('dagstore why', () => {
  it('goes every step of the way to a block that can be read', async () => {
    const cwd = await threeShards()
    const run = await dagstore(cwd, ['why', cidOf(1)])
    expect(run).toMatchObject({ code: 0, stderr: '' })
    const lines = run.stdout.split('\n')
    expect(lines[0]).toBe(`${cidOf(1)}  retrievable`)
    expect(lines.slice(1, 7).map((line) => line.slice(0, 11))).toEqual(['1 key      ', '2 shards   ', '3 state    ', '4 source   ', '5 section  ', '6 hash     '])
    // ok stands in one column
    expect(new Set(lines.slice(1, 7).map((line) => line.lastIndexOf('  ok'))).size).toBe(1)
    expect(lines[2]).toMatch(/^2 shards {3}a\.car \(1 of 1\) {10,}ok$/)
  })

  it('names the step that fails, and what to do, and ends with 1', async () => {
    const cwd = await threeShards()
    await rm(join(cwd, 'cars', 'a.car'))
    const run = await dagstore(cwd, ['why', cidOf(1)])
    expect(run).toMatchObject({ code: 1, stderr: '' })
    expect(run.stdout).toContain(`${cidOf(1)}  NOT retrievable\n`)
    expect(run.stdout).toMatch(/\n4 source {3}.*a\.car.*\nfix: /)
    const json = JSON.parse((await dagstore(cwd, ['why', '--json', cidOf(1)])).stdout) as Record<string, unknown>
    expect(Object.keys(json)).toEqual(['Cid', 'Retrievable', 'Steps', 'Fix'])
    expect(json).toMatchObject({ Cid: cidOf(1), Retrievable: false, Steps: [{ Name: 'key', OK: true, Code: null }, { Name: 'shards', OK: true }, { Name: 'state' }, { Name: 'source', OK: false, Code: expect.any(String) as string }] })
  })

  it('says of a block in no shard how it could be there', async () => {
    const cwd = await threeShards()
    const run = await dagstore(cwd, ['why', cidOf(11)])
    expect(run.code).toBe(1)
    expect(run.stdout).toMatch(/\n2 shards {3}.*\nfix: .*dagstore add/)
    expect((await dagstore(cwd, ['why', 'no-cid'])).code).toBe(2)
  })
})

describe('dagstore verify-shard', () => {
  it('is content with what is well, in every mode', async () => {
    const cwd = await threeShards()
    for (const mode of ['structure', 'sampled', 'full']) {
      const run = await dagstore(cwd, ['verify-shard', '--mode', mode, 'a.car', 'b.car'])
      expect(run.code, run.stderr).toBe(0)
      expect(run.stdout).toMatch(/^verified a\.car: 3 blocks, .* hashed\nverified b\.car: 3 blocks, .* hashed\n$/)
    }
    expect((await dagstore(cwd, ['verify-shard', '--mode', 'hope', 'a.car'])).code).toBe(2)
  })

  it('names every bad block, and goes on', async () => {
    const cwd = await threeShards()
    const path = join(cwd, 'cars', 'a.car')
    const bytes = await readFile(path)
    bytes[bytes.byteLength - 1]! ^= 1
    await writeFile(path, bytes)
    const run = await dagstore(cwd, ['verify-shard', '--mode', 'full', 'a.car', 'b.car', 'zz'])
    expect(run.code).toBe(1)
    expect(run.stdout).toContain(`bad a.car: ${cidOf(2)} `)
    expect(run.stdout).toContain('verified b.car')
    expect(run.stderr).toContain('BLOCKSTORE_HASH_MISMATCH')
    expect(run.stderr).toMatch(/\n1 ok, 2 failed\n$/)
    const { items } = documentOf(await dagstore(cwd, ['verify-shard', '--json', '--mode', 'full', 'a.car']))
    expect(items).toMatchObject([{ key: 'a.car', ok: false, result: { Blocks: 3, BadCount: 1, Bad: [{ Code: 'BLOCKSTORE_HASH_MISMATCH', Cid: cidOf(2) }] }, error: { code: 'BLOCKSTORE_HASH_MISMATCH' } }])
  })
})

describe('dagstore gc', () => {
  it('says what would go, then deletes it, then finds nothing', async () => {
    const cwd = await threeShards()
    const index = join(cwd, '.dagstore', 'index')
    const names = (await readdir(index, { recursive: true })).filter((name) => name.endsWith('.1.full.idx'))
    expect(names).toHaveLength(3)
    const [name = ''] = names
    await copyFile(join(index, name), join(index, name.replace('.1.full.idx', '.99.full.idx')))
    const dry = await dagstore(cwd, ['gc', '--dry-run'])
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/^would remove orphan of [abc]\.car, .*99\.full\.idx, .*B\n$/) as string, stderr: expect.stringMatching(/^would reclaim .*B\n$/) as string })
    const run = await dagstore(cwd, ['gc', '--json'])
    expect(JSON.parse(run.stdout)).toEqual([{ Key: expect.stringMatching(/^[abc]\.car$/) as string, Success: true, Error: '' }])
    expect(await dagstore(cwd, ['gc'])).toMatchObject({ code: 0, stdout: 'no shards collected\n', stderr: '' })
    expect((await dagstore(cwd, ['why', cidOf(0)])).code).toBe(0)
  })
})
