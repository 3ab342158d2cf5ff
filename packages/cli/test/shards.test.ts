import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { openDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { main } from '../src/index.ts'
import { InterruptedError } from '../src/terminal.ts'
import { dagstore, documentOf, temporaryFolder } from './terminal.ts'

const blocks = makeBlocks(51, 12, { min: 20, max: 300 })
const cidOf = (n: number): CID => CID.decode(blocks[n]!.cid)
/** A CAR of three blocks, the first one its root. */
const carOf = (n: number): Uint8Array => carV1([blocks[3 * n]!.cid], blocks.slice(3 * n, 3 * n + 3))

/** A store with the shards a.car to c.car, of files in the folder `cars`. */
const threeShards = async (...args: string[]): Promise<string> => {
  const cwd = await temporaryFolder()
  await mkdir(join(cwd, 'cars'))
  for (const [n, name] of ['a.car', 'b.car', 'c.car'].entries()) await writeFile(join(cwd, 'cars', name), carOf(n))
  const run = await dagstore(cwd, ['add', 'cars', ...args])
  expect(run.code, run.stderr).toBe(0)
  return cwd
}

const statesOf = async (cwd: string, ...args: string[]): Promise<Record<string, string>> => {
  const run = await dagstore(cwd, ['list-shards', '--json', ...args])
  expect(run.code, run.stderr).toBe(0)
  const listed = JSON.parse(run.stdout) as { readonly Key: string, readonly State: string }[]
  return Object.fromEntries(listed.map(({ Key, State }) => [Key, State.replace('ShardState', '')]))
}

describe('dagstore list-shards', () => {
  it('lists those of a state', async () => {
    const cwd = await threeShards()
    expect((await dagstore(cwd, ['initialize-shard', 'b.car'])).code).toBe(0)
    expect(await statesOf(cwd)).toEqual({ 'a.car': 'New', 'b.car': 'Available', 'c.car': 'New' })
    expect(await statesOf(cwd, '--state', 'new')).toEqual({ 'a.car': 'New', 'c.car': 'New' })
    expect(await statesOf(cwd, '--state', 'ShardStateAvailable')).toEqual({ 'b.car': 'Available' })
    expect(await statesOf(cwd, '--state', 'serving')).toEqual({})
    expect((await dagstore(cwd, ['list-shards', '--state', 'errored'])).stdout).toBe('')
    expect((await dagstore(cwd, ['list-shards', '--state', 'tired'])).code).toBe(2)
  })

  it('prints one JSON document and one table however many shards there are', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'many'))
    for (let i = 0; i < 1100; i++) await writeFile(join(cwd, 'many', `${String(i).padStart(5, '0')}.car`), '')
    await dagstore(cwd, ['add', 'many'])
    const listed = JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout) as { readonly Key: string }[]
    expect(listed.map(({ Key }) => Key)).toEqual(Array.from({ length: 1100 }, (_, i) => `${String(i).padStart(5, '0')}.car`))
    const lines = (await dagstore(cwd, ['list-shards'])).stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(1101)
    expect(lines[0]).toBe('Key        State  Error')
    expect(lines.slice(1).every((line) => /^\d{5}\.car {2}New$/.test(line))).toBe(true)
  })
})

