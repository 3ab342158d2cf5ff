import { type Block, carV1, carV2, makeBlock, seededBytes } from '@dagstore-tooling/fixtures'
import { treeDirectory, treeFile, treeLink } from '@dagstore-tooling/testkit'
import { probeReferences, readLayout, refuseReferences } from '@dagstore/carv2'
import { payloadForm } from '@dagstore/dag'
import { createBytesSource, createMemoryDirectory, IoError } from '@dagstore/io'
import { buildTree } from '@dagstore/unixfs-builder'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createRefCar, encodeReference, keyCid, RefCarError, toDense, toRef } from '../src/index.ts'
import { allOf, hashes, makeRefCar, memoryFiles, MIB, openBytes } from './files.ts'

const large = seededBytes(1, 2 * MIB + 300_000)
const contents = { '/data/large': large, '/data/twice': large, '/data/short': seededBytes(2, 10), '/data/empty': new Uint8Array(0), '/data/below/é': seededBytes(3, 5000) }
const tree = treeDirectory('data', treeFile('large', large), treeFile('twice', large), treeFile('short', contents['/data/short']), treeFile('empty', contents['/data/empty']), treeLink('to', 'large'),
  treeDirectory('below', treeFile('é', contents['/data/below/é'])))
const plain = treeDirectory('data', treeFile('large', large), treeFile('short', contents['/data/short']), treeDirectory('below', treeFile('é', contents['/data/below/é'])))

const builtBlocks = async (of: typeof tree): Promise<Map<string, Uint8Array>> => {
  const blocks = new Map<string, Uint8Array>()
  await buildTree(of, { put: (cid, bytes) => { blocks.set(cid.toString(), bytes) } }, { hashes, profile: 'unixfs-v1-2025', links: 'keep' })
  return blocks
}
const code = (expected: string): object => expect.objectContaining({ code: expected })
const leafOf = (bytes: Uint8Array): CID => CID.decode(makeBlock(bytes).cid)
const section = (cid: CID, data: Uint8Array): Block => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data })

describe('what createRefCar writes', () => {
  it('is read back whole, from the files', async () => {
    const { bytes, root, facts } = await makeRefCar(plain, '/data')
    await using car = await openBytes(bytes, memoryFiles(contents))
    expect(car.roots.map(String)).toEqual([root.toString()])
    expect(await allOf(car)).toEqual(await builtBlocks(plain))
    expect(facts.references).toBe(4)
    expect(car.storedBytes).toBe(bytes.byteLength)
    expect(bytes.byteLength).toBeLessThan(12_000)
  })
  it('references each leaf where it stands first, and stores what is shorter than a reference', async () => {
    const file = await createMemoryDirectory().openWritable('a', 'new')
    const writer = await createRefCar(file, { hashes, pathOf: (path) => `/data/${path}` })
    const { cid } = await buildTree(tree, writer, { hashes, profile: 'unixfs-v1-2025', links: 'keep' })
    const facts = await writer.finalize([cid])
    await using car = await openBytes(await file.read(0, file.sizeBytes), memoryFiles(contents))
    const found: string[] = []
    for await (const { path, offset, size, dialect } of car.references()) found.push(`${path} ${offset}+${size} ${dialect}`)
    expect(found).toEqual(['/data/below/é 0+5000 sha2-keys', `/data/large 0+${MIB} sha2-keys`, `/data/large ${MIB}+${MIB} sha2-keys`, `/data/large ${2 * MIB}+300000 sha2-keys`])
    expect(facts.references).toBe(found.length)
    expect(facts.denseBytes).toBe([...(await builtBlocks(tree))].filter(([text]) => CID.parse(text).code !== 0x55).reduce((sum, [, { byteLength }]) => sum + byteLength, 10))
  })
  it('is the same each time, and leaves out identity CIDs', async () => {
    const small = treeDirectory('', treeFile('a', seededBytes(5, 90)), treeFile('b', seededBytes(6, 4000)))
    const [one, two] = [await makeRefCar(small, '/s', { profile: 'lotus-2021' }), await makeRefCar(small, '/s', { profile: 'lotus-2021' })]
    expect(Buffer.compare(one.bytes, two.bytes)).toBe(0)
    expect(one.facts.blockCount).toBe(2)
    await using car = await openBytes(one.bytes, memoryFiles({ '/s/a': seededBytes(5, 90), '/s/b': seededBytes(6, 4000) }))
    expect(await car.check({ depth: 'full' })).toMatchObject({ references: 1, files: 1, bytes: 4000, faultCount: 0 })
  })
  it('stores the leaves of files that have no path, or none that a reference can have', async () => {
    for (const pathOf of [() => undefined, (path: string) => `relative/${path}`, (path: string) => `/a/../${path}`]) {
      const { bytes, facts } = await makeRefCar(plain, '/data', { pathOf })
      expect(facts.references).toBe(0)
      await using car = await openBytes(bytes, memoryFiles())
      expect(await allOf(car)).toEqual(await builtBlocks(plain))
    }
  })
})

