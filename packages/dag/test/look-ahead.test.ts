import type { CID } from 'multiformats/cid'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlockGetter, readEntity, walkDag, type WalkOptions, walkPath } from '../src/index.ts'
import { all, cidOf, IDENTITY, joined, MemoryDag, text } from './blocks.ts'
import { type FileNode, fileNode, rawLeaf } from './unixfs-blocks.ts'

/** A store that answers when it is told to, or after some turns of the loop; it tells what is under way. */
class SlowStore implements BlockGetter {
  readonly #dag: MemoryDag
  readonly #turns: (n: number) => number
  /** Abort signals are ignored. */
  deaf = false
  underWay = 0
  mostUnderWay = 0
  started = 0
  aborted = 0

  constructor (dag: MemoryDag, turns: (n: number) => number = () => 3) {
    this.#dag = dag
    this.#turns = turns
  }

  async * get (cid: CID, options: { signal?: AbortSignal } = {}): AsyncGenerator<Uint8Array> {
    const turns = this.#turns(this.started++)
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay)
    try {
      for (let turn = 0; turn < turns; turn++) {
        await new Promise((resolve) => { setImmediate(resolve) })
        if (!this.deaf && options.signal?.aborted === true) this.aborted++
        if (!this.deaf) options.signal?.throwIfAborted()
      }
      yield * this.#dag.get(cid)
    } finally {
      this.underWay--
    }
  }
}

/** A file of this many leaves, `width` links a node. */
const fileOf = (dag: MemoryDag, leaves: number, width: number): FileNode => {
  let level = Array.from({ length: leaves }, (_, i) => rawLeaf(dag, text(`leaf ${i}`)))
  while (level.length > 1) level = Array.from({ length: Math.ceil(level.length / width) }, (_, i) => fileNode(dag, text(''), level.slice(i * width, (i + 1) * width)))
  return level[0]!
}

const names = async (walk: AsyncIterable<{ cid: CID }>): Promise<string[]> => (await all(walk)).map(({ cid }) => String(cid))

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => { unhandled.push(reason) }
beforeEach(() => { process.on('unhandledRejection', onUnhandled) })
afterEach(async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => { setImmediate(resolve) })
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled.splice(0)).toEqual([])
})

