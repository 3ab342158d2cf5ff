/** The conformance suite of js-stores, whole, on our packages in the places where a full blockstore has two halves. */
import { createMemoryDirectory } from '@dagstore/io'
import { createWritableCar, type WritableCar } from '@dagstore/writable-carv2'
import { interfaceBlockstoreTests } from 'interface-blockstore-tests'
import type { Blockstore } from 'interface-blockstore'
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