describe('a dagstore command', () => {
  it('says who has the store that it cannot have', async () => {
    const cwd = await threeShards()
    const store = await openDagstore(join(cwd, '.dagstore'))
    try {
      for (const args of [['list-shards'], ['add', 'cars'], ['initialize-all'], ['why', cidOf(0).toString()]]) {
        const run = await dagstore(cwd, args)
        expect(run).toMatchObject({ code: 1, stdout: '' })
        expect(run.stderr).toMatch(new RegExp(`process ${process.pid} .*\\(DAGSTORE_LOCKED\\)\n$`))
        expect(run.stderr).not.toMatch(/^ +at /m)
      }
    } finally {
      await store.close()
    }
  })

  it.each([
    ['refresh', 'k'], ['list-shards'], ['register-shard', 'k', 'file:///a'], ['initialize-shard', 'k'], ['initialize-all'], ['recover-shard', 'k'], ['destroy-shard', 'k'], ['verify-shard', 'k'],
    ['gc'], ['lookup-pieces', 'bafkqaaa'], ['list-multihashes', 'k'], ['why', 'bafkqaaa'], ['export-shards'], ['export-indices', 'out'],
  ])('%s makes no store where there is none', async (...args) => {
    const cwd = await temporaryFolder()
    const run = await dagstore(cwd, args.filter((arg) => arg !== undefined))
    expect(run).toMatchObject({ code: 1, stdout: '', stderr: 'dagstore: no DAG store at .dagstore (use --root or DAGSTORE_PATH)\n' })
    expect(await readdir(cwd)).toEqual([])
  })

  it('shows an error of a shard with its code', async () => {
    const cwd = await threeShards()
    await rm(join(cwd, 'cars', 'b.car'))
    await dagstore(cwd, ['initialize-all'])
    expect((await dagstore(cwd, ['list-shards', '--state', 'errored'])).stdout).toMatch(/^Key .*\nb\.car +Errored +MOUNT_MISSING: /)
  })

  it('shows progress where stderr is a terminal, and takes it away', async () => {
    const cwd = await threeShards()
    let stderr = ''
    const terminal = { stdout: () => {}, stderr: (text: string) => { stderr += text }, interactive: true, colors: false, columns: 0, cwd, env: {}, signal: new AbortController().signal }
    expect(await main(['add', 'cars'], terminal)).toBe(0)
    expect(stderr).toContain('\r\u001b[2K  add       1 file …')
    expect(stderr.endsWith('\r\u001b[2K3 ok, 0 failed\n')).toBe(true)
  })
})

describe('dagstore register-shard', () => {
  it('registers a URL once, and says so', async () => {
    const cwd = await threeShards()
    const url = `file://${join(cwd, 'cars', 'a.car')}`
    expect(await dagstore(cwd, ['register-shard', 'mine', url])).toMatchObject({ code: 0, stdout: 'Registered shard mine\n', stderr: '' })
    expect(await dagstore(cwd, ['register-shard', 'mine', url])).toMatchObject({ code: 0, stdout: 'Shard mine is registered already\n' })
    expect(JSON.parse((await dagstore(cwd, ['register-shard', '--json', '--eager', 'mine', url])).stdout)).toMatchObject([{ Key: 'mine', Error: '', Shard: { Key: 'mine', State: 'ShardStateAvailable', MountURL: url } }])
    expect(await statesOf(cwd, '--state', 'available')).toEqual({ mine: 'Available' })
  })

  it('mounts a piece by its CID alone', async () => {
    const cwd = await threeShards()
    const piece = 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'
    expect(JSON.parse((await dagstore(cwd, ['register-shard', '--json', piece])).stdout)).toMatchObject([{ Key: piece, Error: '', Shard: { State: 'ShardStateNew', MountURL: `lotus://${piece}` } }])
  })

  it.each([
    { why: 'a path for a URL', args: ['k', './a.car'], code: 2, error: 'COMMAND_USAGE' },
    { why: 'a key alone that is no piece', args: ['k'], code: 2, error: 'COMMAND_USAGE' },
    { why: 'a scheme that nobody knows', args: ['k', 'gopher://x'], code: 1, error: 'MOUNT_UNKNOWN_SCHEME' },
    { why: 'another URL of a known key', args: ['a.car', 'file:///elsewhere.car'], code: 1, error: 'DAGSTORE_SHARD_EXISTS' },
    { why: 'eagerly what is not there', args: ['--eager', 'k', 'file:///no/such.car'], code: 1, error: 'DAGSTORE_SHARD_ERRORED' },
  ])('refuses $why', async ({ args, code, error }) => {
    const run = await dagstore(await threeShards(), ['register-shard', '--json', ...args])
    expect(run.code).toBe(code)
    expect(JSON.parse(run.stdout)).toMatchObject({ ok: false, error: { code: error } })
  })
})

