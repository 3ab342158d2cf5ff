import { type Block, carV1, carV2 } from '@dagstore-tooling/fixtures'
import { type ReadBlockstoreSubject, readBlockstoreSuite } from '@dagstore/read-blockstore/suite'
import { describe, expect, it } from 'vitest'
import { openIndexMount, type MountOptions, type MountParts } from '../src/index.ts'
import { asBlock, broken, indexOf, testSource, type TestSource } from './cars.ts'
import type { ByteSource } from '@dagstore/io'

/** The suite on mounts of CARs that `make` writes; what `index` gives is handed to the mount. */
const subject = (origin: string, make: (blocks: readonly Block[]) => Uint8Array, options: MountOptions = {}, index?: (car: Uint8Array, source: ByteSource) => Promise<MountParts['index']>): ReadBlockstoreSubject => {
  const open = async (blocks: readonly Block[], source: TestSource, bytes: Uint8Array): ReturnType<ReadBlockstoreSubject['open']> => {
    const mount = await openIndexMount({ data: source, index: await index?.(bytes, source) }, options)
    expect(mount.indexOrigin).toBe(origin)
    return Object.assign(Object.create(mount.blockstore) as typeof mount.blockstore, { ...mount.blockstore, [Symbol.asyncDispose]: () => mount.close() })
  }
  return {
    open: async (blocks) => {
      const bytes = make(blocks.map(asBlock))
      return open(blocks.map(asBlock), testSource(bytes), bytes)
    },
    openUnreadable: async (blocks) => {
      const bytes = make(blocks.map(asBlock))
      const source = testSource(bytes)
      const store = await open(blocks.map(asBlock), source, bytes)
      source.failure = broken
      return store
    },
    openDamaged: async (blocks) => {
      const bytes = make(blocks.map(asBlock))
      const damaged = bytes.slice()
      for (const block of blocks) damaged[Buffer.from(bytes).indexOf(block.bytes)]! ^= 1
      const source = testSource(damaged, { identity: { kind: 'content', cid: 'x', sizeBytes: bytes.byteLength } })
      return open(blocks.map(asBlock), source, damaged)
    },
  }
}
const v1 = (blocks: readonly Block[]): Uint8Array => carV1([], blocks, { paddingBytes: 100 })

readBlockstoreSuite('carv2-index-mount of a CARv1, index built', { describe, it, expect }, subject('built', v1))

readBlockstoreSuite('carv2-index-mount of a CARv2 with the index of another tool', { describe, it, expect },
  subject('attached', (blocks) => carV2({ roots: [], blocks, identityCids: 'excluded', payloadPadding: 20 })))

readBlockstoreSuite('carv2-index-mount of a CARv2 with an index by digest alone', { describe, it, expect },
  subject('attached', (blocks) => carV2({ roots: [], blocks, index: 0x0400 })))

readBlockstoreSuite('carv2-index-mount of a CARv1 with our index file', { describe, it, expect },
  subject('given', v1, {}, async (bytes, { identity }) => testSource(await indexOf(bytes, identity))))

readBlockstoreSuite('carv2-index-mount of a CARv1 whose foreign index is believed', { describe, it, expect },
  subject('attached', (blocks) => carV2({ roots: [], blocks }), { indexTrust: 'use' }))

readBlockstoreSuite('carv2-index-mount that reads ahead', { describe, it, expect },
  subject('given', v1, { readAheadBytes: 1 << 16 }, async (bytes, { identity }) => testSource(await indexOf(bytes, identity))))
