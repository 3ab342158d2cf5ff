/** Opens a CAR that may hold references. */
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { createHashes } from '@dagstore/hashes'
import type { ByteSource, CallOptions } from '@dagstore/io'
import { BlockNotFoundError, createGate } from '@dagstore/read-blockstore'
import { checkRefCar } from './check.ts'
import { listDag } from './listing.ts'
import { createRefBlockstore } from './ref-blockstore.ts'
import type { LeafReference, RefCar, RefCarOptions } from './ref-car.ts'
import { createRefLookup } from './ref-lookup.ts'
import { createLeafFiles } from './referenced-files.ts'

/**
 * Any CARv1 or CARv2, with or without references. Takes over `data` and the index, unless it rejects.
 *
 * @throws {CarV2Error} no CAR, or a damaged one
 * @throws {IoError}
 */
export const openRefCar = async (data: ByteSource, options: RefCarOptions): Promise<RefCar> => {
  const { files: referenced, hashes = createHashes(), index, pages, signal } = options
  // a stored identity CID is a key, whose section tells more than the CID does
  const mount = await openIndexMount({ data, index }, { verify: 'never', identity: 'lotus-2021', pages, signal })
  const gate = createGate()
  const files = createLeafFiles(referenced)
  const { roots } = mount
  const lookup = createRefLookup(mount.blockstore, hashes)
  const blockstore = createRefBlockstore({ roots, sections: mount.blockstore, lookup, files, hashes, gate })

  async function * references ({ signal: given }: CallOptions = {}): AsyncGenerator<LeafReference, void, undefined> {
    gate.check()
    for await (const { cid, stored, reference } of listDag(lookup, roots, { signal: given })) {
      gate.check()
      if (reference !== undefined) yield { cid, ...reference }
      else if (!stored) throw new BlockNotFoundError(cid)
      gate.check()
    }
  }
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => closing ??= (async () => {
    await gate.shut()
    await files.close()
    await mount.close()
  })()
  return {
    roots,
    blockstore,
    storedBytes: data.sizeBytes,
    references,
    check: (call = {}) => gate.pass(() => checkRefCar({ roots, lookup, blockstore, files: referenced }, call)),
    close,
    [Symbol.asyncDispose]: close,
  }
}
