import { describe, expect, it } from 'vitest'
import { type AnyCid, BlockNotFoundError, BlockstoreError, hasBytes, type StoreCallOptions, toCid } from '../src/index.ts'
import { readBlockstoreSuite, type ReadBlockstoreSubject, type SuiteBlock, type SuiteStore } from '../src/suite.ts'
import { failToRead, flipBit, openReferenceStore, type ReferenceStore } from './reference-store.ts'

const sound: ReadBlockstoreSubject = {
  open: async (blocks) => openReferenceStore(blocks),
  openUnreadable: async (blocks) => openReferenceStore(blocks, failToRead),
  openDamaged: async (blocks) => openReferenceStore(blocks, flipBit),
}

/** Run the suite with a test framework of ten lines; the full names of the tests that fail, and of those skipped. */
const run = async (subject: ReadBlockstoreSubject): Promise<{ failed: string[], passed: string[], skipped: string[] }> => {
  const groups: string[] = []
  const tests: { name: string, body: () => Promise<void> }[] = []
  const outcome = { failed: [] as string[], passed: [] as string[], skipped: [] as string[] }
  const fullName = (name: string): string => [...groups, name].join(' > ')
  const api = {
    describe: (name: string, body: () => void) => {
      groups.push(name)
      body()
      groups.pop()
    },
    it: Object.assign((name: string, body: () => Promise<void>) => { tests.push({ name: fullName(name), body }) }, {
      skip: (name: string) => { outcome.skipped.push(fullName(name)) },
    }),
    expect,
  }
  readBlockstoreSuite('subject', api, subject)
  for (const { name, body } of tests) {
    await body().then(() => outcome.passed.push(name), () => outcome.failed.push(name))
  }
  return outcome
}

type Break = (store: ReferenceStore, blocks: readonly SuiteBlock[]) => Partial<ReferenceStore>

/** The reference store with some methods replaced, in every state that the suite asks for. */
const broken = (change: Break): ReadBlockstoreSubject => {
  const replace = (store: ReferenceStore, blocks: readonly SuiteBlock[]): SuiteStore => ({ ...store, ...change(store, blocks) })
  return {
    open: async (blocks) => replace(openReferenceStore(blocks), blocks),
    openUnreadable: async (blocks) => replace(openReferenceStore(blocks, failToRead), blocks),
    openDamaged: async (blocks) => replace(openReferenceStore(blocks, flipBit), blocks),
  }
}

const without = (options: StoreCallOptions | undefined): StoreCallOptions => ({ ...options, signal: new AbortController().signal })
const sameBlock = (a: AnyCid, b: AnyCid): boolean => Buffer.from(toCid(a).multihash.bytes).equals(toCid(b).multihash.bytes)

/** Errors of `call` turned into something else, on iteration. */
async function * translating<T> (items: Iterable<T> | AsyncIterable<T>, translate: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield * items
  } catch (error) {
    throw translate(error)
  }
}

