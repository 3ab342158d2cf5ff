import { carV1, makeBlock } from '@dagstore-tooling/fixtures'
import { readBlockstoreSuite } from '@dagstore/read-blockstore/suite'
import { MemoryBlockstore } from 'blockstore-core'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { fromNode, type IpfsNode } from '../src/index.ts'
import { block, codeOf, collect, text } from './blocks.ts'

/** A blockstore that remembers the options of its calls, and pins as Helia keeps them. */
const nodeOf = (): { readonly node: IpfsNode, readonly store: MemoryBlockstore, readonly asked: unknown[], readonly pins: Set<string> } => {
  const store = new MemoryBlockstore()
  const asked: unknown[] = []
  const pins = new Set<string>()
  const remember = (what: string, options: object | undefined): void => { asked.push([what, (options as { readonly offline?: boolean } | undefined)?.offline]) }
  return {
    store,
    asked,
    pins,
    node: {
      blockstore: {
        has: (cid, options) => { remember('has', options); return store.has(cid, options) },
        get: (cid, options) => { remember('get', options); return store.get(cid, options) },
        getAll: (options) => store.getAll(options),
        put: (cid, bytes, options) => { remember('put', options); return store.put(cid, bytes, options) },
      },
      pins: {
        add: async function * (cid: CID, options) { remember('add', options); pins.add(cid.toString()); yield cid },
        rm: async (cid: CID) => { if (!pins.delete(cid.toString())) throw new Error('not pinned') },
      },
    },
  }
}
const { cid, bytes } = block('hello')

readBlockstoreSuite('ipfs-blockstore of a node in this process', { describe, it, expect }, {
  open: async (blocks) => {
    const { node, store } = nodeOf()
    for (const each of blocks) store.put(each.cid, each.bytes)
    return fromNode(node)
  },
  openDamaged: async (blocks) => {
    const { node, store } = nodeOf()
    for (const each of blocks) store.put(each.cid, each.bytes.map((byte, at) => at === 0 ? byte ^ 1 : byte))
    return fromNode(node)
  },
  openUnreadable: async () => {
    const fail = (): never => { throw new Error('broken disk') }
    return fromNode({ blockstore: { has: fail, get: fail, getAll: fail, put: fail } })
  },
  lacks: {
    ranges: 'whole blocks only',
    codecs: 'such blockstores know multihashes alone',
    identity: 'is the matter of the node',
  },
})

describe('a node in this process', () => {
  it('is asked offline unless told otherwise, and always for presence', async () => {
    const { node, store, asked } = nodeOf()
    store.put(cid, bytes)
    for (const online of [false, true]) {
      await using ipfs = fromNode(node, { online })
      expect(text(await ipfs.bytes(cid))).toBe('hello')
      expect(await ipfs.has(cid)).toBe(true)
      await ipfs.pin(cid)
    }
    // a pin that asks nobody begins only with a block that is there
    expect(asked).toEqual([['get', true], ['has', true], ['has', true], ['add', true], ['get', false], ['has', true], ['add', false]])
    await using offline = fromNode(node)
    expect(await codeOf(() => offline.pin(block('not there').cid))).toBe('IPFS_REFUSED')
    expect(asked.slice(-1)).toEqual([['has', true]])
  })

  it('lacks a block where Helia says that it was not to look for it', async () => {
    const offline = Object.assign(new Error('not here'), { name: 'BlockNotFoundWhileOfflineError' })
    const { node } = nodeOf()
    const get = (): never => { throw offline }
    await using ipfs = fromNode({ blockstore: { ...node.blockstore, get } })
    expect(await codeOf(() => ipfs.bytes(cid))).toBe('BLOCKSTORE_NOT_FOUND')
  })

  it('takes blocks that are what their CIDs say, and CARs, and pins', async () => {
    const { node, store, pins } = nodeOf()
    await using ipfs = fromNode(node, { name: 'helia' })
    expect(await codeOf(() => ipfs.put(cid, block('other').bytes))).toBe('BLOCKSTORE_HASH_MISMATCH')
    expect(await collect(ipfs.putMany([{ cid, bytes }]))).toEqual([cid])
    const blocks = [1, 2, 3].map((i) => makeBlock(new Uint8Array(100).fill(i)))
    const roots = await ipfs.importCar((async function * () { yield carV1([blocks[0]!.cid], blocks) })(), { pinRoots: true })
    await ipfs.flush()
    expect((await collect(store.getAll())).length).toBe(4)
    expect([...pins]).toEqual(roots.map(String))
    await ipfs.unpin(roots[0]!)
    expect(pins.size).toBe(0)
    expect(await codeOf(() => ipfs.unpin(roots[0]!))).toBe('IPFS_REFUSED')
    await using without = fromNode({ blockstore: node.blockstore })
    expect(await codeOf(() => without.pin(cid))).toBe('IPFS_REFUSED')
  })

  it('says so when a write fails', async () => {
    const { node } = nodeOf()
    await using ipfs = fromNode({ blockstore: { ...node.blockstore, put: () => { throw new Error('disk full') } } })
    expect(await codeOf(() => ipfs.put(cid, bytes))).toBe('IPFS_REFUSED')
  })
})
