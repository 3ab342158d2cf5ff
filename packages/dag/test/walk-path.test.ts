import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type EntityBytes, walkPath, type WalkPathOptions } from '../src/index.ts'
import { all, DAG_CBOR, IDENTITY, MemoryDag, RAW, text } from './blocks.ts'
import { directory, type FileNode, fileNode, pbNode, rawLeaf, shard, symlink } from './unixfs-blocks.ts'

const names = async (dag: MemoryDag, root: CID, options: WalkPathOptions): Promise<string[]> => (await all(walkPath(dag, root, options))).map(({ cid }) => String(cid))

/** A file of four raw leaves of 4 bytes, two under each of two nodes, in a directory in a directory. */
const tree = (): { dag: MemoryDag, root: CID, docs: CID, file: CID, left: CID, right: CID, leaves: CID[] } => {
  const dag = new MemoryDag()
  const leaves = ['aaaa', 'bbbb', 'cccc', 'dddd'].map((words) => rawLeaf(dag, text(words)))
  const left = fileNode(dag, text(''), leaves.slice(0, 2))
  const right = fileNode(dag, text(''), leaves.slice(2))
  const file = fileNode(dag, text(''), [left, right])
  const docs = directory(dag, { file: file.cid, other: dag.raw('other') })
  return { dag, root: directory(dag, { docs, side: dag.raw('side') }), docs, file: file.cid, left: left.cid, right: right.cid, leaves: leaves.map(({ cid }) => cid) }
}

