import { type Block, carV1, carV2, concat } from '@dagstore-tooling/fixtures'
import { type ReadBlockstoreSubject, readBlockstoreSuite, type SuiteBlock, type SuiteStore } from '@dagstore/read-blockstore/suite'
import { type ByteSource, createBytesSource, IoError } from '@dagstore/io'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { type Dialect, encodeReference, keyCid, openRefCar, type ReferencedFiles } from '../src/index.ts'
import { hashes, memoryFiles } from './files.ts'

const open = async (data: ByteSource, files: ReferencedFiles): Promise<SuiteStore> => {
  const car = await openRefCar(data, { files, hashes })
  return Object.assign(Object.create(car.blockstore) as typeof car.blockstore, { ...car.blockstore, [Symbol.asyncDispose]: () => car.close() })
}
const asBlock = ({ cid, bytes }: SuiteBlock): Block => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data: bytes })

const dense = (make: (blocks: readonly Block[]) => Uint8Array): ReadBlockstoreSubject => ({
  open: async (blocks) => open(createBytesSource(make(blocks.map(asBlock))), memoryFiles()),
  openUnreadable: async (blocks) => {
    const inner = createBytesSource(make(blocks.map(asBlock)))
    let fails = false
    const store = await open({
      ...inner,
      peek: () => undefined,
      read: async (at, length, call) => {
        if (fails) throw new IoError('IO_FAILED', 'the disk is broken')
        return inner.read(at, length, call)
      },
    }, memoryFiles())
    fails = true
    return store
  },
  openDamaged: async (blocks) => {
    const bytes = make(blocks.map(asBlock))
    const damaged = bytes.slice()
    for (const block of blocks) damaged[Buffer.from(bytes).indexOf(block.bytes)]! ^= 1
    return open(createBytesSource(damaged), memoryFiles())
  },
})

readBlockstoreSuite('a CARv1 without references, opened as one that may have them', { describe, it, expect }, dense((blocks) => carV1([], blocks)))
readBlockstoreSuite('a CARv2 without references, opened as one that may have them', { describe, it, expect }, dense((blocks) => carV2({ roots: [], blocks, index: 0x0400 })))

/** Every block of the suite as a reference into one file, named by the roots. */
const references = (dialectOf: (at: number) => Dialect, index: 0x0400 | 0x0401): ReadBlockstoreSubject => ({
  open: async (blocks) => {
    const content = concat(blocks.map(({ bytes }) => bytes))
    let at = 0
    const sections = new Map<string, Block>()
    blocks.forEach(({ cid, bytes }, i) => {
      const key = cid.multihash.code === 0 ? cid : keyCid(cid.multihash.bytes, dialectOf(i))
      const data = cid.multihash.code === 0 ? bytes : encodeReference({ path: '/data/all', offset: at, size: bytes.byteLength })
      sections.set(key.toString(), { cid: key.bytes, multihash: create(key.multihash.code, key.multihash.digest).bytes, data })
      at += bytes.byteLength
    })
    return open(createBytesSource(carV2({ roots: blocks.map(({ cid }) => cid.bytes), blocks: [...sections.values()], index })), memoryFiles({ '/data/all': content }))
  },
  lacks: { verify: 'a file that has changed has a code of its own', unreadable: 'a file that can not be read has a code of its own' },
})

readBlockstoreSuite('references under sha2-256 keys', { describe, it, expect }, references(() => 'sha2-keys', 0x0401))
readBlockstoreSuite('references under identity keys', { describe, it, expect }, references(() => 'identity-keys', 0x0400))
readBlockstoreSuite('references of both dialects', { describe, it, expect }, references((at) => at % 2 === 0 ? 'sha2-keys' : 'identity-keys', 0x0401))
