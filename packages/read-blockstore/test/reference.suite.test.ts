import { describe, expect, it } from 'vitest'
import { readBlockstoreSuite } from '../src/suite.ts'
import { failToRead, flipBit, openReferenceStore } from './reference-store.ts'

readBlockstoreSuite('the reference store', { describe, it, expect }, {
  open: async (blocks) => openReferenceStore(blocks),
  openUnreadable: async (blocks) => openReferenceStore(blocks, failToRead),
  openDamaged: async (blocks) => openReferenceStore(blocks, flipBit),
})
