import { BlockNotFoundError, type BlockStretch } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BlockGetter, type DagBlock, walkPath, walkPathInBatches, type WalkPathOptions } from '../src/index.ts'
import { all, cidOf, IDENTITY, MemoryDag, text } from './blocks.ts'

/** Blocks in a row, of which stretches bring those that follow. */
class RowStore implements BlockGetter {
  readonly #dag: MemoryDag
  readonly #row: readonly string[]
  readonly stretches: { readonly cid: string, readonly maxBytes: number }[] = []
  alone = 0
  /** Out of stretches, without the first of each. */
  taken = 0
  underWay = 0
  mostUnderWay = 0
  /** Those that come out of no stretch, and are a failure when they are asked for. */
  readonly damaged = new Set<string>()

  constructor (dag: MemoryDag, row: readonly string[]) {
    this.#dag = dag
    this.#row = row
  }

  get (): never { throw new Error('blocks are asked for whole') }

  async bytes (cid: CID, options: { signal?: AbortSignal | undefined } = {}): Promise<Uint8Array> {
    this.alone++
    return this.#find(cid, options.signal)
  }

  async stretch (cid: CID, maxBytes: number, options: { signal?: AbortSignal | undefined } = {}): Promise<BlockStretch> {
    this.stretches.push({ cid: String(cid), maxBytes })
    const bytes = await this.#find(cid, options.signal)
    let left = 2 * bytes.byteLength > maxBytes ? 0 : maxBytes - bytes.byteLength
    let at = this.#row.indexOf(String(cid)) + 1
    const lengthAt = (): number => this.#dag.blocks.get(this.#row[at] ?? '')?.byteLength ?? Infinity
    return {
      bytes,
      get isSpent () { return lengthAt() > left },
      take: (other) => {
        if (this.#row[at] !== String(other) || this.damaged.has(String(other)) || lengthAt() > left) return undefined
        left -= lengthAt()
        this.taken++
        return this.#dag.blocks.get(this.#row[at++]!)
      },
    }
  }

  async #find (cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay)
    try {
      await new Promise((resolve) => { setImmediate(resolve) })
      signal?.throwIfAborted()
      if (this.damaged.has(String(cid))) throw Object.assign(new Error('damaged'), { code: 'DAMAGED' })
      const bytes = this.#dag.blocks.get(String(cid))
      if (bytes === undefined) throw new BlockNotFoundError(cid)
      return bytes
    } finally {
      this.underWay--
    }
  }
}

const inBatches = async (store: BlockGetter, root: CID, options: WalkPathOptions): Promise<{ readonly seen: readonly string[], readonly sizes: readonly number[], readonly failure: unknown }> => {
  const seen: string[] = []
  const sizes: number[] = []
  try {
    for await (const batch of walkPathInBatches(store, root, options)) {
      sizes.push(batch.length)
      seen.push(...batch.map(told))
    }
  } catch (error) {
    return { seen, sizes, failure: (error as { code?: string }).code ?? error }
  }
  return { seen, sizes, failure: undefined }
}
const told = ({ cid, depth, bytes }: DagBlock): string => `${cid} ${depth} ${bytes.byteLength}`
const oneByOne = async (store: BlockGetter, root: CID, options: WalkPathOptions): Promise<{ readonly seen: readonly string[], readonly failure: unknown }> => {
  const seen: string[] = []
  try {
    for await (const block of walkPath(store, root, options)) seen.push(told(block))
  } catch (error) {
    return { seen, failure: (error as { code?: string }).code ?? error }
  }
  return { seen, failure: undefined }
}
/** `count` leaves of `bytes` bytes, `width` below a node; and all in the order of the walk. */
const treeOf = async (count: number, width: number, bytes: number): Promise<{ readonly dag: MemoryDag, readonly root: CID, readonly row: string[], readonly leaves: readonly string[] }> => {
  const dag = new MemoryDag()
  const leaves = Array.from({ length: count }, (_, n) => dag.add(new Uint8Array(bytes).fill(n % 251).map((value, at) => (at < 4 ? n >> 8 * at & 0xff : value))))
  const root = dag.cbor(Array.from({ length: Math.ceil(count / width) }, (_, n) => dag.cbor(leaves.slice(n * width, (n + 1) * width))))
  return { dag, root, row: (await all(walkPath(dag, root))).map(({ cid }) => String(cid)), leaves: leaves.map(String) }
}