describe('walkPath', () => {
  it('yields the blocks on the way, then the last one, what belongs to its entity, or all below', async () => {
    const { dag, root, docs, file, left, right, leaves: [a, b, c, d] } = tree()
    const way = [root, docs].map(String)
    const whole = [file, left, a, b, right, c, d].map(String)
    expect(await names(dag, root, { path: 'docs/file', scope: 'block' })).toEqual([...way, String(file)])
    expect(await names(dag, root, { path: 'docs/file', scope: 'entity' })).toEqual([...way, ...whole])
    expect(await names(dag, root, { path: ['docs', 'file'] })).toEqual([...way, ...whole])
    expect(await names(dag, root, { path: '/docs/', scope: 'entity' })).toEqual(way)
    expect(await names(dag, root, { path: 'docs' })).toHaveLength(2 + whole.length + 1)
  })

  it('asks the store for nothing that it does not yield', async () => {
    const { dag, root } = tree()
    const yielded = await names(dag, root, { path: 'docs/file', entityBytes: { from: 5, to: 6 } })
    expect(dag.asked).toEqual(yielded)
  })

  it.each<{ range: EntityBytes, leaves: string }>([
    { range: { from: 0 }, leaves: 'abcd' },
    { range: { from: 0, to: 0 }, leaves: 'a' },
    { range: { from: 3, to: 4 }, leaves: 'ab' },
    { range: { from: 4, to: 7 }, leaves: 'b' },
    { range: { from: 7, to: 8 }, leaves: 'bc' },
    { range: { from: 12 }, leaves: 'd' },
    { range: { from: -1 }, leaves: 'd' },
    { range: { from: -5, to: -5 }, leaves: 'c' },
    { range: { from: -100, to: -13 }, leaves: 'a' },
    { range: { from: 6, to: -6 }, leaves: 'bc' },
    { range: { from: 15, to: 1000 }, leaves: 'd' },
    { range: { from: 16, to: 1000 }, leaves: '' },
    { range: { from: 16 }, leaves: '' },
    { range: { from: 9, to: 8 }, leaves: '' },
    { range: { from: 0, to: -17 }, leaves: '' },
    { range: { from: -1, to: -2 }, leaves: '' },
  ])('takes of a file the blocks of the bytes $range only', async ({ range, leaves: wanted }) => {
    const { dag, file, left, right, leaves } = tree()
    const inner = (node: CID, at: number): CID[] => {
      const below = leaves.slice(at, at + 2).filter((_, i) => wanted.includes('abcd'[at + i]!))
      return below.length === 0 ? [] : [node, ...below]
    }
    expect(await names(dag, file, { entityBytes: range })).toEqual([file, ...inner(left, 0), ...inner(right, 2)].map(String))
  })

  it('needs no block outside of the range', async () => {
    const { dag, file, left, right, leaves } = tree()
    for (const cid of [left, leaves[2]!]) dag.blocks.delete(String(cid))
    expect(await names(dag, file, { entityBytes: { from: 13 } })).toEqual([file, right, leaves[3]].map(String))
  })

  it('counts the bytes that stand in inner nodes, before those of their links', async () => {
    const dag = new MemoryDag()
    const [x, y] = [rawLeaf(dag, text('xx')), rawLeaf(dag, text('yy'))]
    const inner = fileNode(dag, text('123'), [x])
    const file = fileNode(dag, text('ABCD'), [inner, y])
    expect(await names(dag, file.cid, { entityBytes: { from: 0, to: 3 } })).toEqual([file.cid].map(String))
    expect(await names(dag, file.cid, { entityBytes: { from: 4, to: 6 } })).toEqual([file.cid, inner.cid].map(String))
    expect(await names(dag, file.cid, { entityBytes: { from: 7, to: 7 } })).toEqual([file.cid, inner.cid, x.cid].map(String))
    expect(await names(dag, file.cid, { entityBytes: { from: 9 } })).toEqual([file.cid, y.cid].map(String))
  })

  it('ignores the range of what is no file, and takes one block for it', async () => {
    const { dag, root } = tree()
    const data = dag.cbor({ to: root })
    for (const cid of [root, data, symlink(dag, 'to'), dag.raw('raw'), pbNode(dag, undefined, [{ cid: root }]), pbNode(dag, text('no UnixFS'), [{ cid: root }])]) {
      expect(await names(dag, cid, { entityBytes: { from: 3, to: 4 } })).toEqual([String(cid)])
      expect(await names(dag, cid, { scope: 'entity' })).toEqual([String(cid)])
    }
  })

  it('takes an empty file, an empty raw block and a file of one node as one block', async () => {
    const dag = new MemoryDag()
    for (const cid of [fileNode(dag, text(''), []).cid, dag.add(new Uint8Array(0)), fileNode(dag, text('abc'), []).cid]) {
      for (const entityBytes of [{ from: 0 }, { from: 1, to: 2 }, { from: -3, to: -1 }]) expect(await names(dag, cid, { entityBytes })).toEqual([String(cid)])
    }
  })

  it('takes of a whole file its parts without a byte too, wherever they stand', async () => {
    const dag = new MemoryDag()
    const [none, nothing, x] = [rawLeaf(dag, new Uint8Array(0)), fileNode(dag, text(''), []), rawLeaf(dag, text('xx'))]
    const inner = fileNode(dag, text(''), [none, x, fileNode(dag, text(''), [nothing])])
    const file = fileNode(dag, text(''), [nothing, inner, none])
    const everything = [...dag.blocks.keys()].sort()
    for (const entityBytes of [undefined, { from: 0 }, { from: 0, to: 1 }, { from: -2, to: 5 }]) {
      expect((await names(dag, file.cid, { scope: 'entity', entityBytes })).sort()).toEqual(everything)
    }
    expect(await names(dag, file.cid, { entityBytes: { from: 0, to: 0 } })).toEqual([file, inner, x].map(({ cid }) => String(cid)))
  })

  it('takes of a sharded directory all shards and nothing that they name', async () => {
    const dag = new MemoryDag()
    const [a, b, c] = [dag.raw('a'), dag.raw('b'), dag.raw('c')]
    const low = shard(dag, 16, [{ slot: 1, name: 'b', cid: b }, { slot: 9, name: 'c', cid: c }])
    const mid = shard(dag, 16, [{ slot: 0, name: '', cid: low }, { slot: 3, name: 'a', cid: a }])
    const root = shard(dag, 16, [{ slot: 2, name: 'x', cid: a }, { slot: 7, name: '', cid: mid }, { slot: 15, name: '', cid: low }])
    expect(await names(dag, root, { scope: 'entity' })).toEqual([root, mid, low].map(String))
    expect(await names(dag, root, { scope: 'entity', duplicates: true })).toEqual([root, mid, low, low].map(String))
  })

  it('repeats what is met again only with duplicates', async () => {
    const dag = new MemoryDag()
    const x = rawLeaf(dag, text('xx'))
    const pair = fileNode(dag, text(''), [x, x])
    const file = fileNode(dag, text(''), [pair, pair, x])
    expect(await names(dag, file.cid, {})).toEqual([file, pair, x].map(({ cid }) => String(cid)))
    expect(await names(dag, file.cid, { duplicates: true })).toEqual([file, pair, x, x, pair, x, x, x].map(({ cid }) => String(cid)))
    expect(await names(dag, file.cid, { duplicates: true, entityBytes: { from: 3, to: 5 } })).toEqual([file, pair, x, pair, x].map(({ cid }) => String(cid)))
  })

  it('walks below a node again when it was met for a part only', async () => {
    const dag = new MemoryDag()
    const [x, y] = [rawLeaf(dag, text('xx')), rawLeaf(dag, text('yy'))]
    const pair = fileNode(dag, text(''), [x, y])
    const file = fileNode(dag, text(''), [pair, pair, pair])
    // of the first `pair` the second leaf, of the second both, of the third the first
    expect(await names(dag, file.cid, { entityBytes: { from: 2, to: 9 } })).toEqual([file, pair, y, x].map(({ cid }) => String(cid)))
    expect(await names(dag, file.cid, { entityBytes: { from: 2, to: 9 }, duplicates: true })).toEqual([file, pair, y, pair, x, y, pair, x].map(({ cid }) => String(cid)))
    expect(await names(dag, file.cid, { entityBytes: { from: 2, to: 4 } })).toEqual([file, pair, y, x].map(({ cid }) => String(cid)))
  })

  it('never yields identity CIDs unless told to, and follows their links', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const inline = dag.cbor({ leaf }, IDENTITY)
    const root = dag.cbor({ inline })
    expect(await names(dag, root, { duplicates: true })).toEqual([root, leaf].map(String))
    expect(await names(dag, root, { path: 'inline/leaf', scope: 'block' })).toEqual([root, leaf].map(String))
    expect(await names(dag, root, { path: 'inline', scope: 'block' })).toEqual([root].map(String))
    expect(await names(dag, root, { identity: 'yield', path: 'inline/leaf' })).toEqual([root, inline, leaf].map(String))
    expect(await names(dag, dag.add(new Uint8Array(0), 0x55, IDENTITY), {})).toEqual([])
  })

  it('yields a block in which the path ends once, and for scope all what is below it', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const root = dag.cbor({ list: [1, { deep: true }], leaf })
    for (const duplicates of [true, false]) {
      expect(await names(dag, root, { path: 'list/1/deep', scope: 'block', duplicates })).toEqual([String(root)])
      expect(await names(dag, root, { path: 'list/1', scope: 'entity', duplicates })).toEqual([String(root)])
      expect(await names(dag, root, { path: 'list', duplicates })).toEqual([root, leaf].map(String))
    }
  })

  it('serves a block of any codec, unless it has to be looked into', async () => {
    const dag = new MemoryDag()
    const odd = dag.add(text('odd'), 0x90)
    expect(await names(dag, odd, { scope: 'block' })).toEqual([String(odd)])
    expect(await names(dag, odd, { scope: 'entity' })).toEqual([String(odd)])
    await expect(names(dag, odd, { scope: 'all' })).rejects.toMatchObject({ code: 'DAG_UNKNOWN_CODEC' })
    await expect(names(dag, odd, { path: 'x' })).rejects.toMatchObject({ code: 'DAG_UNKNOWN_CODEC', where: '/' })
    const told: string[] = []
    expect(await names(dag, dag.cbor([odd]), { unknownCodec: 'leaf', onUnknownCodec: (cid) => told.push(String(cid)) })).toContain(String(odd))
    expect(told).toEqual([String(odd)])
  })

  it('yields the way, with the block that leads nowhere, then rejects', async () => {
    const { dag, root, docs, file, leaves } = tree()
    const until = async (path: string): Promise<unknown[]> => {
      const seen: unknown[] = []
      try {
        for await (const { cid } of walkPath(dag, root, { path })) seen.push(String(cid))
      } catch (error) {
        seen.push((error as { code: string }).code, (error as { where: string }).where)
      }
      return seen
    }
    expect(await until('docs/none')).toEqual([root, docs].map(String).concat('DAG_NO_LINK', '/docs'))
    expect(await until('docs/file/x')).toEqual([root, docs, file].map(String).concat('DAG_NOT_DIRECTORY', '/docs/file'))
    expect(await until('side/x')).toEqual([root, dag.raw('side')].map(String).concat('DAG_NOT_DIRECTORY', '/side'))
    dag.blocks.delete(String(leaves[0]))
    expect((await until('docs/file')).at(-2)).toBe('BLOCKSTORE_NOT_FOUND')
  })

  it('refuses a range with another scope, and one that is not of integers', async () => {
    const { dag, root } = tree()
    await expect(names(dag, root, { scope: 'all', entityBytes: { from: 0 } })).rejects.toThrow(TypeError)
    await expect(names(dag, root, { entityBytes: { from: 0.5 } })).rejects.toThrow(RangeError)
    await expect(names(dag, root, { entityBytes: { from: 0, to: Number.NaN } })).rejects.toThrow(RangeError)
    await expect(names(dag, root, { maxBytes: -1 })).rejects.toThrow(RangeError)
    expect(dag.asked).toEqual([])
  })
})

