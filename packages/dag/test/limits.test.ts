import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { type BlockGetter, linksOf, payloadForm, readEntity, resolvePath, walkDag, type WalkOptions, walkPath } from '../src/index.ts'
import { all, cidOf, DAG_CBOR, IDENTITY, MemoryDag, text } from './blocks.ts'
import { fileNode, rawLeaf } from './unixfs-blocks.ts'

/** `levels` nodes, each linking to the one below it `width` times; the walk with duplicates has width^levels leaves. */
const tower = (levels: number, width: number): { dag: MemoryDag, root: CID } => {
  const dag = new MemoryDag()
  let root = dag.raw('bottom')
  for (let level = 0; level < levels; level++) root = dag.cbor(Array.from({ length: width }, () => root))
  return { dag, root }
}

const outcome = async (walk: AsyncIterable<unknown>): Promise<[number, string | undefined]> => {
  let seen = 0
  try {
    for await (const _ of walk) seen++
    return [seen, undefined]
  } catch (error) {
    return [seen, (error as { code: string }).code]
  }
}

describe('limits', () => {
  it('end a walk over a DAG that is exponentially large with duplicates', async () => {
    const { dag, root } = tower(200, 4)
    expect(await outcome(walkDag(dag, root))).toEqual([201, undefined])
    expect(await outcome(walkDag(dag, root, { duplicates: true, maxBlocks: 1000 }))).toEqual([1000, 'DAG_TOO_MANY_BLOCKS'])
    expect(await outcome(walkDag(dag, root, { duplicates: true, maxBytes: 100_000 }))).toEqual([expect.any(Number), 'DAG_TOO_MANY_BYTES'])
    expect(await outcome(walkDag(dag, root, { duplicates: true, maxDepth: 50 }))).toEqual([51, 'DAG_TOO_DEEP'])
    expect(await outcome(walkPath(dag, root, { path: '0/0/0', maxDepth: 2 }))).toEqual([3, 'DAG_TOO_DEEP'])
  })

  it('end at the very bound, not before it', async () => {
    const { dag, root } = tower(3, 2)
    const bytes = [...dag.blocks.values()].reduce((sum, block) => sum + block.byteLength, 0)
    const most = Math.max(...[...dag.blocks.values()].map((block) => block.byteLength))
    for (const [options, code] of [[{ maxBlocks: 4 }, 'DAG_TOO_MANY_BLOCKS'], [{ maxBytes: bytes }, 'DAG_TOO_MANY_BYTES'], [{ maxCids: 4 }, 'DAG_TOO_MANY_CIDS'], [{ maxLinks: 2 }, 'DAG_TOO_MANY_LINKS'], [{ maxBlockBytes: most }, 'DAG_BLOCK_TOO_LARGE'], [{ maxDepth: 3 }, 'DAG_TOO_DEEP']] as const) {
      expect(await outcome(walkDag(dag, root, options))).toEqual([4, undefined])
      const [[name, value]] = Object.entries(options) as [[string, number]]
      expect((await outcome(walkDag(dag, root, { [name]: value - 1 })))[1]).toBe(code)
      expect((await outcome(walkDag(dag, root, { [name]: value - 1, lookAhead: 3 })))[1]).toBe(code)
    }
  })

  it('count no identity CIDs among those to remember that are not yielded, however many and long they are', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const inline = Array.from({ length: 50 }, (_, n) => dag.cbor({ leaf, n, long: 'x'.repeat(1000) }, IDENTITY))
    const root = dag.cbor([...inline, ...inline])
    expect(await outcome(walkDag(dag, root, { identity: 'skip', maxCids: 2 }))).toEqual([2, undefined])
    expect((await outcome(walkDag(dag, root, { identity: 'yield', maxCids: 2 })))[1]).toBe('DAG_TOO_MANY_CIDS')
  })

  it('bound the links that wait to be followed, not those that were', async () => {
    // each of the nodes links to ten leaves, and, before or behind them, to the next node
    const chain = (nodes: number, first: boolean): { dag: MemoryDag, root: CID } => {
      const dag = new MemoryDag()
      let root = dag.raw('bottom')
      for (let n = 0; n < nodes; n++) {
        const leaves = Array.from({ length: 10 }, (_, i) => dag.raw(`leaf ${n} ${i}`))
        root = dag.cbor(first ? [root, ...leaves] : [...leaves, root])
      }
      return { dag, root }
    }
    const wide = chain(50, false)
    expect(await outcome(walkDag(wide.dag, wide.root, { maxOpenLinks: 11 }))).toEqual([551, undefined])
    expect(await outcome(walkDag(wide.dag, wide.root, { maxOpenLinks: 10 }))).toEqual([0, 'DAG_TOO_MANY_LINKS'])
    const deep = chain(50, true)
    expect(await outcome(walkDag(deep.dag, deep.root, { maxOpenLinks: 501 }))).toEqual([551, undefined])
    expect(await outcome(walkDag(deep.dag, deep.root, { maxOpenLinks: 100 }))).toEqual([9, 'DAG_TOO_MANY_LINKS'])
    expect(await outcome(walkPath(deep.dag, deep.root, { maxOpenLinks: 100, lookAhead: 4 }))).toEqual([9, 'DAG_TOO_MANY_LINKS'])
  })

  it('refuse what is no limit', async () => {
    const { dag, root } = tower(1, 1)
    for (const options of [{ maxBlocks: 0 }, { maxBytes: -1 }, { maxCids: 0 }, { maxLinks: Number.NaN }, { maxOpenLinks: -1 }, { maxDepth: -1 }, { maxBlockBytes: -1 }, { lookAhead: -1 }, { lookAheadBytes: Number.NaN }] as WalkOptions[]) {
      await expect(all(walkDag(dag, root, options))).rejects.toThrow(RangeError)
      await expect(all(walkPath(dag, root, options))).rejects.toThrow(RangeError)
    }
    await expect(resolvePath(dag, root, '', { maxDepth: Number.NaN })).rejects.toThrow(RangeError)
    await expect(all(readEntity(dag, root, { maxLinks: -1 }))).rejects.toThrow(RangeError)
  })

  it('count links in every codec that has some', () => {
    const links = [cidOf(text('a')), cidOf(text('b')), cidOf(text('c'))]
    const dag = new MemoryDag()
    const json = dag.add(text(JSON.stringify(links.map((cid) => ({ '/': String(cid) })))), 0x0129)
    for (const cid of [dag.cbor(links), dag.pb(links), json]) {
      const bytes = dag.blocks.get(String(cid))!
      expect(linksOf(cid, bytes, 3)).toHaveLength(3)
      expect(() => linksOf(cid, bytes, 2)).toThrow(expect.objectContaining({ code: 'DAG_TOO_MANY_LINKS', cid }))
    }
  })

  it('bound the work on files that refer to themselves over and over', async () => {
    const dag = new MemoryDag()
    let file = rawLeaf(dag, text('0123456789'))
    for (let level = 0; level < 40; level++) file = fileNode(dag, text(''), [file, file])
    const middle = Math.floor(file.size / 2) - 3
    // 2^40 leaves; a range in the middle needs two ways down
    const range = { from: middle, to: middle + 6 }
    expect((await outcome(walkPath(dag, file.cid, { entityBytes: range, duplicates: true })))[0]).toBe(1 + 2 * 40)
    expect((await outcome(walkPath(dag, file.cid, { entityBytes: range })))[0]).toBe(41)
    expect(await outcome(walkPath(dag, file.cid, { entityBytes: { from: 5, to: file.size - 5 } }))).toEqual([41, undefined])
    dag.asked.length = 0
    expect(Buffer.concat(await all(readEntity(dag, file.cid, range))).toString()).toBe('7890123')
    expect(dag.asked.length).toBe(1 + 2 * 40)
  })
})