describe('lookAhead', () => {
  it('gives the same blocks in the same order, however late they come', async () => {
    const shapes = fc.letrec<{ node: unknown }>((tie) => ({ node: fc.oneof({ maxDepth: 5 }, fc.nat(6), fc.array(tie('node'), { maxLength: 5 })) })).node
    await fc.assert(fc.asyncProperty(shapes, fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }), fc.boolean(), fc.integer({ min: 0, max: 3000 }), async (shape, lookAhead, delays, duplicates, lookAheadBytes) => {
      const dag = new MemoryDag()
      // numbers: leaves, the even ones of them with identity CIDs; lists: nodes
      const build = (node: unknown): CID => (typeof node === 'number' ? dag.add(text(`leaf ${node}`), 0x55, node % 2 === 0 ? IDENTITY : undefined) : dag.cbor((node as unknown[]).map(build)))
      const root = build([shape])
      const options: WalkOptions = { duplicates }
      const wanted = await names(walkDag(dag, root, options))
      const store = new SlowStore(dag, (n) => delays[n % delays.length]!)
      expect(await names(walkDag(store, root, { ...options, lookAhead, lookAheadBytes }))).toEqual(wanted)
      expect(store.mostUnderWay).toBeLessThanOrEqual(lookAhead + 1)
      expect(store.underWay).toBe(0)
    }), { seed: 31, numRuns: 150 })
  })

  it('keeps as many gets under way as allowed, also over the borders of nodes', async () => {
    const dag = new MemoryDag()
    const file = fileOf(dag, 120, 5)
    let turns = 0
    for (const lookAhead of [0, 1, 4, 16]) {
      const store = new SlowStore(dag)
      let ended = false
      turns = 0
      const counting = (async () => { while (!ended) { turns++; await new Promise((resolve) => { setImmediate(resolve) }) } })()
      expect(await all(walkDag(store, file.cid, { lookAhead, verify: 'never' }))).toHaveLength(dag.blocks.size)
      ended = true
      await counting
      expect(store.mostUnderWay).toBe(lookAhead + 1)
      expect(store.started).toBe(dag.blocks.size)
      // one after another it is 3 turns a block; five at a time it must be near a fifth of that
      if (lookAhead === 4) expect(turns).toBeLessThan(3 * dag.blocks.size / 2)
      if (lookAhead === 0) expect(turns).toBeGreaterThan(2 * dag.blocks.size)
    }
  })

  it('stops asking while the blocks that wait are of so many bytes', async () => {
    const dag = new MemoryDag()
    const leaves = Array.from({ length: 50 }, (_, i) => dag.add(new Uint8Array(10_000).fill(i)))
    const root = dag.cbor(leaves)
    const store = new SlowStore(dag, (n) => (n === 1 ? 60 : 1))
    const walk = walkDag(store, root, { lookAhead: 4, lookAheadBytes: 50_000 })
    await walk.next()
    await walk.next()
    // the first leaf took sixty turns; meanwhile no more than its neighbours came
    expect(store.started).toBeLessThanOrEqual(1 + 1 + 4)
    await walk.next()
    await walk.next()
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve) })
    expect(store.started).toBeLessThanOrEqual(1 + 3 + 5 + 4)
    expect(await all(walk)).toHaveLength(47)
  })

  it('takes blocks under way to be as long as those that have come', async () => {
    const dag = new MemoryDag()
    const leaves = Array.from({ length: 60 }, (_, i) => dag.add(new Uint8Array(10_000).fill(i)))
    const root = dag.cbor(leaves)
    const store = new SlowStore(dag)
    const walk = walkDag(store, root, { lookAhead: 16, lookAheadBytes: 50_000 })
    for (let taken = 0; taken < 3; taken++) await walk.next()
    store.mostUnderWay = 0
    expect(await all(walk)).toHaveLength(58)
    // five of ten thousand bytes, and the one that is needed
    expect(store.mostUnderWay).toBeGreaterThan(2)
    expect(store.mostUnderWay).toBeLessThanOrEqual(6)
  })

  it('asks for many together, when half of those before have come and were taken', async () => {
    const dag = new MemoryDag()
    const root = dag.cbor(Array.from({ length: 200 }, (_, i) => dag.raw(`leaf ${i}`)))
    let [turn, ended] = [0, false]
    const ticking = (async () => { while (!ended) { turn++; await new Promise((resolve) => { setImmediate(resolve) }) } })()
    const groups = new Set<number>()
    // each comes after a time of its own
    const store = new SlowStore(dag, (n) => {
      groups.add(turn)
      return 2 + n % 3
    })
    expect(await all(walkDag(store, root, { lookAhead: 16 }))).toHaveLength(201)
    ended = true
    await ticking
    expect(groups.size).toBeLessThan(200 / 4)
  })

  it('asks for each block once where it is met often', async () => {
    const dag = new MemoryDag()
    const x = dag.raw('x')
    const root = dag.cbor(Array.from({ length: 20 }, () => dag.cbor([x, dag.raw('y'), x])))
    const store = new SlowStore(dag)
    await all(walkDag(store, root, { lookAhead: 8 }))
    expect(store.started).toBe(4)
  })

  it('looks through a node once at a time, by however many ways it is reached', async () => {
    const dag = new MemoryDag()
    // by two links a node there are 2^40 ways down
    let root = dag.cbor(['end'])
    for (let level = 0; level < 40; level++) root = dag.cbor([root, root])
    let taken = 0
    for await (const _ of walkDag(dag, root, { lookAhead: 8 })) {
      taken++
      // so that much is there before it is needed
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => { setImmediate(resolve) })
    }
    expect(taken).toBe(41)
  })

  it('holds so many blocks at most, however small', async () => {
    const dag = new MemoryDag()
    const root = dag.cbor(Array.from({ length: 50 }, (_, i) => dag.cbor(Array.from({ length: 50 }, (_, j) => dag.raw(`${i} ${j}`)))))
    const store = new SlowStore(dag)
    let [taken, most] = [0, 0]
    for await (const _ of walkDag(store, root, { lookAhead: 8 })) {
      taken++
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => { setImmediate(resolve) })
      most = Math.max(most, store.started - taken)
    }
    expect(taken).toBe(2551)
    expect(most).toBeGreaterThan(8)
    expect(most).toBeLessThanOrEqual(8 * 4 + 1)
  })

  it('ends what is under way when the consumer stops, and waits for it', async () => {
    const dag = new MemoryDag()
    const file = fileOf(dag, 40, 10)
    for (const deaf of [false, true]) {
      const store = new SlowStore(dag)
      store.deaf = deaf
      const walk = walkDag(store, file.cid, { lookAhead: 8 })
      for (let i = 0; i < 3; i++) await walk.next()
      expect(store.underWay).toBeGreaterThan(0)
      await walk.return()
      expect(store.underWay).toBe(0)
      expect(store.aborted > 0).toBe(!deaf)
      const started = store.started
      await new Promise((resolve) => { setImmediate(resolve) })
      expect(store.started).toBe(started)
    }
  })

  it('rejects with the reason of an abort, before, while waiting and between', async () => {
    const dag = new MemoryDag()
    const file = fileOf(dag, 40, 10)
    const reason = new Error('enough')
    await expect(all(walkDag(new SlowStore(dag), file.cid, { lookAhead: 4, signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    for (const [deaf, turns] of [[false, 50], [true, 5]] as const) {
      const store = new SlowStore(dag, () => turns)
      store.deaf = deaf
      const controller = new AbortController()
      const walk = walkDag(store, file.cid, { lookAhead: 4, signal: controller.signal })
      const next = walk.next()
      setImmediate(() => { controller.abort(reason) })
      await expect(next).rejects.toBe(reason)
      expect(store.underWay).toBe(0)
    }
    const between = new AbortController()
    const store = new SlowStore(dag)
    const walk = walkDag(store, file.cid, { lookAhead: 4, signal: between.signal })
    await walk.next()
    between.abort(reason)
    await expect(walk.next()).rejects.toBe(reason)
    expect(store.underWay).toBe(0)
  })

  it('tells of missing and damaged blocks where the walk comes to them, not before', async () => {
    const dag = new MemoryDag()
    const [a, b] = [dag.raw('a'), dag.raw('b')]
    const lost = cidOf(text('lost'))
    const bad = dag.raw('bad')
    dag.blocks.set(String(bad), text('other'))
    const cut = dag.add(Uint8Array.of(0x82), 0x71)
    const seen = async (last: CID): Promise<string[]> => {
      const out: string[] = []
      try {
        for await (const { cid } of walkDag(new SlowStore(dag, (n) => 4 - n % 4), dag.cbor([a, b, lost, last, a]), { lookAhead: 8, missing: 'report', onMissing: (cid) => out.push(`missing ${cid}`) })) out.push(String(cid))
      } catch (error) {
        out.push((error as { code: string }).code)
      }
      return out.slice(1)
    }
    expect(await seen(bad)).toEqual([String(a), String(b), `missing ${lost}`, 'DAG_HASH_MISMATCH'])
    expect(await seen(cut)).toEqual([String(a), String(b), `missing ${lost}`, 'DAG_BAD_BLOCK'])
  })

  it('serves paths, ranges and content as well', async () => {
    const dag = new MemoryDag()
    const file = fileOf(dag, 30, 4)
    const range = { from: 20, to: 120 }
    const wanted = await names(walkPath(dag, file.cid, { entityBytes: range }))
    const store = new SlowStore(dag)
    expect(await names(walkPath(store, file.cid, { entityBytes: range, lookAhead: 6 }))).toEqual(wanted)
    // nothing beside the range was asked for
    expect(store.started).toBe(wanted.length)
    expect(store.mostUnderWay).toBe(7)
    const reading = new SlowStore(dag)
    expect(await joined(readEntity(reading, file.cid, range))).toEqual(await joined(readEntity(dag, file.cid, { ...range, lookAhead: 0 })))
    expect(reading.mostUnderWay).toBe(5)
  })
})
