/**
 * The payload form of a DAG: the CARv1 that a Filecoin deal is about. Equal DAGs give equal bytes, so a piece CID follows
 * from the root alone.
 *
 *     header  CARv1, exactly one root
 *     blocks  depth first, parents before children, each CID once, identity CIDs as sections of their own
 *
 * Source: go-car `selectivecar.go` with the all-selector, as Lotus computes commP (`node/impl/client/client.go`).
 */
import { CarWriter } from '@ipld/car/writer'
import { blockLength, headerLength } from '@ipld/car/buffer-writer'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import { walkDag } from './walk.ts'
import type { BlockGetter, WalkOptions } from './walk-options.ts'

/** As {@link WalkOptions}; what would change the bytes is not an option. */
export type PayloadOptions = Omit<WalkOptions, 'duplicates' | 'identity' | 'missing' | 'onMissing'>

/**
 * The bytes of the payload form, in chunks of any length, made as they are consumed: at most one block is ahead. Can be
 * consumed once; a consumer that stops leaves nothing behind.
 *
 * @throws what {@link walkDag} throws; bytes given out before that are no valid payload
 */
export async function * payloadForm (store: BlockGetter, root: AnyCid, options: PayloadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const cid = toCid(root)
  const { writer, out } = CarWriter.create([cid])
  const chunks = out[Symbol.asyncIterator]()
  let next = chunks.next()
  // A write settles when its last chunk was taken, and without a consumer never does. So both are held by this one
  // function: it writes a block, hands its chunks on, and goes back to the walk only after the last of them.
  const drain = async function * (written: Promise<void>): AsyncGenerator<Uint8Array, void, undefined> {
    const end = written.then(() => undefined)
    for (let chunk = await Promise.race([next, end]); chunk !== undefined && chunk.done !== true; chunk = await Promise.race([next, end])) {
      next = chunks.next()
      yield chunk.value
    }
  }
  for await (const block of walkDag(store, cid, { ...options, duplicates: false, identity: 'yield', missing: 'throw' })) {
    yield * drain(writer.put(block))
  }
  yield * drain(writer.close())
}

/**
 * Length of the payload form in bytes, and its number of blocks: a whole walk, without writing.
 *
 * @throws what {@link walkDag} throws
 */
export const payloadSize = async (store: BlockGetter, root: AnyCid, options: PayloadOptions = {}): Promise<{ readonly bytes: number, readonly blocks: number }> => {
  const cid = toCid(root)
  let bytes = headerLength({ roots: [cid] })
  let blocks = 0
  for await (const block of walkDag(store, cid, { ...options, duplicates: false, identity: 'yield', missing: 'throw' })) {
    bytes += blockLength(block)
    blocks++
  }
  return { bytes, blocks }
}