describe('dagstore initialize-shard and initialize-all', () => {
  it('index shards once', async () => {
    const cwd = await threeShards()
    expect(await dagstore(cwd, ['initialize-shard', 'a.car'])).toMatchObject({ code: 0, stdout: 'initialized a.car\n', stderr: '1 ok, 0 failed\n' })
    expect(await dagstore(cwd, ['initialize-shard', 'a.car'])).toMatchObject({ code: 0, stdout: 'initialized already: a.car\n' })
    const all = await dagstore(cwd, ['initialize-all', '--concurrency', '1'])
    expect(all).toMatchObject({ code: 0, stdout: '(1/2) b.car STARTING\n(1/2) b.car SUCCESS\n(2/2) c.car STARTING\n(2/2) c.car SUCCESS\n', stderr: '2 ok, 0 failed\n' })
    expect(await dagstore(cwd, ['initialize-all', '--json'])).toMatchObject({ code: 0, stdout: '' })
  })

  it('go on after a shard that fails, and end with 1', async () => {
    const cwd = await threeShards()
    await rm(join(cwd, 'cars', 'b.car'))
    const run = await dagstore(cwd, ['initialize-all', '--json'])
    expect(run.code).toBe(1)
    const events = run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { readonly Key: string, readonly Event: string, readonly Success: boolean, readonly Error: string, readonly Total: number })
    expect(events.filter(({ Event }) => Event === 'start').map(({ Key }) => Key)).toEqual(['a.car', 'b.car', 'c.car'])
    expect(events.filter(({ Event, Success }) => Event === 'end' && !Success)).toMatchObject([{ Key: 'b.car', Error: expect.stringMatching(/^DAGSTORE_SHARD_ERRORED: .*MOUNT_MISSING/) as string, Total: 3 }])
    expect(run.stderr).toBe('once the causes are gone: dagstore recover-shard --all\n2 ok, 1 failed\n')
    const unknown = await dagstore(cwd, ['initialize-shard', 'zz', 'a.car'])
    expect(unknown).toMatchObject({ code: 1, stdout: 'initialized already: a.car\n' })
    expect(unknown.stderr).toContain('dagstore: zz: no such shard (DAGSTORE_SHARD_UNKNOWN)')
  })
})

describe('dagstore initialize-all, interrupted', () => {
  it('ends with 130, and goes on when it is run again', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'cars'))
    for (let i = 0; i < 60; i++) await writeFile(join(cwd, 'cars', `${i}.car`), carOf(i % 4))
    await dagstore(cwd, ['add', 'cars'])
    const controller = new AbortController()
    let lines = 0
    const cut = await dagstore(cwd, ['initialize-all'], { signal: controller.signal, onResult: () => { if (++lines === 10) controller.abort(new InterruptedError('interrupted')) } })
    expect(cut.code).toBe(130)
    expect(cut.stderr).toMatch(/^\d+ ok, 0 failed\ndagstore: interrupted; run the same command again to go on\n$/)
    const again = await dagstore(cwd, ['initialize-all'])
    expect(again.code, again.stderr).toBe(0)
    expect(Object.values(await statesOf(cwd))).toEqual(Array.from({ length: 60 }, () => 'Available'))
  })
})