/** Blocks that are made when they are asked for: the n-th links to the next one, up to the last. */
class Chain implements BlockGetter {
  readonly #length: number

  constructor (length: number) {
    this.#length = length
  }

  at (n: number): CID {
    const digest = new Uint8Array(32)
    new DataView(digest.buffer).setUint32(0, n)
    return CID.createV1(DAG_CBOR, Digest.create(0x12, digest))
  }

  async bytes (cid: CID): Promise<Uint8Array> {
    const { buffer, byteOffset } = cid.multihash.digest
    const n = new DataView(buffer, byteOffset).getUint32(0)
    return n + 1 < this.#length ? Uint8Array.of(0x81, 0xd8, 0x2a, 0x58, 0x25, 0, ...this.at(n + 1).bytes) : Uint8Array.of(0x80)
  }

  async * get (cid: unknown): AsyncGenerator<Uint8Array> { yield await this.bytes(cid as CID) }
}

describe('depth', () => {
  const LEVELS = process.env['DAGSTORE_LONG'] === '1' ? 1_000_000 : 100_000

  it(`is no matter: a chain of ${LEVELS} blocks is walked, written and looked into`, async () => {
    const chain = new Chain(LEVELS)
    const options = { verify: 'never' } as const
    let depth = -1
    for await (const block of walkDag(chain, chain.at(0), { ...options, duplicates: true })) depth = block.depth
    expect(depth).toBe(LEVELS - 1)
    let sections = 0
    for await (const chunk of payloadForm(chain, chain.at(0), options)) sections += chunk.byteLength > 0 ? 1 : 0
    expect(sections).toBe(LEVELS)
    expect((await outcome(walkDag(chain, chain.at(0), { ...options, lookAhead: 4 })))[0]).toBe(LEVELS)
    const path = Array.from({ length: 1000 }, () => '0')
    expect((await resolvePath(chain, chain.at(0), path, options)).blocks).toHaveLength(1001)
  })

  it('is no matter below files either', async () => {
    const dag = new MemoryDag()
    let file = rawLeaf(dag, text('end'))
    for (let level = 0; level < 3000; level++) file = fileNode(dag, text(''), [file])
    expect(Buffer.concat(await all(readEntity(dag, file.cid, { from: 1 }))).toString()).toBe('nd')
    expect((await outcome(walkPath(dag, file.cid, { scope: 'entity', lookAhead: 8 })))[0]).toBe(3001)
  })
})

