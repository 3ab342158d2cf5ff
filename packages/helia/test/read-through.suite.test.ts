/** The shared suite on reads that go through to shards; `getAll`, which lists the own store by design, is that of the shards here. */
import { IoError } from '@dagstore/io'
import { readBlockstoreSuite, type SuiteBlock, type SuiteStore } from '@dagstore/read-blockstore/suite'
import { describe, expect, it } from 'vitest'
import { createReadThroughBlockstore } from '../src/index.ts'
import { openShards, OwnStore, Shelf } from './stores.ts'

/** Every second block is in two shards. */
const throughTo = async (blocks: readonly SuiteBlock[], shelf?: Shelf): Promise<SuiteStore> => {
  const shards = await openShards([blocks.filter((_, at) => at % 2 === 0), blocks], shelf)
  return {
    ...createReadThroughBlockstore(new OwnStore(), shards.blockstore),
    getAll: (options) => shards.blockstore.getAll(options),
    [Symbol.asyncDispose]: () => shards.close(),
  }
}

readBlockstoreSuite('read-through', { describe, it, expect }, {
  open: throughTo,
  openUnreadable: async (blocks) => {
    const shelf = new Shelf()
    const store = await throughTo(blocks, shelf)
    shelf.failure = new IoError('IO_FAILED', 'disk')
    return store
  },
  openDamaged: async (blocks) => {
    const shelf = new Shelf()
    const store = await throughTo(blocks, shelf)
    for (const [name, car] of shelf.cars) {
      for (const { bytes } of blocks) {
        const at = Buffer.from(car).indexOf(bytes)
        if (at >= 0) car[at]! ^= 1
      }
      shelf.cars.set(name, car)
    }
    return store
  },
  lacks: {
    close: 'what the own store has is there for as long as that store is',
    bytes: 'a full blockstore has no such method',
    sizes: 'a full blockstore has no such method',
    ranges: 'a full blockstore has no such method',
  },
})