describe('dagstore recover-shard', () => {
  it('recovers errored shards once their cause is gone, one or all, or those of a code', async () => {
    const cwd = await threeShards()
    await rename(join(cwd, 'cars'), join(cwd, 'away'))
    expect((await dagstore(cwd, ['initialize-all'])).code).toBe(1)
    expect(await statesOf(cwd, '--state', 'errored')).toEqual({ 'a.car': 'Errored', 'b.car': 'Errored', 'c.car': 'Errored' })
    const still = await dagstore(cwd, ['recover-shard', '--all'])
    expect(still).toMatchObject({ code: 1, stdout: '' })
    expect(still.stderr).toMatch(/\n0 ok, 3 failed\n$/)
    await rename(join(cwd, 'away'), join(cwd, 'cars'))
    expect(await dagstore(cwd, ['recover-shard', 'a.car'])).toMatchObject({ code: 0, stdout: 'recovered a.car\n' })
    expect(await dagstore(cwd, ['recover-shard', '--all', '--code', 'IO_FAILED'])).toMatchObject({ code: 0, stdout: '', stderr: 'no shard is errored with IO_FAILED\n0 ok, 0 failed\n' })
    expect(documentOf(await dagstore(cwd, ['recover-shard', '--all', '--code', 'MOUNT_MISSING', '--json']))).toMatchObject({ ok: true, succeeded: 2 })
    expect(await statesOf(cwd)).toEqual({ 'a.car': 'Available', 'b.car': 'Available', 'c.car': 'Available' })
    const again = await dagstore(cwd, ['recover-shard', 'a.car'])
    expect(again).toMatchObject({ code: 1 })
    expect(again.stderr).toContain('DAGSTORE_NOT_ERRORED')
  })

  it.each([{ args: [] }, { args: ['--all', 'a.car'] }, { args: ['--code', 'IO_FAILED', 'a.car'] }])('takes $args for wrong usage', async ({ args }) => {
    expect((await dagstore(await threeShards(), ['recover-shard', ...args])).code).toBe(2)
  })
})

describe('dagstore destroy-shard', () => {
  it('forgets shards and their indices, and leaves the files that were added', async () => {
    const cwd = await threeShards('--eager')
    const run = await dagstore(cwd, ['destroy-shard', 'a.car', 'zz', 'b.car', 'b.car', '--force'])
    expect(run.code).toBe(1)
    expect(run.stdout.split('\n').sort()).toEqual(['', 'destroyed a.car', 'destroyed b.car']) // as they end
    expect(run.stderr).toMatch(/\n2 ok, 1 failed\n$/)
    expect(await statesOf(cwd)).toEqual({ 'c.car': 'Available' })
    expect((await readdir(join(cwd, 'cars'))).sort()).toEqual(['a.car', 'b.car', 'c.car'])
    const indices = (await readdir(join(cwd, '.dagstore', 'index'), { recursive: true })).filter((name) => name.endsWith('.idx'))
    expect(indices).toHaveLength(1)
  })
})

describe('dagstore lookup-pieces', () => {
  it('lists the shards that hold a block, and says when some are not indexed', async () => {
    const cwd = await threeShards()
    const cid = cidOf(4).toString()
    const none = await dagstore(cwd, ['lookup-pieces', cid])
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: `in no indexed shard; 3 shards are not indexed; what to do: dagstore why ${cid}\n` })
    await dagstore(cwd, ['initialize-all'])
    expect((await dagstore(cwd, ['lookup-pieces', cid])).stdout).toMatch(/^Key +State +Error\nb\.car +(Available|Serving)\n$/)
    expect(JSON.parse((await dagstore(cwd, ['lookup-pieces', '--json', cidOf(11).toString()])).stdout)).toEqual([])
    expect((await dagstore(cwd, ['lookup-pieces', 'no-cid'])).code).toBe(2)
  })
})

describe('dagstore list-multihashes', () => {
  it('lists those of the index, whether it is there already or not, and without the source', async () => {
    const cwd = await threeShards()
    const wanted = [0, 1, 2].map((n) => Buffer.from(cidOf(n).multihash.bytes).toString('hex')).sort()
    expect((await dagstore(cwd, ['list-multihashes', 'a.car'])).stdout).toBe(`${wanted.join('\n')}\n`)
    await rm(join(cwd, 'cars', 'a.car'))
    const lines = (await dagstore(cwd, ['list-multihashes', '--json', 'a.car'])).stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { multihash: string })
    expect(lines.map(({ multihash }) => multihash)).toEqual(wanted)
    expect(await dagstore(cwd, ['list-multihashes', 'zz'])).toMatchObject({ code: 1, stdout: '', stderr: 'dagstore: zz: no such shard (DAGSTORE_SHARD_UNKNOWN); dagstore list-shards lists those there are\n' })
  })
})
