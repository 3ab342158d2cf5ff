/** A DAG as the one stream of bytes that a deal is about, from any place in it. */
import { encodeCarV1Header } from '@dagstore/carv2'
import { type BlockGetter, walkDag } from '@dagstore/dag'
import { createHashes, type Hashes } from '@dagstore/hashes'
import type { CallOptions, Retry } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { TransferError } from './errors.ts'
import { joined, sectionBytes, writeSection } from './section-bytes.ts'
import { createSkippingStore } from './skipping-store.ts'

export interface StreamOptions extends CallOptions {
  /** Where to end, in bytes from the start of the payload. @default its end */
  readonly to?: number | undefined
}

export interface PayloadSource {
  readonly root: CID
  /** Length of the whole payload, its header included. */
  readonly sizeBytes: number
  /** Names these bytes and no others: a piece CID where one is known, else root and size. */
  readonly tag: string
  /**
   * The payload's bytes from `from` on. Each chunk ends where a section does, but the last one when `to` says otherwise. Raw leaves
   * before `from` are not read where the store has `size`. A consumer that stops leaves nothing under way.
   *
   * @throws {RangeError} `from` or `to` is outside of the payload
   * @throws {TransferError} `TRANSFER_SOURCE_FAILED`: a block cannot be had, or the payload is of another length; `cause` where there is one
   */
  stream(from: number, options?: StreamOptions): AsyncGenerator<Uint8Array, void, undefined>
}

export interface PayloadSourceOptions extends CallOptions {
  /** Where it is known. @default counted by a walk that reads what has links */
  readonly sizeBytes?: number | undefined
  /** Printable ASCII without quotes. @default root and size */
  readonly tag?: string | undefined
  /** @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** `never`: for a store that has verified already. @default 'always' */
  readonly verify?: 'always' | 'never' | undefined
  /** As of `walkDag`. @default 4 */
  readonly lookAhead?: number | undefined
}

/** Sections shorter than this go out together. */
const CHUNK_BYTES = 64 << 10
const LOOK_AHEAD_BYTES = 8 << 20

interface Parts {
  readonly store: BlockGetter
  readonly root: CID
  readonly hashes: Hashes | undefined
  readonly lookAhead: number
}

/**
 * The payload form of a DAG, to be sent.
 *
 * @throws {TransferError} `TRANSFER_SOURCE_FAILED`: it cannot be walked, and so not be counted
 * @throws {TypeError} `root` is no CID, or `tag` cannot stand in a header
 */
export const payloadSource = async (store: BlockGetter, root: AnyCid, options: PayloadSourceOptions = {}): Promise<PayloadSource> => {
  const { hashes = createHashes(), verify = 'always', lookAhead = 4, signal } = options
  const parts: Parts = { store, root: toCid(root), hashes: verify === 'never' ? undefined : hashes, lookAhead }
  const sizeBytes = options.sizeBytes ?? await count(parts, signal)
  const tag = options.tag ?? `${parts.root.toString()}-${sizeBytes}`
  if (!/^[!#-~]{1,200}$/.test(tag)) throw new TypeError('tag; want=printable ASCII without quotes')
  const check = (name: string, value: number): void => {
    if (!Number.isSafeInteger(value) || value < 0 || value > sizeBytes) throw new RangeError(`${name}; min=0 max=${sizeBytes} got=${value}`)
  }
  return {
    root: parts.root,
    sizeBytes,
    tag,
    stream: (from, { to = sizeBytes, signal: leaving } = {}) => {
      check('from', from)
      check('to', to)
      return bytesOf(parts, sizeBytes, from, to, leaving)
    },
  }
}

/** Its length, and nothing of it. */
const count = async (parts: Parts, signal: AbortSignal | undefined): Promise<number> => {
  let bytes = encodeCarV1Header([parts.root]).byteLength
  for await (const { end } of sectionsOf(parts, Infinity, signal)) bytes = end
  return bytes
}

interface PlacedSection {
  readonly cid: CID
  readonly end: number
  readonly start: number
  /** `undefined`: it ends before what is wanted. */
  readonly data: Uint8Array | undefined
}

async function * sectionsOf ({ store, root, hashes, lookAhead }: Parts, from: number, signal: AbortSignal | undefined): AsyncGenerator<PlacedSection, void, undefined> {
  const skipping = createSkippingStore(store, hashes)
  let start = encodeCarV1Header([root]).byteLength
  if (start >= from) skipping.stopSkipping()
  try {
    for await (const { cid, bytes } of walkDag(skipping, root, { identity: 'yield', verify: 'never', lookAhead, lookAheadBytes: LOOK_AHEAD_BYTES, signal })) {
      const skipped = skipping.skippedBytes(bytes)
      const end = start + sectionBytes(cid, skipped ?? bytes.byteLength)
      if (end >= from) skipping.stopSkipping()
      yield { cid, start, end, data: end <= from ? undefined : skipped === undefined ? bytes : await skipping.read(cid, { signal }) }
      start = end
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw new TransferError('TRANSFER_SOURCE_FAILED', `the DAG to be sent cannot be read; at=${start} cause=${codeOf(cause)}`, { cause, retry: retryOf(cause) })
  }
}

async function * bytesOf (parts: Parts, sizeBytes: number, from: number, to: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted()
  if (from >= to) return
  const header = encodeCarV1Header([parts.root])
  let waiting: Uint8Array[] = []
  let bytes = 0
  let at = header.byteLength
  const add = (part: Uint8Array, start: number): void => {
    const wanted = part.subarray(Math.max(0, from - start), Math.max(0, to - start))
    if (wanted.byteLength > 0) waiting.push(wanted)
    bytes += wanted.byteLength
  }
  const flush = (): Uint8Array => {
    const chunk = joined(waiting, bytes)
    waiting = []
    bytes = 0
    return chunk
  }
  add(header, 0)
  if (at < to) {
    for await (const { cid, start, end, data } of sectionsOf(parts, from, signal)) {
      if (end > sizeBytes) throw new TransferError('TRANSFER_SOURCE_FAILED', `the DAG is longer than was said; said=${sizeBytes}`)
      at = end
      if (data === undefined) continue
      const section = writeSection(cid, data)
      if (section.byteLength !== end - start) throw new TransferError('TRANSFER_SOURCE_FAILED', `a block is not as long as the store said; cid=${cid.toString()}`)
      add(section, start)
      if (bytes >= CHUNK_BYTES || at >= to) yield flush()
      if (at >= to) break
    }
  }
  if (at < to) throw new TransferError('TRANSFER_SOURCE_FAILED', `the DAG is shorter than was said; said=${sizeBytes} got=${at}`)
  if (bytes > 0) yield flush()
}

/** What the store says of itself. */
const retryOf = (error: unknown): Retry => error instanceof Error && 'retry' in error && error.retry === 'later' ? 'later' : 'never'

const codeOf = (error: unknown): string => error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
