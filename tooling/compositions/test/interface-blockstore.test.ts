/** The conformance suite of js-stores, whole, on our packages in the places where a full blockstore has two halves. */
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { type Dagstore, openDagstore } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { createReadThroughBlockstore, type ReadThroughBlockstore } from '@dagstore/helia'
import { createMemoryDirectory } from '@dagstore/io'
import { bytesMount, bytesUrl, createMountRegistry } from '@dagstore/mounts'
import { createWritableCar, type WritableCar } from '@dagstore/writable-carv2'
import { MemoryBlockstore } from 'blockstore-core'
import { interfaceBlockstoreTests } from 'interface-blockstore-tests'
import type { Blockstore } from 'interface-blockstore'
import { MemoryLevel } from 'memory-level'
import { describe } from 'vitest'
import { CarBlockstore } from '../src/car-blockstore.ts'

describe('interface-blockstore-tests: puts to writable-carv2, reads from the promoted carv2-index-mount of its file', () => {
  interfaceBlockstoreTests<CarBlockstore>({
    setup: () => new CarBlockstore(),
    teardown: (store) => store.close(),
  })
})

/** Reads from the file under construction; deletes are refused by it, so they go to the adapter's own book. */
describe('interface-blockstore-tests: puts and reads of writable-carv2 alone, deleting left to the adapter', () => {
  interfaceBlockstoreTests<Blockstore & { car: WritableCar }>({
    setup: async () => {
      const car = await createWritableCar(await createMemoryDirectory().openWritable('store.car', 'new'))
      const book = new CarBlockstore()
      return {
        car,
        put: (cid, bytes, options) => car.put(cid, bytes, options),
        putMany: (source, options) => car.putMany(source, options),
        get: (cid, options) => car.get(cid, options),
        getMany: (source, options) => car.getMany(source, options),
        getAll: (options) => car.getAll(options),
        has: async (cid, options) => !book.isDeleted(cid) && car.has(cid, options),
        delete: (cid, options) => book.delete(cid, options),
        deleteMany: (source, options) => book.deleteMany(source, options),
      }
    },
    teardown: ({ car }) => car.close(),
  })
})

/** Its own blocks are all that it lists and deletes; those of the shard are there all the time. */
describe('interface-blockstore-tests: a store that reads through to a DAG store', () => {
  interfaceBlockstoreTests<ReadThroughBlockstore & { shards: Dagstore }>({
    setup: async () => {
      const shards = await openDagstore({
        db: new MemoryLevel<any, any>({ storeEncoding: 'view' }), files: createMemoryDirectory(), mounts: createMountRegistry([bytesMount()]), hashes: createHashes(),
      })
      await shards.register('shard', bytesUrl(carV1([], makeBlocks(1, 20, { min: 10, max: 100 }))), { indexing: 'eager' })
      return { ...createReadThroughBlockstore(new MemoryBlockstore(), shards.blockstore), shards }
    },
    teardown: ({ shards }) => shards.close(),
  })
})