describe('damage in files and directories', () => {
  const lying = (lie: { sizes?: number[], fileSize?: number }): { dag: MemoryDag, file: FileNode } => {
    const dag = new MemoryDag()
    const parts = [rawLeaf(dag, text('aaaa')), fileNode(dag, text('bbbb'), [])]
    return { dag, file: fileNode(dag, text(''), parts, lie) }
  }

  it.each([
    ['a size too large', { sizes: [5, 4], fileSize: 9 }], ['a size too small', { sizes: [3, 4], fileSize: 7 }],
    ['a wrong size of a node', { sizes: [4, 40], fileSize: 44 }], ['no sizes', { sizes: [] }], ['a size too few', { sizes: [8] }],
    ['a size too many', { sizes: [4, 4, 0] }], ['another sum', { fileSize: 9 }], ['sizes beyond all bounds', { sizes: [2 ** 53, 2 ** 53], fileSize: 0 }],
  ])('tells %s', async (_, lie) => {
    const { dag, file } = lying(lie)
    await expect(names(dag, file.cid, { scope: 'entity' })).rejects.toMatchObject({ code: 'DAG_BAD_UNIXFS' })
    expect(dag.asked.length).toBeLessThanOrEqual(3)
    // scope all does not look at UnixFS
    expect(await names(dag, file.cid, {})).toHaveLength(3)
  })

  it('tells parts of files and directories that are something else', async () => {
    const dag = new MemoryDag()
    const inFile = (cid: CID): CID => fileNode(dag, text(''), [{ cid, size: 1 }]).cid
    const inShard = (cid: CID): CID => shard(dag, 256, [{ slot: 1, name: '', cid }])
    const none = directory(dag, {})
    for (const root of [inFile(none), inFile(dag.add(Uint8Array.of(0xf6), DAG_CBOR)), inFile(pbNode(dag, undefined)), inShard(none), inShard(dag.raw('x')), inShard(pbNode(dag, text('?')))]) {
      await expect(names(dag, root, { scope: 'entity' })).rejects.toMatchObject({ code: 'DAG_BAD_UNIXFS' })
    }
    // on the way of a path too: `a` is looked for in the first shard, and then below it
    const toRaw = Array.from({ length: 256 }, (_, slot) => ({ slot, name: '', cid: dag.raw('x') }))
    await expect(names(dag, shard(dag, 256, toRaw), { path: 'a' })).rejects.toMatchObject({ code: 'DAG_BAD_UNIXFS', where: '/' })
    const cut = dag.add(Uint8Array.of(0x12, 0x05, 0x0a), 0x70)
    await expect(names(dag, inFile(cut), { scope: 'entity' })).rejects.toMatchObject({ code: 'DAG_BAD_BLOCK', cid: cut })
    await expect(names(dag, cut, { scope: 'entity' })).rejects.toMatchObject({ code: 'DAG_BAD_BLOCK' })
    expect(await names(dag, cut, { scope: 'block' })).toEqual([String(cut)])
  })

  it.each([
    ['another hash', { hashType: 0x12 }], ['a fan-out that is no power of two', { fanout: 100 }], ['a fan-out too small', { fanout: 4 }],
    ['a fan-out too large', { fanout: 2048 }], ['more bits than slots', { field: new Uint8Array(33).fill(1, 32) }],
    ['fewer bits than links', { field: Uint8Array.of(0) }], ['more bits than links', { field: Uint8Array.of(3) }],
  ])('tells a shard with %s', async (_, lie) => {
    const dag = new MemoryDag()
    const root = shard(dag, 256, [{ slot: 1, name: 'a', cid: dag.raw('a') }], lie)
    await expect(names(dag, root, { scope: 'entity' })).rejects.toMatchObject({ code: 'DAG_BAD_UNIXFS' })
    await expect(names(dag, root, { path: 'a' })).rejects.toMatchObject({ code: 'DAG_BAD_UNIXFS' })
  })

  it('tells shards below one another for longer than a hash has bits', async () => {
    const dag = new MemoryDag()
    let root = dag.raw('end')
    for (let level = 0; level < 9; level++) root = shard(dag, 256, [{ slot: 1, name: level === 0 ? 'end' : '', cid: root }])
    await expect(names(dag, root, { scope: 'entity' })).rejects.toMatchObject({ code: 'DAG_BAD_UNIXFS' })
    expect(dag.asked).toHaveLength(9)
  })

  it('tells names too short for their shard', async () => {
    const dag = new MemoryDag()
    const short = shard(dag, 16, [{ slot: 1, name: '', cid: dag.raw('x') }], { fanout: 256, field: Uint8Array.of(2) })
    await expect(names(dag, short, { scope: 'entity' })).rejects.toMatchObject({ code: 'DAG_BAD_UNIXFS' })
  })

  it('tells when the path has been followed, before the block in which it ends', async () => {
    const dag = new MemoryDag()
    const file = dag.raw('file')
    const root = directory(dag, { docs: directory(dag, { file }), inline: dag.add(text('in itself'), RAW, IDENTITY) })
    const document = dag.cbor({ a: { b: 1, to: root } })
    const told = async (from: CID, path: string, options: WalkPathOptions = {}): Promise<string[]> => {
      const events: string[] = []
      for await (const { cid } of walkPath(dag, from, { path, ...options, onEnd: (cid) => { events.push(`end ${cid}`) } })) events.push(String(cid))
      return events
    }
    expect((await told(root, 'docs/file')).slice(2)).toEqual([`end ${file}`, String(file)])
    expect((await told(root, '', { scope: 'block' }))).toEqual([`end ${root}`, String(root)])
    expect(await told(document, 'a/b', { scope: 'block' })).toEqual([String(document), `end ${document}`])
    // nothing is yielded of what the identity CID holds
    expect((await told(root, 'inline')).map((event) => event.split(' ')[0])).toEqual([String(root), 'end'])
    const events: string[] = []
    await expect(all(walkPath(dag, root, { path: 'docs/none', onEnd: () => { events.push('end') } }))).rejects.toMatchObject({ code: 'DAG_NO_LINK' })
    expect(events).toEqual([])
  })

  it('refuses a range that meets no byte of a file before the file, where that is wanted', async () => {
    const dag = new MemoryDag()
    const file = fileNode(dag, text('012'), [rawLeaf(dag, text('3456'))]).cid
    const raw = dag.raw('0123456')
    const folder = directory(dag, { file, raw, empty: fileNode(dag, text(''), []).cid })
    const strict = async (path: string, entityBytes: EntityBytes): Promise<number | string> => {
      try {
        return (await names(dag, folder, { path, entityBytes, outside: 'throw' })).length
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    for (const path of ['file', 'raw']) {
      for (const range of [{ from: 7 }, { from: 7, to: 9 }, { from: 9, to: 1 }, { from: 0, to: -8 }, { from: -9, to: -8 }]) expect(await strict(path, range), path).toBe('DAG_OUTSIDE')
      // partly outside, or empty without being outside
      for (const range of [{ from: 6 }, { from: 6, to: 99 }, { from: -99 }, { from: -99, to: -7 }, { from: 5, to: -5 }]) expect(await strict(path, range), path).toBeGreaterThan(1)
    }
    expect(await strict('empty', { from: 0 })).toBe(2)
    expect(await strict('empty', { from: 0, to: -1 })).toBe(2)
    expect(await strict('empty', { from: 1 })).toBe('DAG_OUTSIDE')
    expect(await strict('', { from: 1_000_000 })).toBe(1)
    expect(await names(dag, file, { entityBytes: { from: 7 } })).toEqual([String(file)])
  })
})
