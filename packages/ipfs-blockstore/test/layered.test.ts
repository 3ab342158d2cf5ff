import { BlockNotFoundError, BlockstoreError, type ReadBlockstore } from '@dagstore/read-blockstore'
import { readBlockstoreSuite } from '@dagstore/read-blockstore/suite'
import { MemoryBlockstore } from 'blockstore-core'
import { describe, expect, it } from 'vitest'
import { fromNode, layered } from '../src/index.ts'
import { block, codeOf, collect, text, type TestBlock } from './blocks.ts'

const memory = (...blocks: readonly TestBlock[]): MemoryBlockstore => {
  const store = new MemoryBlockstore()
  for (const { cid, bytes } of blocks) store.put(cid, bytes)
  return store
}
const failing = (error: Error): ReadBlockstore => {
  const fail = (): never => { throw error }
  return { has: fail, get: fail, getMany: fail, getAll: fail }
}
const broken = new BlockstoreError('BLOCKSTORE_UNREADABLE', 'broken')
const [a, b, c] = [block('a'), block('b'), block('c')] as const

readBlockstoreSuite('layered over two stores', { describe, it, expect }, {
  open: async (blocks) => {
    const inline = (block: TestBlock): boolean => block.cid.multihash.code === 0
    const rest = blocks.filter((each) => !inline(each))
    return layered([fromNode({ blockstore: memory(...rest.slice(0, 1)) }), fromNode({ blockstore: memory(...rest.slice(1)) })])
  },
  lacks: {
    close: 'the caller closes the stores',
    ranges: 'whole blocks only',
    codecs: 'the stores beneath know multihashes alone',
    identity: 'is the matter of the stores beneath',
  },
})

describe('layers', () => {
  it('are asked in their order, each only for what those before lack', async () => {
    const asked: string[] = []
    const named = (name: string, store: MemoryBlockstore): ReadBlockstore => ({
      has: (cid) => store.has(cid as typeof a.cid),
      get: (cid) => { asked.push(name); return store.get(cid as typeof a.cid) },
      getMany: () => { throw new Error('not asked') },
      getAll: () => store.getAll(),
    })
    const store = layered([named('first', memory(a)), named('second', memory(a, b))])
    expect(text(await store.bytes(a.cid))).toBe('a')
    expect(asked).toEqual(['first'])
    expect(text(await store.bytes(b.cid))).toBe('b')
    expect(asked).toEqual(['first', 'first', 'second'])
    expect(await store.size(b.cid)).toBe(1)
    expect([await store.has(b.cid), await store.has(c.cid), await codeOf(() => store.bytes(c.cid))]).toEqual([true, false, 'BLOCKSTORE_NOT_FOUND'])
  })

  it('that fail are passed over when a later one has the block; else the first failure is told, and no absence', async () => {
    const store = layered([failing(broken), memory(a), failing(new Error('second'))])
    expect(text(await store.bytes(a.cid))).toBe('a')
    expect(await store.has(a.cid)).toBe(true)
    await expect(store.bytes(b.cid)).rejects.toBe(broken)
    await expect(store.has(b.cid)).rejects.toBe(broken)
    await expect(store.size(b.cid)).rejects.toBe(broken)
  })

  it('add up what is not indexed yet when none has the block', async () => {
    const store = layered([failing(new BlockNotFoundError(a.cid, { unindexedShards: 2 })), memory(), failing(new BlockNotFoundError(a.cid, { unindexedShards: 3 }))])
    await expect(store.bytes(a.cid)).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 5 })
    expect(await codeOf(() => layered([]).bytes(a.cid))).toBe('BLOCKSTORE_NOT_FOUND')
  })

  it('are listed without saying a block twice', async () => {
    const listed = await collect(layered([memory(a, b), memory(b, c)]).getAll())
    expect(listed.map(({ cid }) => cid.toString()).sort()).toEqual([a, b, c].map(({ cid }) => cid.toString()).sort())
  })

  it('are left at once by an abort, which is no failure of a store', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const aborting: ReadBlockstore = { ...failing(broken), get: () => { controller.abort(reason); throw broken } }
    await expect(layered([aborting, memory(a)]).bytes(a.cid, { signal: controller.signal })).rejects.toBe(reason)
  })
})
