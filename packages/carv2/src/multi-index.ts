/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The indices of several CARs in one file.
 *
 *     varint 0x0402
 *     varint number of CARs; CAR* = multihash of the whole CAR | an index of its blocks, standard bytes
 *
 * Digests of the CARs ascend as cardex writes them; in reading, any order is taken.
 *
 * Source: web3.storage "CARv2 MultiIndex"; cardex `multi-index/writer.js`.
 */
import { type ByteSource, type CallOptions, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { CarV2Error } from './errors.ts'
import { readDirectory } from './index-directory.ts'
import type { IndexEntry, IndexView } from './index-view.ts'
import { openIndex, type OpenIndexOptions } from './open-index.ts'
import { createPageCache } from './page-cache.ts'
import { readPlain } from './plain-bytes.ts'
import { encodeVarint, MAX_VARINT_BYTES, readVarint, varintBytes } from './varint.ts'

/** Codec of an index of several CARs. */
export const MULTI_INDEX = 0x0402
/** Codec of a CID whose hash is that of a whole CAR. */
const CAR_CODE = 0x0202
const MAX_CARS = 1 << 16
const MAX_DIGEST_BYTES = 128

export interface MultiIndexPart {
  /** Of the whole CAR, codec `car`. */
  readonly car: CID
  /** Of its blocks; closed with the whole. */
  readonly index: IndexView
}

export interface MultiIndex extends AsyncDisposable {
  /** In the order of the file. */
  readonly parts: readonly MultiIndexPart[]
  /** All places of a block, CAR by CAR; empty proves absence. @throws {CarV2Error} as {@link IndexView.find} */
  find(multihash: Uint8Array, options?: CallOptions): Promise<readonly { readonly car: CID, readonly entry: IndexEntry }[]>
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * Open an index of several CARs. Reads the bucket heads of each, no entries.
 *
 * @throws {CarV2Error} `CARV2_UNKNOWN_INDEX`: another codec. `CARV2_BAD_INDEX`: not well-formed, `offset` from the start of
 *   the file. `CARV2_TOO_LARGE`: more than 65,536 CARs. `IO_*`
 */
export const openMultiIndex = async (source: ByteSource, { pages = createPageCache(), owns = false, signal }: OpenIndexOptions = {}): Promise<MultiIndex> => {
  const parts: MultiIndexPart[] = []
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= Promise.all(parts.map(({ index }) => index.close())).then(() => owns ? source.close() : undefined)
    return closing
  }
  try {
    for await (const { car, at, sizeBytes } of places(source, signal)) {
      parts.push({ car, index: await openIndex(createWindow(source, at, sizeBytes), { pages, signal }) })
    }
  } catch (error) {
    await close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
  return {
    parts,
    find: async (multihash, options) => {
      const found: { readonly car: CID, readonly entry: IndexEntry }[] = []
      for (const { car, index } of parts) for (const entry of await index.find(multihash, options)) found.push({ car, entry })
      return found
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function * places (source: ByteSource, signal: AbortSignal | undefined): AsyncGenerator<{ readonly car: CID, readonly at: number, readonly sizeBytes: number }, void, undefined> {
  const end = source.sizeBytes
  let at = 0
  const bad = (what: string): CarV2Error => new CarV2Error('CARV2_BAD_INDEX', `multi-index: ${what}; at=${at}`, { offset: at })
  const takeVarint = async (what: string): Promise<number> => {
    const length = Math.min(MAX_VARINT_BYTES, end - at)
    const value = readVarint(await readPlain(source, at, length, { signal }), 0, length)
    if (value < 0) throw bad(`no ${what}`)
    at += varintBytes(value)
    return value
  }

  const codec = await takeVarint('codec')
  if (codec !== MULTI_INDEX) throw new CarV2Error('CARV2_UNKNOWN_INDEX', `index codec; want=0x402 got=0x${codec.toString(16)}`, { offset: 0 })
  const count = await takeVarint('number of CARs')
  if (count > MAX_CARS) throw new CarV2Error('CARV2_TOO_LARGE', `multi-index: CARs; max=${MAX_CARS} got=${count}`, { offset: at })
  for (let i = 0; i < count; i++) {
    const code = await takeVarint('hash code of a CAR')
    const digestBytes = await takeVarint('digest length of a CAR')
    if (digestBytes > Math.min(MAX_DIGEST_BYTES, end - at)) throw bad(`digest length of a CAR; max=${Math.min(MAX_DIGEST_BYTES, end - at)} got=${digestBytes}`)
    const car = CID.createV1(CAR_CODE, createMultihash(code, await readPlain(source, at, digestBytes, { signal })))
    at += digestBytes
    const start = at
    const within = (error: unknown): unknown => error instanceof CarV2Error
      ? new CarV2Error(error.code, `multi-index, index ${i} at ${start}: ${error.message}`, { cause: error, offset: start + (error.offset ?? 0) })
      : error
    const { standardBytes } = await readDirectory((from, length) => readPlain(source, start + from, length, { signal }), end - start)
      .catch((error: unknown) => { throw within(error) })
    yield { car, at: start, sizeBytes: standardBytes }
    at = start + standardBytes
  }
}

/**
 * The bytes of an index of several CARs, in the order of the CARs' digests. Each content is iterated once.
 *
 * @param parts - multihash of each whole CAR, and standard index bytes (`encodeStandard`, or an index file without a trailer)
 * @throws {RangeError} more than 65,536 CARs
 */
export function * encodeMultiIndex (parts: Iterable<{ readonly car: Uint8Array, readonly content: Iterable<Uint8Array> }>): Generator<Uint8Array, void, undefined> {
  const sorted = [...parts].map((part) => ({ ...part, digest: digestOf(part.car) })).sort((a, b) => compareBytes(a.digest, b.digest))
  if (sorted.length > MAX_CARS) throw new RangeError(`CARs in one index; max=${MAX_CARS} got=${sorted.length}`)
  yield encodeVarint(MULTI_INDEX)
  yield encodeVarint(sorted.length)
  for (const { car, content } of sorted) {
    yield car
    yield * content
  }
}

/** @throws {TypeError} no multihash */
const digestOf = (multihash: Uint8Array): Uint8Array => {
  const code = readVarint(multihash, 0, multihash.byteLength)
  const from = code < 0 ? multihash.byteLength : varintBytes(code)
  const length = readVarint(multihash, from, multihash.byteLength)
  const at = from + (length < 0 ? 1 : varintBytes(length))
  if (code < 0 || length < 0 || length > MAX_DIGEST_BYTES || at + length !== multihash.byteLength) throw new TypeError('not the multihash of a CAR')
  return multihash.subarray(at)
}

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const shared = Math.min(a.byteLength, b.byteLength)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.byteLength - b.byteLength
}