describe('a leaf in a file', () => {
  const bytes = seededBytes(7, 9000)
  const made = makeRefCar(treeFile('f', bytes), '/f')

  it.each([
    { what: 'is gone', change: (files: ReturnType<typeof memoryFiles>) => files.contents.delete('/f'), want: 'REF_CAR_FILE_GONE' },
    { what: 'is shorter', change: (files: ReturnType<typeof memoryFiles>) => files.contents.set('/f', bytes.slice(0, 8999)), want: 'REF_CAR_FILE_CHANGED' },
    { what: 'has other bytes', change: (files: ReturnType<typeof memoryFiles>) => files.contents.set('/f', bytes.map((byte, at) => at === 5 ? byte ^ 1 : byte)), want: 'REF_CAR_FILE_CHANGED' },
    { what: 'can not be read', change: (files: ReturnType<typeof memoryFiles>) => files.failures.set('/f', new IoError('IO_FAILED', 'broken', { retry: 'later' })), want: 'REF_CAR_FILE_UNREADABLE' },
    { what: 'may not be read by this user', change: (files: ReturnType<typeof memoryFiles>) => files.failures.set('/f', new IoError('IO_FORBIDDEN', 'EACCES')), want: 'REF_CAR_FILE_UNREADABLE' },
    { what: 'is not to be read', change: (files: ReturnType<typeof memoryFiles>) => files.failures.set('/f', new RefCarError('REF_CAR_FORBIDDEN', 'no')), want: 'REF_CAR_FORBIDDEN' },
  ])('that $what is an error of its own, never absence, and comes back with the file', async ({ change, want }) => {
    const { root, bytes: made_ } = await made
    const files = memoryFiles({ '/f': bytes })
    await using car = await openBytes(made_, files)
    change(files)
    const error = await car.blockstore.bytes(root).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ name: 'RefCarError', code: want, cid: root, reference: { path: '/f', offset: 0, size: 9000 }, retry: want === 'REF_CAR_FILE_UNREADABLE' && files.failures.has('/f') && (files.failures.get('/f') as IoError).retry === 'later' ? 'later' : 'never' })
    expect(await car.blockstore.has(root)).toBe(true)
    expect(await car.blockstore.size(root)).toBe(9000)
    for (const depth of ['stat', 'full'] as const) {
      const { faults } = await car.check({ depth })
      // a change of bytes is seen by reading alone
      if (depth === 'full' || faults.length > 0) expect(faults).toMatchObject([{ cid: root, path: '/f', code: want }])
      if (want === 'REF_CAR_FILE_UNREADABLE') expect(faults[0]?.message).toContain(`: ${(files.failures.get('/f') as Error).message}`)
    }
    files.failures.clear()
    files.contents.set('/f', bytes)
    expect(await car.blockstore.bytes(root)).toEqual(bytes)
  })
  it('is read from the file as it is now, when the one that was open has become another', async () => {
    const { root, bytes: car_ } = await made
    const files = memoryFiles({ '/f': bytes.slice(0, 100) })
    await using car = await openBytes(car_, files)
    await expect(car.blockstore.bytes(root)).rejects.toEqual(code('REF_CAR_FILE_CHANGED'))
    files.contents.set('/f', bytes)
    expect(await car.blockstore.bytes(root)).toEqual(bytes)
    files.contents.set('/f', seededBytes(8, 9000))
    // the file that is open still has them
    expect(await car.blockstore.bytes(root)).toEqual(bytes)
  })
  it('costs one opening for all leaves of a file, at most 16 files stay open, and none after the end', async () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`/m/${i}`, seededBytes(100 + i, 300)]))
    const { bytes: car_ } = await makeRefCar(treeDirectory('', ...Object.entries(many).map(([path, content]) => treeFile(path.slice(3), content)), treeFile('large', large)), '/m')
    const files = memoryFiles({ ...many, '/m/large': large })
    const car = await openBytes(car_, files)
    for await (const { bytes: chunks } of car.blockstore.getAll()) for await (const chunk of chunks) expect(chunk.byteLength).toBeGreaterThan(0)
    expect(files.opened.filter((path) => path === '/m/large')).toHaveLength(1)
    expect(files.opened).toHaveLength(41)
    expect(files.open_.size).toBeLessThanOrEqual(16)
    await car.close()
    expect(files.open_.size).toBe(0)
  })
  it('comes from the CAR where that has it too', async () => {
    const leaf = makeBlock(bytes)
    const key = keyCid(leaf.multihash, 'sha2-keys')
    await using car = await openBytes(carV2({ roots: [leaf.cid], blocks: [section(key, encodeReference({ path: '/gone', offset: 0, size: 9000 })), leaf] }), memoryFiles())
    expect(await car.blockstore.bytes(leaf.cid)).toEqual(bytes)
    expect(await car.check()).toMatchObject({ references: 0, faultCount: 0 })
  })
  it('is not taken for longer than a block may be', async () => {
    const leaf = leafOf(bytes)
    await using car = await openBytes(carV1([leaf.bytes], [section(keyCid(leaf.multihash.bytes, 'identity-keys'), encodeReference({ path: '/f', offset: 0, size: 2 ** 40 }))]), memoryFiles({ '/f': bytes }))
    await expect(car.blockstore.bytes(leaf)).rejects.toEqual(code('BLOCKSTORE_TOO_LARGE'))
  })
  it('under a key without a reference is an error that says so', async () => {
    const leaf = leafOf(bytes)
    for (const value of ['', '0a0161ff', '0a08687474703a2f2f78']) {
      await using car = await openBytes(carV1([leaf.bytes], [section(keyCid(leaf.multihash.bytes, 'identity-keys'), Buffer.from(value, 'hex'))]), memoryFiles())
      await expect(car.blockstore.bytes(leaf)).rejects.toMatchObject({ code: 'REF_CAR_BAD_REFERENCE', cid: leaf })
      expect((await car.check()).faults).toMatchObject([{ code: 'REF_CAR_BAD_REFERENCE' }])
    }
  })
  it('may be the text of a key', async () => {
    const other = leafOf(bytes)
    const text = makeBlock(new TextEncoder().encode(`/filestore/${Buffer.from(other.multihash.bytes).toString('hex')}`))
    await using car = await openBytes(carV1([], [text]), memoryFiles())
    expect(await car.blockstore.bytes(text.cid)).toEqual(text.data)
  })
})