describe('policies', () => {
  const sample = (): { dag: MemoryDag, root: CID, inner: CID, lost: CID, leaf: CID, odd: CID } => {
    const dag = new MemoryDag()
    const [leaf, lost, odd] = [dag.raw('leaf'), cidOf(text('lost')), dag.add(text('odd'), 0x90)]
    const inner = dag.cbor([leaf, lost, odd, lost])
    return { dag, inner, lost, leaf, odd, root: dag.cbor([inner, dag.raw('last')]) }
  }
  const walked = async (dag: MemoryDag, root: CID, options: WalkOptions): Promise<string[]> => {
    const seen: string[] = []
    const told: WalkOptions = { onMissing: (cid, depth, parent) => seen.push(`missing ${cid} ${depth} ${parent}`), onUnknownCodec: (cid) => seen.push(`unknown ${cid}`) }
    for await (const { cid } of walkDag(dag, root, { ...told, ...options })) seen.push(String(cid))
    return seen
  }

  it('tell of missing blocks with their parent, and go on, stop or reject', async () => {
    const { dag, root, inner, lost, leaf, odd } = sample()
    const missing = `missing ${lost} 2 ${inner}`
    const last = String(dag.raw('last'))
    for (const lookAhead of [0, 3]) {
      expect(await walked(dag, root, { missing: 'report', unknownCodec: 'leaf', lookAhead })).toEqual([String(root), String(inner), String(leaf), missing, `unknown ${odd}`, String(odd), last])
      expect(await walked(dag, root, { missing: 'report', unknownCodec: 'leaf', duplicates: true, lookAhead })).toEqual([String(root), String(inner), String(leaf), missing, `unknown ${odd}`, String(odd), missing, last])
      expect(await walked(dag, root, { missing: 'stop', lookAhead })).toEqual([String(root), String(inner), String(leaf), missing])
      await expect(walked(dag, root, { lookAhead })).rejects.toMatchObject({ name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND', cid: lost, parent: inner, depth: 2, where: undefined })
      await expect(walked(dag, root, { missing: 'report', lookAhead })).rejects.toMatchObject({ code: 'DAG_UNKNOWN_CODEC', cid: odd })
    }
  })

  it('keep what the store tells of absence', async () => {
    const { dag, root, lost } = sample()
    const store: BlockGetter = {
      async * get (cid) {
        if (String(cid) === String(lost)) throw Object.assign(new Error('gone'), { name: 'NotFoundError', unindexedShards: 3 })
        yield * dag.get(cid as CID)
      },
    }
    await expect(all(walkDag(store, root))).rejects.toMatchObject({ unindexedShards: 3, cause: { message: 'gone' } })
  })

  it('end a path where a block of it is missing', async () => {
    const { dag, root, inner, lost } = sample()
    dag.blocks.delete(String(inner))
    for (const missing of ['report', 'stop'] as const) {
      const told: unknown[] = []
      const seen = await all(walkPath(dag, root, { path: '0/0', missing, onMissing: (cid, depth, parent) => told.push([cid, depth, parent]) }))
      expect(seen.map(({ cid }) => String(cid))).toEqual([String(root)])
      expect(told).toEqual([[inner, 1, root]])
    }
    expect(await all(walkPath(dag, lost, { missing: 'stop' }))).toEqual([])
  })

  it('do not take another failure of a store for absence', async () => {
    const { dag, root, lost } = sample()
    const failure = new Error('disk')
    const store: BlockGetter = {
      async * get (cid) {
        if (String(cid) === String(lost)) throw failure
        yield * dag.get(cid as CID)
      },
    }
    for (const lookAhead of [0, 3]) for (const missing of ['throw', 'report', 'stop'] as const) await expect(all(walkDag(store, root, { missing, lookAhead }))).rejects.toBe(failure)
  })
})

describe('walkDag', () => {
  it('walks any DAG as a plain recursion does', async () => {
    const shapes = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof({ maxDepth: 5 }, fc.nat(4), fc.record({ codec: fc.constantFrom('cbor', 'pb', 'json', 'identity', 'plain'), below: fc.array(tie('node'), { maxLength: 4 }) })),
    })).node
    await fc.assert(fc.asyncProperty(shapes, fc.boolean(), fc.constantFrom('yield', 'skip') as fc.Arbitrary<'yield' | 'skip'>, fc.nat(4), async (shape, duplicates, identity, lookAhead) => {
      const dag = new MemoryDag()
      const build = (node: unknown): CID => {
        if (typeof node === 'number') return dag.add(text(`${node}`), 0x55, node === 0 ? IDENTITY : undefined)
        const { codec, below } = node as { codec: string, below: unknown[] }
        const links = below.map(build)
        if (codec === 'cbor') return dag.cbor({ links })
        if (codec === 'identity') return dag.add(dagCbor.encode(links), DAG_CBOR, dagCbor.encode(links).byteLength < 200 ? IDENTITY : undefined)
        if (codec === 'pb') return dag.pb(links)
        return dag.add(text(JSON.stringify(links.map((cid) => ({ '/': String(cid) })))), codec === 'json' ? 0x0129 : 0x0200)
      }
      const met = new Set<string>()
      const plain = (cid: CID, depth: number): [string, number][] => {
        if (!duplicates && met.has(String(cid))) return []
        met.add(String(cid))
        const isInline = cid.multihash.code === IDENTITY
        const bytes = isInline ? cid.multihash.digest : dag.blocks.get(String(cid))!
        return [...(isInline && identity === 'skip' ? [] : [[String(cid), depth] as [string, number]]), ...linksOf(cid, bytes).flatMap((link) => plain(link, depth + 1))]
      }
      const root = build(shape)
      expect((await all(walkDag(dag, root, { duplicates, identity, lookAhead }))).map(({ cid, depth }) => [String(cid), depth])).toEqual(plain(root, 0))
    }), { seed: 41, numRuns: 300 })
  })
})
