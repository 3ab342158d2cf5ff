/** The shared suite on the two blockstores of a store: a lease's, and the one over all shards. */
import { carV1 } from '@dagstore-tooling/fixtures'
import { IoError } from '@dagstore/io'
import { type ReadBlockstoreSubject, readBlockstoreSuite, type SuiteBlock, type SuiteStore } from '@dagstore/read-blockstore/suite'
import { describe, expect, it } from 'vitest'
import { type Harness, openHarness } from './harness.ts'

const asFixture = ({ cid, bytes }: SuiteBlock) => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data: bytes })
const disposing = (store: object, close: () => Promise<void>): SuiteStore => Object.assign({ ...store }, { [Symbol.asyncDispose]: close }) as unknown as SuiteStore

/** Registers the blocks as `shards` shards, indexed; every second block is in two of them. */
const filled = async (blocks: readonly SuiteBlock[], shards: number): Promise<Harness> => {
  const h = await openHarness()
  for (let shard = 0; shard < shards; shard++) {
    const mine = blocks.filter((_, at) => at % shards === shard || (shards > 1 && at % 2 === 0 && (at + 1) % shards === shard))
    await h.store.register(`s${shard}`, h.sources.put(`s${shard}`, carV1([], mine.map(asFixture), { paddingBytes: 30 })), { indexing: 'eager' })
  }
  return h
}

/** A bit of each block's data changes; the source says that it is the same. */
const damage = (h: Harness, blocks: readonly SuiteBlock[], shards: number): void => {
  for (let shard = 0; shard < shards; shard++) {
    const place = h.sources.place(`s${shard}`)
    const damaged = place.bytes!.slice()
    for (const { bytes } of blocks) {
      const at = Buffer.from(place.bytes!).indexOf(bytes)
      if (at >= 0) damaged[at]! ^= 1
    }
    place.bytes = damaged
  }
}

const broken = (h: Harness, shards: number): void => {
  for (let shard = 0; shard < shards; shard++) h.sources.place(`s${shard}`).before = async (step) => { if (step === 'read') throw new IoError('IO_FAILED', 'disk') }
}

const subject = (shards: number, open: (h: Harness) => Promise<SuiteStore>): ReadBlockstoreSubject => ({
  open: async (blocks) => open(await filled(blocks, shards)),
  openUnreadable: async (blocks) => {
    const h = await filled(blocks, shards)
    const store = await open(h)
    broken(h, shards)
    return store
  },
  openDamaged: async (blocks) => {
    const h = await filled(blocks, shards)
    damage(h, blocks, shards)
    return open(h)
  },
})

readBlockstoreSuite('a lease of dagstore', { describe, it, expect }, subject(1, async (h) => {
  const lease = await h.store.acquire('s0')
  return disposing(lease.blockstore, async () => {
    await lease.close()
    await h.store.close()
  })
}))

readBlockstoreSuite('dagstore over three shards', { describe, it, expect }, subject(3, async (h) => disposing(h.store.blockstore, () => h.store.close())))