describe('keys', () => {
  it('are neither listed nor answered', async () => {
    const { bytes, root } = await makeRefCar(plain, '/data')
    await using car = await openBytes(bytes, memoryFiles(contents))
    for await (const { cid } of car.references()) {
      const key = keyCid(cid.multihash.bytes, 'sha2-keys')
      expect(await car.blockstore.has(key)).toBe(false)
      await expect(car.blockstore.bytes(key)).rejects.toEqual(code('BLOCKSTORE_NOT_FOUND'))
      await expect(Promise.resolve(car.blockstore.size(key))).rejects.toEqual(code('BLOCKSTORE_NOT_FOUND'))
    }
    expect([...(await allOf(car)).keys()]).toContain(root.toString())
  })
  it('keep an ordinary reader from taking the file for its data: what they lead to is never content', async () => {
    const { bytes, root } = await makeRefCar(treeFile('f', large), '/data/large')
    await using mount = await openIndexMount({ data: createBytesSource(bytes) }, { hashes })
    await expect(async () => { for await (const chunk of payloadForm(mount.blockstore, root, { hashes })) expect(chunk.byteLength).toBeGreaterThan(0) }).rejects.toEqual(code('BLOCKSTORE_NOT_FOUND'))
    await expect(async () => { for await (const { bytes: chunks } of mount.blockstore.getAll()) for await (const chunk of chunks) expect(chunk.byteLength).toBeGreaterThan(0) }).rejects.toEqual(code('BLOCKSTORE_HASH_MISMATCH'))
  })
})

