import { type AnyCid, BlockNotFoundError, hasBytes, readBlock, type ReadBlockstore } from '@dagstore/read-blockstore'
import { CID as CID13 } from 'multiformats-13/cid'
import { CID as CID9 } from 'multiformats-9/cid'
import { describe, expect, it } from 'vitest'
import { promote, type PromotedBlockstore } from '../src/index.ts'
import { ForeignStore, makeBlock, ownStore } from './stores.ts'

const blocks = ['one', 'two', 'three'].map(makeBlock)
const [one, two] = blocks as [ReturnType<typeof makeBlock>, ReturnType<typeof makeBlock>]
const absent = makeBlock('absent')
const noOwner: AsyncDisposable = { [Symbol.asyncDispose]: async () => {} }
const closed: unknown = expect.objectContaining({ name: 'BlockstoreError', code: 'BLOCKSTORE_CLOSED' })
const readOnly = (method: string): unknown => expect.objectContaining({ name: 'ReadOnlyError', code: 'BLOCKSTORE_READ_ONLY', message: `${method} called but not implemented` })

/** An owner that counts how often it is closed. */
const countingOwner = (error?: unknown): AsyncDisposable & { closed: number } => ({
  closed: 0,
  async [Symbol.asyncDispose] () {
    this.closed++
    await Promise.resolve()
    if (error !== undefined) throw error
  },
})

/** A source that fails the test when anybody looks at it. */
const untouchable = (): AsyncIterable<never> & { touched: number } => ({
  touched: 0,
  [Symbol.asyncIterator] () {
    this.touched++
    throw new Error('touched')
  },
})

