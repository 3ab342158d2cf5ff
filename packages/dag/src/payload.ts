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
export type PayloadOptions = Omit<WalkOptions, 'duplicates' | 'identity' | 'missing' | 'onMissing' | 'unknownCodec' | 'onUnknownCodec'>

/**
 * The bytes of the payload form, in chunks of one block or less (the first with the header), made as they are consumed. Can be
 * consumed once; a consumer that stops leaves nothing behind.
 *
 * @throws what {@link walkDag} throws; bytes given out before that are no valid payload
 */
export async function * payloadForm (store: BlockGetter, root: AnyCid, options: PayloadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const cid = toCid(root)
  const { writer, out } = CarWriter.create([cid])
  const chunks = out[Symbol.asyncIterator]()
  // A write settles when its last chunk was taken, and without a consumer never does. So both are held by this one
  // function: it writes a block, takes as many bytes as its section has, and only then goes back to the walk.
  let before = await take(chunks, headerLength({ roots: [cid] }))
  for await (const block of walkDag(store, cid, { ...options, duplicates: false, identity: 'yield', missing: 'throw', unknownCodec: 'throw' })) {
    const written = writer.put(block)
    const parts = [...before, ...await take(chunks, blockLength(block))]
    await written
    before = []
    // many small chunks cost more than copying them
    if (block.bytes.byteLength <= COPIED_BYTES) yield joined(parts)
    else yield * [joined(parts.slice(0, -1)), block.bytes]
  }
}

const COPIED_BYTES = 64 << 10

const take = async (chunks: AsyncIterator<Uint8Array>, length: number): Promise<Uint8Array[]> => {
  const parts: Uint8Array[] = []
  for (let taken = 0; taken < length;) {
    const { value, done } = await chunks.next()
    if (done === true) throw new Error(`writer ended early; want=${length} got=${taken}`)
    parts.push(value)
    taken += value.byteLength
  }
  return parts
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
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
  for await (const block of walkDag(store, cid, { ...options, duplicates: false, identity: 'yield', missing: 'throw', unknownCodec: 'throw' })) {
    bytes += blockLength(block)
    blocks++
  }
  return { bytes, blocks }
}
