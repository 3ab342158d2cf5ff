/** Writes a CAR of references while a tree is built, in one pass. */
import { type Hashes, IDENTITY, SHA2_256 } from '@dagstore/hashes'
import type { CallOptions, WritableFile } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { BlockSink, LeafPlace } from '@dagstore/unixfs-builder'
import { createWritableCar, type FinalizedFacts } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'
import { encodeReferable, isReferable, keyCid } from './reference.ts'

export interface CreateRefCarOptions {
  /** @default createHashes() */
  readonly hashes?: Hashes | undefined
  /**
   * Absolute path of a file of the tree, `/` between parts. `undefined`, or a path that no reference can have: its leaves are stored.
   *
   * @param path - as `LeafPlace` has it
   */
  readonly pathOf: (path: string) => string | undefined
}

export interface RefCarFacts extends FinalizedFacts {
  /** Sections that are references. */
  readonly references: number
  /** Data of the other sections in bytes. */
  readonly denseBytes: number
}

/** A sink for `@dagstore/unixfs-builder`. The file stays open, and whoever opened it closes it. */
export interface RefCarWriter extends BlockSink {
  /**
   * One block after another. Blocks are not hashed again, and those with identity CIDs not stored: their CIDs hold them.
   *
   * @throws as the puts of `@dagstore/writable-carv2`
   */
  put(cid: CID, bytes: Uint8Array, leaf?: LeafPlace): Promise<void>
  /** Index and roots, durable on return; nothing can be put after it. @throws as `finalize` of `@dagstore/writable-carv2` */
  finalize(roots: readonly AnyCid[], options?: CallOptions): Promise<RefCarFacts>
  /** Gives up. What is in the file is of no use. */
  discard(): Promise<void>
}

/**
 * In an empty file. Leaves that are bytes of a file become references under keys of the newer dialect (`sha2-keys`), unless
 * they are no longer than a reference would be; everything else is stored. Equal input gives equal bytes.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_EMPTY`
 * @throws {IoError}
 */
export const createRefCar = async (file: WritableFile, { hashes, pathOf }: CreateRefCarOptions): Promise<RefCarWriter> => {
  const car = await createWritableCar(file, { ...(hashes === undefined ? {} : { hashes }), wholeCid: true, identity: 'lotus-2021', verifyPuts: false, verify: 'never', owns: false })
  const keyHashes = hashes?.has(SHA2_256) === true ? hashes : undefined
  let [references, denseBytes] = [0, 0]
  /** Whether it was not there before. */
  const store = async (cid: CID, bytes: Uint8Array): Promise<boolean> => {
    const before = car.blockCount
    await car.put(cid, bytes)
    return car.blockCount > before
  }
  return {
    keepsBytes: false,
    put: async (cid, bytes, leaf) => {
      if (cid.multihash.code === IDENTITY) return
      const reference = leaf === undefined ? undefined : referenceOf(pathOf(leaf.path), leaf.offset, bytes.byteLength)
      if (reference === undefined || bytes.byteLength <= reference.byteLength) {
        if (await store(cid, bytes)) denseBytes += bytes.byteLength
      } else if (await store(keyCid(cid.multihash.bytes, 'sha2-keys', keyHashes), reference)) {
        references++
      }
    },
    finalize: async (roots, { signal } = {}) => {
      const facts = await car.finalize({ roots: roots.map(toCid), signal })
      await car.close()
      return { ...facts, references, denseBytes }
    },
    discard: () => car.discard(),
  }
}

const referenceOf = (path: string | undefined, offset: number, size: number): Uint8Array | undefined =>
  path === undefined || !isReferable(path) ? undefined : encodeReferable({ path, offset, size })