const all = async <T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> => {
  const out: T[] = []
  for await (const item of items) out.push(item)
  return out
}
const join = async (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> => Buffer.concat(await all(chunks)).toString()

const subjects: readonly { kind: string, open: () => ReadBlockstore }[] = [
  { kind: 'our store', open: () => ownStore(blocks) },
  { kind: 'our store with the power of whole blocks', open: () => ({ ...ownStore(blocks), bytes: (cid: AnyCid) => readBlock(ownStore(blocks), cid) }) },
  { kind: 'a store of js-stores', open: () => new ForeignStore(blocks) },
]

describe.each(subjects)('promote on $kind', ({ open }) => {
  const promoted = (): PromotedBlockstore => promote(open(), noOwner)

  it('reads what the store reads', async () => {
    const store = promoted()
    expect(await store.has(one.cid)).toBe(true)
    expect(await store.has(absent.cid)).toBe(false)
    expect(await join(store.get(one.cid))).toBe('one')
    const many = await all(store.getMany([two.cid, one.cid]))
    expect(many.map(({ cid }) => cid)).toEqual([two.cid, one.cid])
    expect(await Promise.all(many.map(({ bytes }) => join(bytes)))).toEqual(['two', 'one'])
    const everything = await all(store.getAll())
    expect((await Promise.all(everything.map(({ bytes }) => join(bytes)))).sort()).toEqual(['one', 'three', 'two'])
  })

  it('says that a missing block is missing, on first iteration', async () => {
    const store = promoted()
    const missing = store.get(absent.cid)
    await expect(missing.next()).rejects.toThrow(BlockNotFoundError)
    const [pair] = await all(store.getMany([absent.cid]))
    await expect(all(pair?.bytes ?? [])).rejects.toEqual(expect.objectContaining({ name: 'NotFoundError', code: 'BLOCKSTORE_NOT_FOUND' }))
  })

  it('takes CIDs of every multiformats major, and binary ones, in every read method', async () => {
    const store = promoted()
    for (const cid of [one.cid, CID13.parse(one.cid.toString()), CID9.parse(one.cid.toString()), one.cid.bytes]) {
      expect(await store.has(cid)).toBe(true)
      expect(await join(store.get(cid))).toBe('one')
      const [pair] = await all(store.getMany([cid]))
      expect(pair?.cid).toEqual(one.cid)
      expect(await join(pair?.bytes ?? [])).toBe('one')
    }
    await expect(store.has('bafy' as unknown as AnyCid)).rejects.toThrow(TypeError)
    await expect(store.get(new Uint8Array(3)).next()).rejects.toThrow(TypeError)
    await expect(store.getMany([new Uint8Array(3)]).next()).rejects.toThrow(TypeError)
  })

  it('refuses every write, and touches no source', async () => {
    const store = promoted()
    await expect(store.put(one.cid, one.bytes)).rejects.toEqual(readOnly('put'))
    await expect(store.delete(one.cid)).rejects.toEqual(readOnly('delete'))
    const source = untouchable()
    const putting = store.putMany(source)
    const deleting = store.deleteMany(source)
    await expect(putting.next()).rejects.toEqual(readOnly('putMany'))
    await expect(deleting.next()).rejects.toEqual(readOnly('deleteMany'))
    expect(source.touched).toBe(0)
    expect(await store.has(one.cid)).toBe(true)
    expect(await join(store.get(one.cid))).toBe('one')
  })

  it('rejects every call once closed', async () => {
    const store = promoted()
    const pending = { get: store.get(one.cid), getMany: store.getMany([one.cid]), getAll: store.getAll() }
    await store.close()
    const source = untouchable()
    await expect(store.has(one.cid)).rejects.toEqual(closed)
    await expect(store.get(one.cid).next()).rejects.toEqual(closed)
    await expect(store.getMany(source).next()).rejects.toEqual(closed)
    await expect(store.getAll().next()).rejects.toEqual(closed)
    await expect(store.put(one.cid, one.bytes)).rejects.toEqual(closed)
    await expect(store.delete(one.cid)).rejects.toEqual(closed)
    await expect(store.putMany(source).next()).rejects.toEqual(closed)
    await expect(store.deleteMany(source).next()).rejects.toEqual(closed)
    for (const iteration of Object.values(pending)) await expect(iteration.next()).rejects.toEqual(closed)
    expect(source.touched).toBe(0)
  })

  it('stops iterations that are under way when it is closed', async () => {
    const store = promoted()
    const many = store.getMany([one.cid, two.cid])
    const everything = store.getAll()
    const pair = (await many.next()).value
    const other = (await everything.next()).value
    await store.close()
    await expect(many.next()).rejects.toEqual(closed)
    await expect(everything.next()).rejects.toEqual(closed)
    await expect(pair?.bytes.next()).rejects.toEqual(closed)
    await expect(other?.bytes.next()).rejects.toEqual(closed)
  })

  it('rejects with the reason of a signal that is aborted', async () => {
    const store = promoted()
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await expect(store.has(one.cid, { signal })).rejects.toBe(reason)
    await expect(store.get(one.cid, { signal }).next()).rejects.toBe(reason)
    await expect(store.getMany(untouchable(), { signal }).next()).rejects.toBe(reason)
    await expect(store.getAll({ signal }).next()).rejects.toBe(reason)
  })

  it('rejects with the reason of a signal that is aborted on the way', async () => {
    const store = promoted()
    const reason = new Error('enough')
    for (const start of [(signal: AbortSignal) => store.getMany([one.cid, two.cid], { signal }), (signal: AbortSignal) => store.getAll({ signal })]) {
      const controller = new AbortController()
      const pairs = start(controller.signal)
      await pairs.next()
      controller.abort(reason)
      await expect(pairs.next()).rejects.toBe(reason)
    }
  })
})

describe('promote', () => {
  it('asks the store for nothing before an iteration begins', async () => {
    const log: string[] = []
    const store = promote(ownStore(blocks, log), noOwner)
    const iterations = [store.get(one.cid), store.getMany([one.cid]), store.getAll()]
    expect(log).toEqual([])
    for (const iteration of iterations) await iteration.next()
    expect(log).toEqual(['get', 'getMany', 'getAll'])
  })

  it('pulls the CIDs of getMany one at a time, and lets go of them when the consumer stops', async () => {
    const log: string[] = []
    async function * source (): AsyncGenerator<AnyCid> {
      try {
        log.push('one')
        yield one.cid
        log.push('two')
        yield two.cid
      } finally {
        log.push('released')
      }
    }
    const store = promote(ownStore(blocks), noOwner)
    for await (const pair of store.getMany(source())) {
      expect(pair.cid).toEqual(one.cid)
      break
    }
    expect(log).toEqual(['one', 'released'])
  })

  it('gives a block that is complete even when it is closed before the iteration ends', async () => {
    const store = promote(ownStore(blocks), noOwner)
    const block = store.get(one.cid)
    expect((await block.next()).value).toEqual(one.bytes)
    await store.close()
    expect(await block.next()).toEqual({ done: true, value: undefined })
  })

  it('hands the options of a caller to the store unchanged', async () => {
    const seen: unknown[] = []
    const inner = ownStore(blocks)
    const store = promote({ ...inner, has: (cid, options) => { seen.push(options); return inner.has(cid) }, getAll: (options) => { seen.push(options); return inner.getAll() } }, noOwner)
    const options = { signal: new AbortController().signal, onProgress: () => {} }
    await store.has(one.cid, options)
    await all(store.getAll(options))
    expect(seen).toEqual([options, options])
    expect(seen[0]).toBe(options)
  })

  it('gives the store\'s failures as they are', async () => {
    const failure = new Error('disk on fire')
    const broken: ReadBlockstore = {
      has: () => { throw failure },
      get: () => { throw failure },
      getMany: () => { throw failure },
      getAll: () => { throw failure },
    }
    const store = promote(broken, noOwner)
    await expect(store.has(one.cid)).rejects.toBe(failure)
    await expect(store.get(one.cid).next()).rejects.toBe(failure)
    await expect(store.getMany([one.cid]).next()).rejects.toBe(failure)
    await expect(store.getAll().next()).rejects.toBe(failure)
  })

  it('offers no power that a full blockstore does not have', () => {
    expect(hasBytes(promote({ ...ownStore(blocks), bytes: async () => one.bytes } as ReadBlockstore, noOwner))).toBe(false)
  })

  describe('close', () => {
    it('closes the owner once, whoever asks and how', async () => {
      const owner = countingOwner()
      const store = promote(ownStore(blocks), owner)
      expect(owner.closed).toBe(0)
      const first = store.close()
      expect(store.close()).toBe(first)
      expect(store[Symbol.asyncDispose]()).toBe(first)
      await first
      await store.close()
      expect(owner.closed).toBe(1)
    })

    it('refuses calls from the moment it is asked, before the owner is closed', async () => {
      let release = (): void => {}
      const store = promote(ownStore(blocks), { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => { release = resolve }) })
      const closing = store.close()
      await expect(store.has(one.cid)).rejects.toEqual(closed)
      release()
      await closing
    })

    it('tells every caller of the owner\'s failure, and stays closed', async () => {
      const failure = new Error('will not close')
      const owner = countingOwner(failure)
      const store = promote(ownStore(blocks), owner)
      const outcomes = await Promise.allSettled([store.close(), store.close(), store[Symbol.asyncDispose]()])
      expect(outcomes).toEqual(Array.from({ length: 3 }, () => ({ status: 'rejected', reason: failure })))
      await expect(store.close()).rejects.toBe(failure)
      await expect(store.has(one.cid)).rejects.toEqual(closed)
      expect(owner.closed).toBe(1)
    })

    it('rejects, and does not throw, when the owner throws at once', async () => {
      const failure = new Error('at once')
      const store = promote(ownStore(blocks), { [Symbol.asyncDispose]: () => { throw failure } })
      await expect(store.close()).rejects.toBe(failure)
      await expect(store.close()).rejects.toBe(failure)
    })
  })
})