describe('a walk in batches', () => {
  it('gives the blocks of a walk in the same order, wherever they lie, and ends as it does', async () => {
    const shapes = fc.letrec<{ node: unknown }>((tie) => ({ node: fc.oneof({ maxDepth: 5 }, fc.nat(9), fc.array(tie('node'), { maxLength: 6 })) })).node
    const limits = fc.record({ maxBlocks: fc.integer({ min: 1, max: 30 }), maxBytes: fc.integer({ min: 50, max: 2000 }), maxDepth: fc.nat(5), maxCids: fc.integer({ min: 1, max: 30 }), missing: fc.constantFrom('throw' as const, 'report' as const, 'stop' as const), duplicates: fc.boolean() }, { requiredKeys: [] })
    await fc.assert(fc.asyncProperty(shapes, limits, fc.integer({ min: 1, max: 5 }), fc.constantFrom('walk', 'reversed', 'random'), fc.array(fc.nat(40), { maxLength: 2 }), fc.array(fc.nat(40), { maxLength: 2 }), fc.infiniteStream(fc.nat(1000)), async (shape, options, lookAhead, order, damaged, lost, dice) => {
      const dag = new MemoryDag()
      const build = (node: unknown): CID => (typeof node === 'number' ? dag.add(text(`leaf ${node}`), 0x55, node === 3 ? IDENTITY : undefined) : dag.cbor((node as unknown[]).map(build)))
      const root = build([shape])
      const row = (await all(walkPath(dag, root))).map(({ cid }) => String(cid))
      if (order === 'reversed') row.reverse()
      if (order === 'random') row.sort(() => dice.next().value! - 500)
      const store = new RowStore(dag, row)
      for (const n of damaged) if (row[n] !== undefined) store.damaged.add(row[n])
      for (const n of lost) dag.blocks.delete(row[n] ?? '')
      const wanted = await oneByOne(store, root, options)
      const { seen, failure } = await inBatches(store, root, { ...options, lookAhead, lookAheadBytes: 1 + (dice.next().value! % 500) })
      expect({ seen, failure }).toEqual(wanted)
      expect(store.underWay).toBe(0)
    }), { numRuns: 400, seed: 71 })
  })

  it('reads few stretches where blocks lie in its order, and nothing else', async () => {
    const { dag, root, row } = await treeOf(6000, 50, 1000)
    const store = new RowStore(dag, row)
    const { seen, sizes } = await inBatches(store, root, { lookAhead: 16 })
    expect(seen).toHaveLength(row.length)
    expect(store.alone).toBe(0)
    // 64 KiB, then twice as much each time up to 1 MiB, of 6 MB
    expect(store.stretches.length).toBeLessThanOrEqual(10)
    expect(store.stretches[0]!.maxBytes).toBe(1 << 16)
    expect(Math.max(...store.stretches.map(({ maxBytes }) => maxBytes))).toBe(1 << 20)
    expect(Math.max(...sizes)).toBe(128)
  })

  it('ends a batch at 256 KiB, and reads no more than may be held', async () => {
    const { dag, root, row } = await treeOf(100, 50, 20_000)
    const store = new RowStore(dag, row)
    const { sizes } = await inBatches(store, root, { lookAhead: 16, lookAheadBytes: 200_000 })
    expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.ceil((1 << 18) / 20_000) + 1)
    expect(Math.max(...store.stretches.map(({ maxBytes }) => maxBytes))).toBeLessThanOrEqual(100_000)
    // with a short node among them
    const most = Math.max(...(await inBatches(new RowStore(dag, row), root, { lookAhead: 16 })).sizes)
    expect(most).toBeGreaterThan(5)
    expect(most).toBeLessThanOrEqual(Math.ceil((1 << 18) / 20_000) + 1)
  })

  it('reads few stretches too where leaves lie before the nodes, or all nodes before the leaves', async () => {
    const { dag, root, row, leaves } = await treeOf(6000, 100, 1000)
    const nodes = row.filter((cid) => !leaves.includes(cid))
    for (const other of [[...leaves, ...nodes.reverse()], [...nodes.reverse(), ...leaves]]) {
      const store = new RowStore(dag, other)
      expect((await inBatches(store, root, { lookAhead: 16, lookAheadBytes: 1 << 21 })).seen).toHaveLength(row.length)
      expect(store.stretches.length + store.alone).toBeLessThan(300)
    }
  })

  it('reads few stretches too where the blocks of a walk lie in two places in turn', async () => {
    const { dag, root, row } = await treeOf(3000, 50, 1000)
    const store = new RowStore(dag, [...row.filter((_, n) => n % 2 === 0), ...row.filter((_, n) => n % 2 === 1)])
    expect((await inBatches(store, root, { lookAhead: 16, lookAheadBytes: 1 << 21 })).seen).toHaveLength(row.length)
    expect(store.stretches.length + store.alone).toBeLessThan(20)
  })

  it('looks ahead instead where blocks lie in no order, and tries stretches more and more rarely', async () => {
    const { dag, root, row } = await treeOf(3000, 50, 100)
    const store = new RowStore(dag, row.reverse())
    expect((await inBatches(store, root, { lookAhead: 16 })).seen).toHaveLength(row.length)
    expect(store.stretches.length).toBeLessThanOrEqual(3 + 4)
    expect(store.mostUnderWay).toBeGreaterThan(8)
    // no block is read twice
    expect(store.stretches.length + store.alone).toBe(row.length)
  })

  it('comes back to stretches where blocks lie in order again', async () => {
    const { dag, root, row } = await treeOf(3000, 50, 100)
    const store = new RowStore(dag, [...row.slice(0, 300).reverse(), ...row.slice(300)])
    expect((await inBatches(store, root, { lookAhead: 16 })).seen).toHaveLength(row.length)
    expect(store.alone).toBeLessThan(700)
    expect(store.stretches.length).toBeLessThan(20)
    // none is read twice
    expect(store.alone + store.stretches.length + store.taken).toBe(row.length)
  })

  it('looks ahead instead where blocks are long, and does not try again while they are', async () => {
    const { dag, root, row } = await treeOf(100, 100, 200_000)
    const store = new RowStore(dag, row)
    expect((await inBatches(store, root, { lookAhead: 16 })).seen).toHaveLength(row.length)
    // at the root, and at two leaves
    expect(store.stretches).toHaveLength(3)
    expect(store.mostUnderWay).toBeGreaterThan(8)
  })

  it('does without stretches where nothing may be read ahead, and where the store has none', async () => {
    const { dag, root, row } = await treeOf(30, 10, 10)
    const store = new RowStore(dag, row)
    expect((await inBatches(store, root, {})).seen).toHaveLength(row.length)
    expect(store.stretches).toEqual([])
    expect(await inBatches(dag, root, { lookAhead: 4 })).toMatchObject({ failure: undefined, seen: { length: row.length } })
  })

  it('reads blocks on the way along a path alone, since they may wait', async () => {
    const dag = new MemoryDag()
    const leaf = dag.raw('leaf')
    const root = dag.cbor({ a: dag.cbor({ b: dag.cbor({ c: [leaf] }) }) })
    const row = (await all(walkPath(dag, root))).map(({ cid }) => String(cid))
    const store = new RowStore(dag, row)
    expect((await inBatches(store, root, { path: 'a/b', lookAhead: 4 })).seen).toHaveLength(4)
    expect([store.alone, store.stretches.length]).toEqual([2, 1])
  })

  it('ends with the reason of an abort, also between batches, with nothing under way', async () => {
    const { dag, root, row } = await treeOf(1000, 50, 1000)
    const reason = new Error('enough')
    for (const order of [row, [...row].reverse()]) {
      const store = new RowStore(dag, order)
      const controller = new AbortController()
      const walk = walkPathInBatches(store, root, { lookAhead: 8, signal: controller.signal })
      await walk.next()
      await walk.next()
      controller.abort(reason)
      await expect(walk.next()).rejects.toBe(reason)
      expect(store.underWay).toBe(0)
      const stopped = walkPathInBatches(new RowStore(dag, order), root, { lookAhead: 8 })
      await stopped.next()
      await stopped.return()
      expect(await stopped.next()).toEqual({ done: true, value: undefined })
    }
    const store = new RowStore(dag, row)
    const controller = new AbortController()
    const reading = inBatches(store, root, { lookAhead: 8, signal: controller.signal })
    controller.abort(reason)
    expect((await reading).failure).toBe(reason)
    expect(store.underWay).toBe(0)
  })

  it('does not believe what a stretch gives', async () => {
    const dag = new MemoryDag()
    const [good, bad] = [dag.raw('good'), dag.raw('bad')]
    const root = dag.cbor([good, bad])
    const store = new RowStore(dag, [root, good, bad].map(String))
    dag.blocks.set(String(bad), text('other'))
    expect(await inBatches(store, root, { lookAhead: 4 })).toMatchObject({ seen: { length: 2 }, failure: 'DAG_HASH_MISMATCH' })
    expect(await inBatches(store, root, { lookAhead: 4, maxBlockBytes: 3 })).toMatchObject({ seen: [], failure: 'DAG_BLOCK_TOO_LARGE' })
    expect(cidOf(text('bad')).equals(bad)).toBe(true)
  })
})
