import { readBlockstoreSuite } from '@dagstore/read-blockstore/suite'
import { describe, expect, it } from 'vitest'
import { promote } from '../src/index.ts'
import { ownStore } from './stores.ts'

const owner: AsyncDisposable = { [Symbol.asyncDispose]: async () => {} }

readBlockstoreSuite('promote', { describe, it, expect }, {
  open: async (blocks) => promote(ownStore(blocks), owner),
  openUnreadable: async (blocks) => promote(ownStore(blocks, [], 'BLOCKSTORE_UNREADABLE'), owner),
  openDamaged: async (blocks) => promote(ownStore(blocks, [], 'BLOCKSTORE_HASH_MISMATCH'), owner),
  lacks: {
    bytes: 'a full blockstore has no such method',
    sizes: 'a full blockstore has no such method',
    ranges: 'a full blockstore has no such method',
  },
})
