import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createCidSet } from '../src/cid-set.ts'
import { walkDag } from '../src/index.ts'
import { all, BLAKE2B_256, cidOf, DAG_CBOR, IDENTITY, MemoryDag, text } from './blocks.ts'

const names = async (walk: AsyncIterable<{ cid: { toString(): string } }>): Promise<string[]> => (await all(walk)).map(({ cid }) => cid.toString())

describe('walkDag', () => {
  it('goes depth first, parents before children, children in link order, each CID once', async () => {
    const dag = new MemoryDag()
    const [a, b, c] = [dag.raw('a'), dag.raw('b'), dag.raw('c')]
    const left = dag.pb([a, b, a])
    const right = dag.cbor({ z: [left, c], a: b })
    const root = dag.cbor([left, right, c])
    const walked = await all(walkDag(dag, root))
    expect(walked.map(({ cid, depth }) => [String(cid), depth])).toEqual([[root, 0], [left, 1], [a, 2], [b, 2], [right, 1], [c, 2]].map(([cid, depth]) => [String(cid), depth]))
    expect(dag.asked).toHaveLength(6)
    expect(walked[2]?.bytes).toEqual(text('a'))
  })

  it('tells whole CIDs apart: one block under two codecs is met twice', async () => {
    const dag = new MemoryDag()
    const bytes = Uint8Array.of(0x80) // an empty list in CBOR
    const asRaw = dag.add(bytes)
    const asCbor = dag.add(bytes, DAG_CBOR)
    const root = dag.cbor([asRaw, asCbor, asRaw])
    expect(await names(walkDag(dag, root))).toEqual([root, asRaw, asCbor].map(String))
  })

  it('yields a block as often as it is met when duplicates are asked for', async () => {
    const dag = new MemoryDag()
    const a = dag.raw('a')
    const inner = dag.pb([a, a])
    const root = dag.pb([inner, inner])
    expect(await names(walkDag(dag, root, { duplicates: true }))).toEqual([root, inner, a, a, inner, a, a].map(String))
  })

  it('decodes identity CIDs from themselves, follows their links, and never asks the store for them', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const inline = dag.cbor({ leaf }, IDENTITY)
    const root = dag.cbor([inline, dag.add(text('tiny'), 0x55, IDENTITY)])
    const walked = await all(walkDag(dag, root))
    expect(walked).toHaveLength(4)
    expect(walked[3]?.bytes).toEqual(text('tiny'))
    expect(dag.asked).toEqual([root, leaf].map(String))
    expect(await names(walkDag(dag, root, { identity: 'skip' }))).toEqual([root, leaf].map(String))
  })

  it('walks from a root that is an identity CID', async () => {
    const dag = new MemoryDag()
    const root = dag.add(text('all of it'), 0x55, IDENTITY)
    expect((await all(walkDag(dag, root)))[0]?.bytes).toEqual(text('all of it'))
  })

  it('takes a root as bytes, and blocks of blake2b-256', async () => {
    const dag = new MemoryDag()
    const root = dag.pb([dag.add(text('a'), 0x55, BLAKE2B_256)], BLAKE2B_256)
    expect(await names(walkDag(dag, root.bytes))).toHaveLength(2)
  })

  it('needs no stack and no more memory per step for a chain of 20,000 blocks', async () => {
    const dag = new MemoryDag()
    let cid = dag.raw('end')
    for (let i = 0; i < 20_000; i++) cid = dag.cbor([cid])
    let last = -1
    for await (const { depth } of walkDag(dag, cid, { verify: 'never' })) last = depth
    expect(last).toBe(20_000)
  })

  it('refuses a block whose bytes do not match its hash, unless told that the store has verified', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const root = dag.cbor([leaf])
    dag.blocks.set(String(leaf), text('Leaf'))
    const walk = walkDag(dag, root)
    await walk.next()
    await expect(walk.next()).rejects.toMatchObject({ code: 'DAG_HASH_MISMATCH', cid: leaf })
    expect(await all(walkDag(dag, root, { verify: 'never' }))).toHaveLength(2)
  })

  it('refuses a hash without a hasher, and a codec without a decoder, before yielding the block', async () => {
    const dag = new MemoryDag()
    await expect(walkDag(dag, dag.add(text('y'), 0x90)).next()).rejects.toMatchObject({ code: 'DAG_UNKNOWN_CODEC' })
    const foreign = CID.createV1(0x55, Digest.create(0x1234, new Uint8Array(32)))
    dag.blocks.set(String(foreign), text('x'))
    await expect(walkDag(dag, foreign).next()).rejects.toMatchObject({ code: 'DAG_UNKNOWN_HASH' })
  })

  it('rejects with the store\'s not-found error for a missing block, or reports it and goes on beside it', async () => {
    const dag = new MemoryDag()
    const [lost, kept] = [cidOf(text('lost')), dag.raw('kept')]
    const root = dag.cbor([lost, kept, lost])
    await expect(all(walkDag(dag, root))).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', name: 'NotFoundError' })
    const missing: string[] = []
    expect(await names(walkDag(dag, root, { missing: 'report', onMissing: (cid, depth) => missing.push(`${String(cid)} ${depth}`) }))).toEqual([root, kept].map(String))
    expect(missing).toEqual([`${String(lost)} 1`])
  })

  it('never takes another error for a missing block', async () => {
    const failure = new Error('the disk is gone')
    const store = { async * get (): AsyncGenerator<Uint8Array> { yield * []; throw failure } }
    await expect(all(walkDag(store, cidOf(text('x')), { missing: 'report' }))).rejects.toBe(failure)
  })

  it('holds its limits: as many blocks and levels as allowed pass, one more does not', async () => {
    const dag = new MemoryDag()
    const root = dag.cbor([dag.cbor([dag.raw('deep')]), dag.raw('wide')])
    expect(await all(walkDag(dag, root, { maxBlocks: 4, maxDepth: 2 }))).toHaveLength(4)
    await expect(all(walkDag(dag, root, { maxBlocks: 3 }))).rejects.toMatchObject({ code: 'DAG_TOO_MANY_BLOCKS' })
    await expect(all(walkDag(dag, root, { maxDepth: 1 }))).rejects.toMatchObject({ code: 'DAG_TOO_DEEP' })
    await expect(walkDag(dag, root, { maxBlocks: 0 }).next()).rejects.toBeInstanceOf(RangeError)
    await expect(walkDag(dag, root, { maxDepth: NaN }).next()).rejects.toBeInstanceOf(RangeError)
  })

  it('rejects with the signal\'s reason before the first block, between blocks, and while the store reads', async () => {
    const dag = new MemoryDag()
    const root = dag.cbor([dag.raw('a'), dag.raw('b')])
    const reason = new Error('enough')
    await expect(walkDag(dag, root, { signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason)

    const between = new AbortController()
    const walk = walkDag(dag, root, { signal: between.signal })
    await walk.next()
    between.abort(reason)
    await expect(walk.next()).rejects.toBe(reason)

    const during = new AbortController()
    const slow = { async * get (): AsyncGenerator<Uint8Array> { during.abort(reason); yield text('late') } }
    await expect(walkDag(slow, root, { signal: during.signal, verify: 'never' }).next()).rejects.toBe(reason)
  })

  it('reports what it has yielded', async () => {
    const dag = new MemoryDag()
    const root = dag.pb([dag.raw('abc'), dag.raw('de')])
    const seen: number[][] = []
    const rootBytes = dag.blocks.get(String(root))!.byteLength
    await all(walkDag(dag, root, { onProgress: ({ doneBlocks, doneBytes }) => seen.push([doneBlocks, doneBytes - rootBytes]) }))
    expect(seen).toEqual([[1, 0], [2, 3], [3, 5]])
  })
})