describe('a raw file is told from an ordinary CAR', () => {
  const probe = async (bytes: Uint8Array): Promise<boolean> => {
    const source = createBytesSource(bytes)
    return probeReferences(source, await readLayout(source))
  }
  it.each(['sha2-keys', 'identity-keys'] as const)('with %s', async (dialect) => {
    const leaf = leafOf(large)
    const key = section(keyCid(leaf.multihash.bytes, dialect), encodeReference({ path: '/f', offset: 0, size: 7 }))
    const bytes = carV2({ roots: [leaf.bytes], blocks: [makeBlock(seededBytes(1, 300)), key] })
    expect(await probe(bytes)).toBe(true)
    const source = createBytesSource(bytes)
    await expect(refuseReferences(source, await readLayout(source), 'it')).rejects.toEqual(code('CARV2_REFERENCES'))
  })
  it('as createRefCar writes it', async () => {
    expect(await probe((await makeRefCar(plain, '/data')).bytes)).toBe(true)
  })
  it('and what is no such file is not', async () => {
    const reference = encodeReference({ path: '/f', offset: 0, size: 7 })
    // a block whose data looks like a reference
    expect(await probe(carV1([], [makeBlock(reference)]))).toBe(false)
    expect(await probe(carV1([], [makeBlock(reference, { hash: 'identity' })]))).toBe(false)
    expect(await probe(carV1([], [makeBlock(seededBytes(1, 500_000)), makeBlock(reference)]))).toBe(false)
    expect(await probe(carV1([], []))).toBe(false)
    expect(await probe(carV1([], [], { paddingBytes: 100 }))).toBe(false)
  })
  it('and no bytes make the search fail', async () => {
    const { bytes } = await makeRefCar(treeFile('f', seededBytes(1, 9000)), '/f')
    const layout = await readLayout(createBytesSource(bytes))
    await fc.assert(fc.asyncProperty(fc.nat(bytes.byteLength - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), async (at, changed) => {
      const damaged = bytes.slice()
      damaged.set(changed.subarray(0, bytes.byteLength - at), at)
      expect(typeof await probeReferences(createBytesSource(damaged), layout)).toBe('boolean')
    }))
  })
})

