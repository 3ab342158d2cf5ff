import * as dagCbor from '@ipld/dag-cbor'
import { describe, expect, it } from 'vitest'
import { locatePath, MissingBlockError, readEntity, resolvePath, type ResolveOptions, type WalkOptions } from '../src/index.ts'
import { cidOf, IDENTITY, MemoryDag, text } from './blocks.ts'
import { directory, fileNode, pbNode, rawLeaf, shard, symlink } from './unixfs-blocks.ts'

const DAG_JSON = 0x0129
const JSON_CODEC = 0x0200
const CBOR = 0x51

describe('resolvePath', () => {
  it('tells the block in which a path ends, what it is, and the blocks on the way', async () => {
    const dag = new MemoryDag()
    const file = fileNode(dag, text('12'), [rawLeaf(dag, text('345'))])
    const docs = directory(dag, { file: file.cid })
    const root = directory(dag, { docs })
    const found = await resolvePath(dag, root, 'docs/file')
    expect(String(found.cid)).toBe(String(file.cid))
    expect(found).toMatchObject({ kind: 'file', fileBytes: 5, target: undefined, remainder: [] })
    expect(found.blocks.map(({ cid, depth }) => [String(cid), depth])).toEqual([[String(root), 0], [String(docs), 1], [String(file.cid), 2]])
    expect(found.blocks[2]?.bytes).toEqual(dag.blocks.get(String(file.cid)))
    expect(dag.asked).toHaveLength(3)
  })

  it('tells the kinds apart', async () => {
    const dag = new MemoryDag()
    const kinds = {
      raw: dag.raw('abc'), file: fileNode(dag, text('ab'), []).cid, directory: directory(dag, {}), symlink: symlink(dag, '../to'),
      hamt: shard(dag, 256, []), metadata: pbNode(dag, Uint8Array.of(8, 3)), 'dag-pb': pbNode(dag, undefined),
      'dag-cbor': dag.cbor({}), 'dag-json': dag.add(text('{}'), DAG_JSON), json: dag.add(text('{}'), JSON_CODEC), cbor: dag.add(Uint8Array.of(0xf6), CBOR), unknown: dag.add(text('?'), 0x90),
    }
    for (const [kind, cid] of Object.entries(kinds)) {
      expect(await resolvePath(dag, cid, '')).toMatchObject({ kind, fileBytes: kind === 'raw' ? 3 : kind === 'file' ? 2 : undefined, target: kind === 'symlink' ? text('../to') : undefined })
    }
    // the type `raw` of UnixFS is a file too, and Data that is not UnixFS makes no entity
    expect(await resolvePath(dag, pbNode(dag, Uint8Array.of(8, 0, 18, 1, 65)), '')).toMatchObject({ kind: 'file', fileBytes: 1 })
    expect(await resolvePath(dag, pbNode(dag, text('no UnixFS')), '')).toMatchObject({ kind: 'dag-pb' })
  })

  it('goes over maps, lists and links of DAG-CBOR and DAG-JSON, and gives back what leads on inside the last block', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const json = dag.add(text(`{"x":[0,{"/":"${leaf}"},{"/":{"bytes":"AA"}}],"__proto__":{"y":1},"/":"no link"}`), DAG_JSON)
    const root = dag.cbor({ a: [null, { b: { to: json } }], n: 1, 'ünï': 'text' })
    const ends = async (path: string | readonly string[]): Promise<[string, readonly string[]]> => {
      const { cid, remainder } = await resolvePath(dag, root, path)
      return [String(cid), remainder]
    }
    expect(await ends('')).toEqual([String(root), []])
    expect(await ends('a/1/b')).toEqual([String(root), ['a', '1', 'b']])
    expect(await ends('ünï')).toEqual([String(root), ['ünï']])
    expect(await ends('a/1/b/to')).toEqual([String(json), []])
    expect(await ends('a/1/b/to/x/1')).toEqual([String(leaf), []])
    expect(await ends('a/1/b/to/x/2')).toEqual([String(json), ['x', '2']])
    expect(await ends('a/1/b/to/__proto__/y')).toEqual([String(json), ['__proto__', 'y']])
    expect(await ends(['a', '1', 'b', 'to', '/'])).toEqual([String(json), ['/']])
    for (const path of ['a/2', 'a/01', 'a/-1', 'a/+1', 'a/1e0', 'a/b', 'n/x', 'none', 'a/1/b/to/x/2/bytes', 'a/1/b/to/x/7', 'a/1/b/to/constructor', 'a/1/b/to/x/length', 'ünï/0']) {
      await expect(ends(path), path).rejects.toMatchObject({ code: 'DAG_NO_LINK' })
    }
    await expect(ends('a/1/b/to/x/9')).rejects.toMatchObject({ where: '/a/1/b/to/x', cid: json })
    await expect(ends('a/9/b')).rejects.toMatchObject({ where: '/a', cid: root })
  })

  it('takes what would be links in plain JSON and plain CBOR as values', async () => {
    const dag = new MemoryDag()
    const cbor = dag.add(dagCbor.encode({ a: [dag.raw('x')] }), CBOR)
    expect(await resolvePath(dag, cbor, 'a/0')).toMatchObject({ remainder: ['a', '0'], kind: 'cbor' })
    await expect(resolvePath(dag, cbor, 'a/0/b')).rejects.toMatchObject({ code: 'DAG_NO_LINK' })
    const root = dag.add(text(`{"a":{"/":"${dag.raw('x')}"}}`), JSON_CODEC)
    expect(await resolvePath(dag, root, ['a', '/'])).toMatchObject({ remainder: ['a', '/'], kind: 'json' })
  })

  it('takes text with `.`, `..` and empty segments as the specification says, and segments as they are', async () => {
    const dag = new MemoryDag()
    const odd = directory(dag, { '..': dag.raw('up'), 'a/b': dag.raw('slash') })
    const root = directory(dag, { a: directory(dag, { b: dag.raw('b') }), odd })
    const end = async (path: string | readonly string[]): Promise<string> => new TextDecoder().decode((await resolvePath(dag, root, path)).blocks.at(-1)!.bytes)
    expect(await end('//a/./b/')).toBe('b')
    expect(await end('odd/../a/b')).toBe('b')
    expect(await end(['odd', '..'])).toBe('up')
    expect(await end(['odd', 'a/b'])).toBe('slash')
    for (const path of ['..', 'a/../..', 'a/../../a']) await expect(end(path)).rejects.toMatchObject({ code: 'DAG_BAD_PATH' })
    for (const path of ['\uD800', ['a\uDC00']]) await expect(end(path)).rejects.toMatchObject({ code: 'DAG_BAD_PATH' })
    await expect(end('\u{1F600}')).rejects.toMatchObject({ code: 'DAG_NO_LINK' })
  })

  it('compares names byte for byte, and of doubled ones takes the first', async () => {
    const dag = new MemoryDag()
    const [first, second] = [dag.raw('first'), dag.raw('second')]
    const root = pbNode(dag, Uint8Array.of(8, 1), [{ name: 'twice', cid: first }, { name: 'twice', cid: second }])
    expect(String((await resolvePath(dag, root, 'twice')).cid)).toBe(String(first))
    for (const name of ['Twice', 'twic', 'twice ', 't']) await expect(resolvePath(dag, root, name)).rejects.toMatchObject({ code: 'DAG_NO_LINK' })
  })

  it('has nothing to look in below files, symlinks, raw blocks and unknown codecs', async () => {
    const dag = new MemoryDag()
    const ends = { file: fileNode(dag, text('x'), []).cid, link: symlink(dag, 'file'), raw: dag.raw('x'), odd: dag.add(text('?'), 0x90) }
    const root = directory(dag, ends)
    for (const name of ['file', 'link', 'raw']) await expect(resolvePath(dag, root, `${name}/x`)).rejects.toMatchObject({ code: 'DAG_NOT_DIRECTORY', where: `/${name}` })
    await expect(resolvePath(dag, root, 'odd/x')).rejects.toMatchObject({ code: 'DAG_UNKNOWN_CODEC', where: '/odd', cid: ends.odd })
  })

  it('goes through identity CIDs without asking the store', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const root = dag.cbor({ in: dag.cbor({ leaf }, IDENTITY) })
    const found = await resolvePath(dag, root, 'in/leaf')
    expect(String(found.cid)).toBe(String(leaf))
    expect(found.blocks).toHaveLength(3)
    expect(dag.asked).toEqual([root, leaf].map(String))
  })

  it('tells where a missing block belongs, with the name and code of absence', async () => {
    const dag = new MemoryDag()
    const lost = cidOf(text('lost'))
    const docs = directory(dag, { lost })
    const root = directory(dag, { docs })
    for (const path of ['docs/lost', 'docs/lost/x']) {
      await expect(resolvePath(dag, root, path)).rejects.toMatchObject({ name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND', cid: lost, parent: docs, depth: 2, where: '/docs/lost', unindexedShards: 0 })
    }
    const error: unknown = await resolvePath(dag, root, 'docs/lost').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(MissingBlockError)
    expect((error as Error).cause).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    await expect(resolvePath(new MemoryDag(), root, 'docs')).rejects.toMatchObject({ parent: undefined, depth: 0, where: '/' })
  })

  it.each<{ why: string, options: ResolveOptions, code: string }>([
    { why: 'deeper than allowed', options: { maxDepth: 1 }, code: 'DAG_TOO_DEEP' },
    { why: 'a block longer than allowed', options: { maxBlockBytes: 40 }, code: 'DAG_BLOCK_TOO_LARGE' },
    { why: 'more links than allowed', options: { maxLinks: 1 }, code: 'DAG_TOO_MANY_LINKS' },
  ])('refuses $why', async ({ options, code }) => {
    const dag = new MemoryDag()
    const root = directory(dag, { a: directory(dag, { b: dag.raw('b') }), c: dag.raw('c') })
    await expect(resolvePath(dag, root, 'a/b', options)).rejects.toMatchObject({ code })
    expect(await resolvePath(dag, root, 'a/b')).toMatchObject({ kind: 'raw' })
  })

  it('goes its own way whatever other calls it shares its options with', async () => {
    const dag = new MemoryDag()
    const root = directory(dag, { lost: cidOf(text('lost')), a: dag.raw('a') })
    const shared: WalkOptions = { missing: 'report', lookAhead: 4, duplicates: false, identity: 'skip' }
    await expect(resolvePath(dag, root, 'lost', shared)).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    expect(await resolvePath(dag, root, 'a', shared)).toMatchObject({ kind: 'raw' })
    expect(dag.asked.length).toBe(4)
    await expect(readEntity(dag, cidOf(text('lost')), shared).next()).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
  })

  it('verifies what it goes through', async () => {
    const dag = new MemoryDag()
    const root = directory(dag, { a: dag.raw('a') })
    dag.blocks.set(String(root), dag.blocks.get(String(directory(dag, { a: dag.raw('other') })))!)
    await expect(resolvePath(dag, root, 'a')).rejects.toMatchObject({ code: 'DAG_HASH_MISMATCH' })
    expect(await resolvePath(dag, root, 'a', { verify: 'never' })).toMatchObject({ kind: 'raw', fileBytes: 5 })
  })
})

describe('locatePath', () => {
  it('tells where a path leads without the block there', async () => {
    const dag = new MemoryDag()
    const file = dag.raw('file')
    const docs = directory(dag, { file })
    const root = directory(dag, { docs })
    const document = dag.cbor({ a: { b: 1, to: root } })
    dag.blocks.delete(String(file))
    expect(await locatePath(dag, root, 'docs/file')).toEqual({ cid: file, remainder: [], isRead: false, way: [root, docs] })
    expect(await locatePath(dag, file, '')).toEqual({ cid: file, remainder: [], isRead: false, way: [] })
    expect(await locatePath(dag, document, 'a/to/docs')).toEqual({ cid: docs, remainder: [], isRead: false, way: [document, root] })
    expect(await locatePath(dag, document, 'a/b')).toEqual({ cid: document, remainder: ['a', 'b'], isRead: true, way: [document] })
    await expect(locatePath(dag, root, 'docs/none')).rejects.toMatchObject({ code: 'DAG_NO_LINK', where: '/docs' })
    await expect(locatePath(dag, root, 'docs/file/none')).rejects.toBeInstanceOf(MissingBlockError)
  })
})
