/**
 * A DAG, or a part of it, as a CAR: always of blocks with their bytes, whatever the store reads them from.
 *
 *     version 1  header with the root, then sections depth first, each whole CID once, identity CIDs too: of a whole DAG its payload form
 *     version 2  pragma, header, that, and an index; counted by a walk before the first byte, since the header says where the index is
 */
import { createIndexBuilder, createIndexStreamBuilder, encodeCarV1Header, encodeHeader, encodeVarint, HEADER_BYTES, type IndexSubject, PRAGMA, PRAGMA_BYTES, type ScratchOptions } from '@dagstore/carv2'
import { type BlockGetter, walkDag, walkPath } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import { type CallOptions, joinBytes } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { DagSelector } from './copy.ts'

export interface CarStreamOptions extends CallOptions {
  readonly root: AnyCid
  /** @default 1 */
  readonly version?: 1 | 2 | undefined
  /** Only this part of the DAG; the CAR's root stays the root of the whole. @default all of it */
  readonly selector?: DagSelector | undefined
  readonly hashes: Hashes
  /** 'never': the store hashes what it gives, as all of ours do. @default 'always' */
  readonly verify?: 'always' | 'never' | undefined
  /** Of version 2: where an index goes that is larger than memory. @default held in memory, some 50 bytes for each block */
  readonly scratch?: ScratchOptions['scratch'] | undefined
  /** Blocks asked for before they are needed; 0: one at a time, in the order of the walk. @default 4 */
  readonly lookAhead?: number | undefined
  readonly onProgress?: ((progress: { readonly doneBlocks: number, readonly doneBytes: number, readonly totalBytes: undefined }) => void) | undefined
}

/** What stands before the payload of a version 2. */
export const START_BYTES: number = PRAGMA_BYTES + HEADER_BYTES
const LOOK_AHEAD = 4
const LOOK_AHEAD_BYTES = 8 << 20
/** Sections that are shorter go out together. */
const CHUNK_BYTES = 64 << 10

/**
 * The bytes of the CAR, made as they are consumed. A consumer that stops leaves nothing under way.
 *
 * @throws {DagError} a block does not match its hash or cannot be decoded; the path leads nowhere. The errors of the store pass through,
 *   among them its not-found error. Bytes that came before are no whole CAR
 */
export async function * carStream (store: BlockGetter, options: CarStreamOptions): AsyncGenerator<Uint8Array, void, undefined> {
  if ((options.version ?? 1) === 1) return yield * carPayload(store, options)
  const index = createCarIndex(options)
  for await (const _ of carPayload(store, { ...options, onProgress: undefined }, index));
  const { start, chunks } = await index.finish()
  yield start
  yield * carPayload(store, options)
  yield * chunks()
}

export interface CarIndex {
  add(cid: CID, offset: number, headBytes: number, dataBytes: number): Promise<void> | undefined
  finish(): Promise<{ readonly start: Uint8Array, readonly chunks: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array> }>
}

/** Sections of one payload, in order. */
export const createCarIndex = ({ root, scratch, signal }: CarStreamOptions): CarIndex => {
  const held = createIndexBuilder()
  const spilled = scratch === undefined ? undefined : createIndexStreamBuilder({ scratch })
  const carV1Header = encodeCarV1Header([toCid(root)])
  let payloadEnd = carV1Header.byteLength
  return {
    add: (cid, sectionOffset, headBytes, dataBytes) => {
      payloadEnd = sectionOffset + headBytes + dataBytes
      const section = { cid: cid.bytes, sectionOffset, headBytes, dataBytes }
      if (spilled !== undefined) return spilled.add(section)
      held.add(section)
      return undefined
    },
    finish: async () => {
      const subject: IndexSubject = { payloadStart: START_BYTES, payloadEnd, carV1Header, source: undefined }
      const start = new Uint8Array(START_BYTES)
      start.set(PRAGMA)
      start.set(encodeHeader({ fullyIndexed: true, dataOffset: START_BYTES, dataSize: payloadEnd, indexOffset: START_BYTES + payloadEnd }), PRAGMA_BYTES)
      const index = spilled === undefined ? held.finish(subject) : await spilled.finish(subject)
      return { start, chunks: () => index.encode({ signal }) }
    },
  }
}

/** The CARv1. */
export async function * carPayload (store: BlockGetter, { root, selector, hashes, verify = 'always', lookAhead = LOOK_AHEAD, signal, onProgress }: CarStreamOptions, index?: CarIndex): AsyncGenerator<Uint8Array, void, undefined> {
  const cid = toCid(root)
  const header = encodeCarV1Header([cid])
  const options = { lookAhead, lookAheadBytes: LOOK_AHEAD_BYTES, hashes, verify, identity: 'yield', signal } as const
  let waiting: Uint8Array[] = [header]
  let bytes = header.byteLength
  let at = header.byteLength
  let doneBlocks = 0
  let doneBytes = 0
  for await (const block of selector === undefined ? walkDag(store, cid, options) : walkPath(store, cid, { ...options, ...selector, outside: 'throw' })) {
    const head = headOf(block.cid, block.bytes.byteLength)
    const made = index?.add(block.cid, at, head.byteLength, block.bytes.byteLength)
    if (made !== undefined) await made
    at += head.byteLength + block.bytes.byteLength
    waiting.push(head, block.bytes)
    bytes += head.byteLength + block.bytes.byteLength
    doneBytes += block.bytes.byteLength
    onProgress?.({ doneBlocks: ++doneBlocks, doneBytes, totalBytes: undefined })
    if (bytes < CHUNK_BYTES) continue
    yield * joinedShort(waiting)
    waiting = []
    bytes = 0
  }
  signal?.throwIfAborted()
  yield * joinedShort(waiting)
}

const headOf = (cid: CID, dataBytes: number): Uint8Array => {
  const length = encodeVarint(cid.bytes.byteLength + dataBytes)
  const head = new Uint8Array(length.byteLength + cid.bytes.byteLength)
  head.set(length)
  head.set(cid.bytes, length.byteLength)
  return head
}

/** Long parts as they are, those between them joined. */
function * joinedShort (parts: readonly Uint8Array[]): Generator<Uint8Array, void, undefined> {
  let short: Uint8Array[] = []
  for (const part of parts) {
    if (part.byteLength < CHUNK_BYTES) {
      short.push(part)
      continue
    }
    if (short.length > 0) yield joinBytes(short)
    short = []
    yield part
  }
  if (short.length > 0) yield joinBytes(short)
}