describe('toDense', () => {
  it('holds the payload form', async () => {
    const { bytes, root } = await makeRefCar(plain, '/data', { profile: 'lotus-2021' })
    await using car = await openBytes(bytes, memoryFiles(contents))
    const file = await createMemoryDirectory().openWritable('dense', 'new')
    const facts = await toDense(car, file)
    const dense = createBytesSource(await file.read(0, file.sizeBytes))
    await using mount = await openIndexMount({ data: dense }, { hashes })
    const [payload, want]: Uint8Array[][] = [[], []]
    for await (const chunk of mount.carStream()) payload!.push(chunk)
    for await (const chunk of payloadForm(car.blockstore, root, { hashes })) want!.push(chunk)
    expect(Buffer.compare(Buffer.concat(payload!), Buffer.concat(want!))).toBe(0)
    expect(facts.payloadBytes).toBe(Buffer.concat(want!).byteLength)
    expect(await probeReferences(dense, await readLayout(dense))).toBe(false)
  })
  it('fails with the leaf that can not be had', async () => {
    const { bytes } = await makeRefCar(plain, '/data')
    await using car = await openBytes(bytes, memoryFiles({ ...contents, '/data/below/é': new Uint8Array(5000) }))
    const file = await createMemoryDirectory().openWritable('dense', 'new')
    await expect(toDense(car, file)).rejects.toMatchObject({ code: 'REF_CAR_FILE_CHANGED', reference: { path: '/data/below/é' } })
  })
})

describe('toRef', () => {
  const back = async (from: Uint8Array, root: CID, files: ReturnType<typeof memoryFiles>, path = '/data'): Promise<Uint8Array> => {
    await using mount = await openIndexMount({ data: createBytesSource(from) }, { hashes })
    const file = await createMemoryDirectory().openWritable('again', 'new')
    await toRef(mount.blockstore, root, file, { files, path, hashes })
    return file.read(0, file.sizeBytes)
  }
  const denseOf = async (bytes: Uint8Array): Promise<Uint8Array> => {
    await using car = await openBytes(bytes, memoryFiles(contents))
    const file = await createMemoryDirectory().openWritable('dense', 'new')
    await toDense(car, file)
    return file.read(0, file.sizeBytes)
  }
  it('gives the file back from which toDense came', async () => {
    // entries in the order of the links, as the DAG has them
    const sorted = treeDirectory('data', treeDirectory('below', treeFile('é', contents['/data/below/é'])), treeFile('large', large), treeFile('short', contents['/data/short']))
    const { bytes, root } = await makeRefCar(sorted, '/data')
    expect(Buffer.compare(await back(await denseOf(bytes), root, memoryFiles(contents)), bytes)).toBe(0)
  })
  it('finds the files of a sharded directory', async () => {
    const names = Array.from({ length: 6000 }, (_, i) => `a-name-that-is-as-long-as-names-are-${i}`)
    const of = Object.fromEntries(names.map((name, i) => [`/data/${name}`, seededBytes(1000 + i, 70 + i % 50)]))
    const { bytes, root, facts } = await makeRefCar(treeDirectory('data', ...names.map((name) => treeFile(name, of[`/data/${name}`]!))), '/data')
    await using car = await openBytes(bytes, memoryFiles(of))
    const dense = await createMemoryDirectory().openWritable('dense', 'new')
    await toDense(car, dense)
    const again = await back(await dense.read(0, dense.sizeBytes), root, memoryFiles(of))
    await using both = await openBytes(again, memoryFiles(of))
    expect(await both.check({ depth: 'full' })).toMatchObject({ references: facts.references, faultCount: 0 })
    expect(facts.references).toBeGreaterThan(500)
  })
  it('refuses a leaf that is not in its file', async () => {
    const { bytes, root } = await makeRefCar(plain, '/data')
    const dense = await denseOf(bytes)
    const changed = large.slice()
    changed[MIB + 7]! ^= 1
    await expect(back(dense, root, memoryFiles({ ...contents, '/data/large': changed }))).rejects.toMatchObject({ code: 'REF_CAR_FILE_CHANGED', reference: { path: '/data/large', offset: MIB, size: MIB } })
    await expect(back(dense, root, memoryFiles({ '/data/large': large }))).rejects.toEqual(code('REF_CAR_FILE_GONE'))
  })
  it('refuses bytes that are in nodes, and what is no UnixFS', async () => {
    const store = new Map<string, Uint8Array>()
    const { cid } = await buildTree(treeFile('f', seededBytes(1, 600_000)), { put: (key, bytes) => { store.set(key.toString(), bytes) } }, { hashes, profile: 'unixfs-v0-2015' })
    const cbor = makeBlock(Uint8Array.of(0xa0), { codec: 0x71 })
    store.set(CID.decode(cbor.cid).toString(), cbor.data)
    const getter = { async * get (key: CID) { yield store.get(key.toString())! } }
    for (const root of [cid, CID.decode(cbor.cid)]) {
      const file = await createMemoryDirectory().openWritable('again', 'new')
      await expect(toRef(getter as never, root, file, { files: memoryFiles(), path: '/f', hashes })).rejects.toEqual(code('REF_CAR_UNPLACED'))
    }
  })
})