describe('createCidSet', () => {
  const setOf = (cids: readonly CID[]): void => {
    const set = createCidSet()
    expect(cids.every((cid, i) => !set.has(cid) && set.add(cid) && set.size === i + 1)).toBe(true)
    expect(cids.some((cid) => set.add(cid) || !set.has(cid))).toBe(false)
    expect(set.size).toBe(cids.length)
  }
  const numbered = (count: number, width: number, place: number): CID[] => Array.from({ length: count }, (_, i) => {
    const digest = new Uint8Array(width)
    new DataView(digest.buffer).setUint32(place, i)
    return CID.createV1(0x55, Digest.create(width === 32 ? 0x12 : IDENTITY, digest))
  })

  it('holds as many as there are, while it grows', () => {
    setOf(Array.from({ length: 5000 }, (_, i) => cidOf(text(`${i}`))))
    setOf(numbered(100_000, 32, 28))
  })

  it('takes CIDs that were chosen to collide', () => {
    // equal in all the bytes that are hashed, at the start and in the middle
    setOf(numbered(20_000, 32, 0))
    setOf([...numbered(3000, 32, 10), ...numbered(3000, 40, 0)])
    // equal in the lower bits of what is hashed: they find slots only until the table grows no more
    setOf(numbered(20_000, 32, 24))
  })

  it('takes CIDs of any length, and tells whole ones apart', () => {
    setOf(Array.from({ length: 700 }, (_, length) => CID.createV1(0x55, Digest.create(IDENTITY, new Uint8Array(length)))))
    const digest = cidOf(text('x')).multihash
    setOf([CID.createV1(0x55, digest), CID.createV1(0x70, digest), CID.createV0(digest as never), CID.createV1(0x71, digest)])
  })

  it('tells long identity CIDs apart', () => {
    const set = createCidSet()
    const long = (middle: number): CID => {
      const bytes = new Uint8Array(300_000)
      bytes[150_000] = middle
      return CID.createV1(0x55, Digest.create(IDENTITY, bytes))
    }
    expect([set.add(long(1)), set.add(long(2)), set.add(long(1))]).toEqual([true, true, false])
    expect(set.size).toBe(2)
  })
})