const BROKEN: readonly { what: string, change: Break, fails: RegExp[] }[] = [
  {
    what: 'forgets a block',
    change: (_store, blocks) => openReferenceStore(blocks.length < 20 ? blocks : blocks.slice(0, -1)),
    fails: [/has > answers for every block/, /get > answers for every block/, /getAll > gives every block once/],
  },
  {
    what: 'says that it has everything',
    change: () => ({ has: () => true }),
    fails: [/has > says that a block is not there/, /abort > has/, /closed > has/],
  },
  {
    what: 'swallows aborts',
    change: (store) => ({
      has: (cid, options) => store.has(cid, without(options)),
      get: (cid, options) => store.get(cid, without(options)),
      getMany: (cids, options) => store.getMany(cids, without(options)),
      getAll: (options) => store.getAll(without(options)),
    }),
    fails: ['has', 'get', 'getMany', 'getAll'].map((method) => new RegExp(`abort > ${method} rejects with the reason`))
      .concat(/abort > getMany stops/, /abort > getAll stops/),
  },
  {
    what: 'turns an abort on the way into an absence',
    change: (store) => ({
      get: (cid, options) => translating(store.get(cid, options), (error) => options?.signal?.aborted === true ? new BlockNotFoundError(toCid(cid)) : error),
      has: async (cid, options) => {
        await Promise.resolve()
        return options?.signal?.aborted === true ? false : store.has(cid, options)
      },
    }),
    fails: [/abort > get answers rightly/, /abort > has answers rightly/],
  },
  {
    what: 'gives an error of its own for an abort',
    change: (store) => ({ get: (cid, options) => translating(store.get(cid, options), (error) => options?.signal?.aborted === true ? new Error('The operation was aborted') : error) }),
    fails: [/abort > get rejects with the reason/],
  },
  {
    what: 'returns wrong bytes',
    change: (store) => ({
      get: async function * (cid, options) {
        for await (const chunk of store.get(cid, options)) yield chunk.map((byte) => byte ^ 1)
      },
    }),
    fails: [/get > answers for every block/],
  },
  {
    what: 'returns the bytes of another block',
    change: (store, blocks) => ({ bytes: (cid, options) => store.bytes(blocks.length > 6 && sameBlock(cid, (blocks[0] as SuiteBlock).cid) ? (blocks[1] as SuiteBlock).cid : cid, options) }),
    fails: [/bytes > answers for every block/],
  },
  {
    what: 'gives damaged bytes as they are',
    change: (store, blocks) => ({ get: async function * (cid) { yield await flipBit(blocks.find((block) => sameBlock(block.cid, cid)) as SuiteBlock) } }),
    fails: [/damaged > get gives no byte/],
  },
  {
    what: 'yields two chunks',
    change: (store) => ({
      get: async function * (cid, options) {
        for await (const chunk of store.get(cid, options)) {
          yield chunk.subarray(0, 1)
          yield chunk.subarray(1)
        }
      },
    }),
    fails: [/get > yields exactly one chunk/],
  },
  {
    what: 'yields no chunk for an empty block',
    change: (store) => ({
      get: async function * (cid, options) {
        for await (const chunk of store.get(cid, options)) if (chunk.byteLength > 0) yield chunk
      },
    }),
    fails: [/get > yields exactly one chunk/],
  },
  {
    what: 'turns an I/O error into an absence',
    change: (store) => ({
      get: (cid, options) => translating(store.get(cid, options), (error) => error instanceof BlockstoreError && error.code === 'BLOCKSTORE_UNREADABLE' ? new BlockNotFoundError(toCid(cid)) : error),
    }),
    fails: [/unreadable > get never calls a block absent/],
  },
  {
    what: 'answers that it has nothing when it cannot read',
    change: (store) => ({ has: (cid, options) => store.bytes(cid, options ?? {}).then(() => true, () => false) }),
    fails: [/unreadable > has never calls a block absent/, /closed > has rejects/, /abort > has rejects/],
  },
  {
    what: 'throws at the call of get',
    change: (store) => ({
      get: (cid, options) => {
        if (store.has(cid) !== true) throw new BlockNotFoundError(toCid(cid))
        return store.get(cid, options)
      },
    }),
    fails: [/get > fails on first iteration/],
  },
  {
    what: 'looks whether it is closed at the call only',
    change: (store, blocks) => ({
      getMany: (cids, options) => {
        void store.has(Uint8Array.of(1, 0x55, 0, 0)) // throws when closed
        return openReferenceStore(blocks).getMany(cids, options)
      },
    }),
    fails: [/closed > iterations that began as calls before/],
  },
  {
    what: 'has another name for absence',
    change: (store) => ({
      get: (cid, options) => translating(store.get(cid, options), (error) => error instanceof BlockNotFoundError ? new Error('not found') : error),
    }),
    fails: [/get > says that a block is not there/, /get > fails on first iteration/],
  },
  {
    what: 'compares whole CIDs',
    change: (store, blocks) => ({ has: (cid, options) => store.has(cid, options) === true && blocks.some((block) => block.cid.equals(toCid(cid))) }),
    fails: [/has > finds a block under another codec/],
  },
  {
    what: 'insists on CIDs of its own multiformats',
    change: (store) => ({
      has: (cid, options) => {
        if (cid instanceof Uint8Array || toCid(cid) !== cid) throw new TypeError('not my CID')
        return store.has(cid, options)
      },
    }),
    fails: [/has > takes CIDs of other multiformats majors/],
  },
  {
    what: 'forgets the codec',
    change: (store) => ({
      getAll: async function * (options) {
        for await (const { cid, bytes } of store.getAll(options)) yield { cid: toCid(cid.version === 0 ? cid : Uint8Array.of(1, 0x55, ...cid.multihash.bytes)), bytes }
      },
    }),
    fails: [/getAll > gives the CIDs of the sections/],
  },
  {
    what: 'gives every section of getAll, repeats too',
    change: (store, blocks) => ({
      getAll: async function * (options) {
        yield * store.getAll(options)
        if (blocks.length > 1) yield { cid: (blocks[0] as SuiteBlock).cid, bytes: store.get((blocks[0] as SuiteBlock).cid) }
      },
    }),
    fails: [/getAll > gives a multihash once/, /getAll > gives every block once/],
  },
  {
    what: 'stops getMany at a missing block',
    change: (store) => ({
      getMany: async function * (cids, options) {
        for await (const { cid, bytes } of store.getMany(cids, options)) {
          if (await store.has(cid) !== true) throw new BlockNotFoundError(cid)
          yield { cid, bytes }
        }
      },
    }),
    fails: [/getMany > says that a block is not there when its bytes are read/],
  },
  {
    what: 'takes the whole source of getMany first',
    change: (store) => ({
      getMany: async function * (cids, options) {
        const all: AnyCid[] = []
        for await (const cid of cids) all.push(cid)
        yield * store.getMany(all, options)
      },
    }),
    fails: [/getMany > takes a bounded number/],
  },
  {
    what: 'never lets go of the source of getMany',
    change: (store) => ({
      getMany: async function * (cids, options) {
        const source = Symbol.asyncIterator in cids ? cids[Symbol.asyncIterator]() : cids[Symbol.iterator]()
        for (let item = await source.next(); item.done !== true; item = await source.next()) yield * store.getMany([item.value], options)
      },
    }),
    fails: [/getMany > takes a bounded number/],
  },
  {
    what: 'sorts what getMany is asked for',
    change: (store) => ({
      getMany: async function * (cids, options) {
        const all: AnyCid[] = []
        for await (const cid of cids) if (all.push(cid) > 1000) break
        yield * store.getMany(all.sort((a, b) => toCid(a).toString() < toCid(b).toString() ? -1 : 1), options)
      },
    }),
    fails: [/getMany > keeps the order/],
  },
  {
    what: 'answers when it is closed',
    change: (store, blocks) => ({ ...openReferenceStore(blocks), [Symbol.asyncDispose]: store[Symbol.asyncDispose] }),
    fails: ['has', 'get', 'getMany', 'getAll', 'bytes', 'size', 'bytesAt'].map((method) => new RegExp(`closed > ${method} rejects`)),
  },
  {
    what: 'cannot be closed twice',
    change: () => {
      let closed = false
      return {
        [Symbol.asyncDispose]: async () => {
          if (closed) throw new Error('closed already')
          closed = true
        },
      }
    },
    fails: [/closed > closing twice/],
  },
  {
    what: 'lends its own memory',
    change: (_store, blocks) => openReferenceStore(blocks, async ({ bytes }) => bytes),
    fails: [/bytes > gives memory that belongs to the caller/],
  },
  {
    what: 'cuts ranges at the end of the block',
    change: (store) => ({ bytesAt: async (cid, from, length, options) => (await store.bytes(cid, options)).slice(from, from + length) }),
    fails: [/bytesAt > refuses a range/],
  },
  {
    what: 'counts the CID in the size',
    change: (store) => ({ size: (cid, options) => (store.size(cid, options) as number) + toCid(cid).bytes.byteLength }),
    fails: [/size > is the length of the data alone/, /size > answers for every block/],
  },
]