describe('check', () => {
  it('tells every file at fault, once with `stat` and for each leaf with `full`', async () => {
    const { bytes, root } = await makeRefCar(plain, '/data')
    const files = memoryFiles({ '/data/large': large.slice(0, -1) })
    await using car = await openBytes(bytes, files)
    const stat = await car.check()
    expect(stat).toMatchObject({ references: 4, files: 2, bytes: large.byteLength + 5000, faultCount: 2 })
    expect(stat.faults.map(({ path, code: found }) => `${path} ${found}`).sort()).toEqual(['/data/below/é REF_CAR_FILE_GONE', '/data/large REF_CAR_FILE_CHANGED'])
    expect(files.open_.size).toBe(0)
    const full = await car.check({ depth: 'full' })
    expect(full.faults.map(({ path, code: found }) => `${path} ${found}`).sort()).toEqual(['/data/below/é REF_CAR_FILE_GONE', '/data/large REF_CAR_FILE_CHANGED'])
    expect(root.toString()).toBe(car.roots[0]!.toString())
  })
  it('tells a block that is nowhere, and goes on', async () => {
    const { bytes } = await makeRefCar(plain, '/data')
    const layout = await readLayout(createBytesSource(bytes))
    // a CAR that has only the root: all below it is missing
    await using whole = await openBytes(bytes, memoryFiles(contents))
    const root = await whole.blockstore.bytes(layout.roots[0]!)
    await using car = await openBytes(carV1([layout.roots[0]!.bytes], [section(layout.roots[0]!, root)]), memoryFiles())
    const { faults, faultCount } = await car.check()
    expect(faultCount).toBe(3)
    expect(new Set(faults.map((fault) => fault.code))).toEqual(new Set(['BLOCKSTORE_NOT_FOUND']))
    await expect(async () => { for await (const { path } of car.references()) expect(path).toBe('') }).rejects.toEqual(code('BLOCKSTORE_NOT_FOUND'))
  })
  it('ends with the reason of an abort', async () => {
    const { bytes } = await makeRefCar(plain, '/data')
    await using car = await openBytes(bytes, memoryFiles(contents))
    const reason = new Error('enough')
    await expect(car.check({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('any tree', () => {
  it('is had back from its references, and dense from those', async () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'é', ' '), minLength: 1, maxLength: 3 })
    await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.tuple(name, fc.nat(3000), fc.nat(5)), { selector: ([key]) => key, maxLength: 6 }), fc.constantFrom('lotus-2021' as const, 'unixfs-v1-2025' as const, 'unixfs-v0-2015' as const), async (entries, profile) => {
      const files = Object.fromEntries(entries.map(([key, length, seed]) => [`/t/${key}`, seededBytes(seed, length)]))
      const made = treeDirectory('t', ...Object.entries(files).map(([path, content]) => treeFile(path.slice(3), content)))
      const { bytes, root } = await makeRefCar(made, '/t', { profile })
      await using car = await openBytes(bytes, memoryFiles(files))
      const blocks: Uint8Array[] = []
      for await (const chunk of payloadForm(car.blockstore, root, { hashes })) blocks.push(chunk)
      const dense = await createMemoryDirectory().openWritable('d', 'new')
      expect((await toDense(car, dense)).payloadBytes).toBe(Buffer.concat(blocks).byteLength)
      expect(await car.check({ depth: 'full' })).toMatchObject({ faultCount: 0 })
    }), { numRuns: 40 })
  })
})