describe('readBlockstoreSuite', () => {
  it('passes a sound store', async () => {
    const { failed, passed, skipped } = await run(sound)
    expect(failed).toEqual([])
    expect(skipped).toEqual([])
    expect(passed.length).toBeGreaterThan(80)
  })

  it.each(BROKEN)('fails a store that $what', async ({ change, fails }) => {
    const { failed } = await run(broken(change))
    for (const pattern of fails) expect(failed.filter((name) => pattern.test(name)), String(pattern)).not.toEqual([])
  })

  it('skips what the store says it lacks, with the reason in the name', async () => {
    const plain: ReadBlockstoreSubject = {
      open: async (blocks) => {
        const { has, get, getMany, getAll } = openReferenceStore(blocks)
        return { has, get, getMany, getAll }
      },
      lacks: { bytes: 'not ours', sizes: 'not ours', ranges: 'not ours', close: 'nothing to close' },
    }
    const { failed, skipped } = await run(plain)
    expect(failed).toEqual([])
    expect(skipped).toHaveLength(6)
    expect(skipped.some((name) => /[1-9]\d* tests of .*\(ranges\): not ours$/u.test(name))).toBe(true)
    expect(skipped.some((name) => name.endsWith('(verify): no openDamaged given'))).toBe(true)
  })

  it('fails a store that lacks something and does not say so', async () => {
    const { failed } = await run({ open: async (blocks) => {
      const { has, get, getMany, getAll } = openReferenceStore(blocks)
      return { has, get, getMany, getAll }
    } })
    for (const pattern of [/bytes > answers for every block/, /size > answers/, /bytesAt > answers/, /closed > has rejects/]) {
      expect(failed.some((name) => pattern.test(name)), String(pattern)).toBe(true)
    }
  })

  it('refuses a capability that it does not know', async () => {
    await expect(run({ ...sound, lacks: { gteMany: 'a slip of the pen' } })).rejects.toThrow(TypeError)
  })

  it('takes a subject that is an object of a class', async () => {
    class Subject implements ReadBlockstoreSubject {
      readonly opened: ReferenceStore[] = []
      async open (blocks: readonly SuiteBlock[]): Promise<SuiteStore> {
        const store = openReferenceStore(blocks)
        this.opened.push(store)
        return store
      }
    }
    const subject = new Subject()
    expect((await run(subject)).failed).toEqual([])
    expect(subject.opened.every((store) => hasBytes(store))).toBe(true)
    // every store was closed
    const open = await Promise.all(subject.opened.map((store) => store.bytes(Uint8Array.of(1, 0x55, 0, 0)).then(() => true, (error: unknown) => !(error instanceof BlockstoreError))))
    expect(open).not.toContain(true)
  })
})
