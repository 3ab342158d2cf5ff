/**
 * What blocks of many CARs are found by, in one object:
 *
 *     index   a CARv2 index with the trailer of @dagstore/carv2, of all CARs as if they were one
 *     list    JSON: { "version": 1, "cars": [{ "key": "a.car", "sizeBytes": 1234, "from": 59, "to": 1234 }, …] }
 *     u32     length of the list in bytes, little-endian
 *     8       'dagcars1'
 *
 * All CARs as if they were one: a CARv1 header without roots, then the sections [from, to) of each, in the order of the list;
 * no header of theirs, so that it is a CARv1 throughout. As its source the index names the sha2-256 of the list, in hexadecimal.
 */
import { type CarLayout, createPageCache, encodeCarV1Header, openIndex, type PageCache, type PageSpace } from '@dagstore/carv2'
import { type IndexMount, openIndexMount } from '@dagstore/carv2-index-mount'
import type { Hashes } from '@dagstore/hashes'
import { type ByteSource, compareIdentity, createBytesSource, createConcatSource, createWindow } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import { createCachedSource, keepEnd } from './cached-source.ts'
import type { Objects, Version } from './objects.ts'

interface Car {
  readonly key: string
  readonly sizeBytes: number
  readonly from: number
  readonly to: number
}

/** As it was found: no more than bytes, for any number of requests. */
export interface Collection {
  readonly key: string
  readonly version: Version
  readonly cars: readonly Car[]
  /** Of the header and of the sections of each CAR. */
  readonly sizes: readonly number[]
  /** Of all of them together. */
  readonly sizeBytes: number
  /** Names the list. */
  readonly tag: string
  readonly indexBytes: number
  /** Those of the object that are at hand. */
  readonly chunks: PageSpace
}

const MAGIC = 'dagcars1'
const TAIL_BYTES = 4 + MAGIC.length
/** Brought by the first request: the list of some thousand CARs, and of the index what it has to be opened by. */
const END_BYTES = 1 << 18
const MAX_LIST_BYTES = 32 << 20
const SHA2_256 = 0x12
const HEADER = encodeCarV1Header([])
/** Pages of the index that one request looks at. */
const PAGES_BYTES = 4 << 20
/** Reads of a CAR that is not open yet. */
const REMOTE = { kind: 'remote', seekBytes: 1 << 18 } as const

/**
 * One request, or two for a very long list. What comes is kept in `cache`.
 *
 * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`, with its cause
 */
export const readCollection = (objects: Objects, key: string, hashes: Hashes, cache: PageCache): Promise<Collection> => readable(async () => {
  const { version, bytes } = await objects.end(key, END_BYTES)
  const { sizeBytes } = version
  const chunks = cache.space()
  keepEnd(chunks, sizeBytes, bytes)
  const tail = bytes.slice(-TAIL_BYTES)
  if (tail.byteLength < TAIL_BYTES || new TextDecoder().decode(tail.subarray(4)) !== MAGIC) throw new Error('not what publish.mjs writes')
  const listBytes = new DataView(tail.buffer).getUint32(0, true)
  const indexBytes = sizeBytes - TAIL_BYTES - listBytes
  if (indexBytes < 0 || listBytes > MAX_LIST_BYTES) throw new Error(`length of the list; got=${listBytes}`)
  const list = listBytes + TAIL_BYTES <= bytes.byteLength
    ? bytes.subarray(-TAIL_BYTES - listBytes, -TAIL_BYTES)
    : await createCachedSource(await objects.open(key, version), chunks).read(indexBytes, listBytes)
  const tag = [...hashes.digest(SHA2_256, list)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const cars = carsOf(new TextDecoder().decode(list))
  const sizes = [HEADER.byteLength, ...cars.map(({ from, to }) => to - from)]
  return { key, version, cars, sizes, sizeBytes: sizes.reduce((sum, size) => sum + size), tag, indexBytes, chunks }
})

/**
 * All blocks of a collection, for one request.
 *
 * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`, with its cause
 */
export const mountCollection = (collection: Collection, objects: Objects, options: { readonly hashes: Hashes, readonly readAheadBytes: number }): Promise<IndexMount> => readable(async () => {
  const { key, version, cars, sizes, sizeBytes, tag, indexBytes, chunks } = collection
  const identity = { kind: 'version', tag, sizeBytes } as const
  const openPart = async (part: number): Promise<ByteSource> => {
    if (part === 0) return createBytesSource(HEADER)
    const car = cars[part - 1]!
    return createWindow(await objects.open(car.key, { sizeBytes: car.sizeBytes, etag: undefined }), car.from, car.to - car.from, { owns: true })
  }
  const data = createConcatSource(sizes, openPart, { cost: REMOTE, identity })
  const layout: CarLayout = { version: 1, payloadStart: 0, payloadBytes: sizeBytes, headerBytes: HEADER.byteLength, roots: [], indexOffset: undefined, fullyIndexed: false }
  const pages = createPageCache({ maxBytes: PAGES_BYTES })
  const index = await openIndex(createWindow(createCachedSource(await objects.open(key, version), chunks), 0, indexBytes, { owns: true }), { pages, owns: true })
  const { facts } = index
  // another one would be built from all CARs
  if (facts.source === undefined || compareIdentity(facts.source, identity) !== 'same' || facts.payloadStart !== 0 || facts.payloadEnd !== sizeBytes) {
    await index.close()
    throw new Error('index and list are not of each other')
  }
  return openIndexMount({ data, index }, { ...options, layout, indexTrust: 'use' })
})

const carsOf = (list: string): readonly Car[] => {
  const { version, cars } = JSON.parse(list) as { readonly version?: unknown, readonly cars?: unknown }
  if (version !== 1 || !Array.isArray(cars)) throw new Error(`list of another version; got=${String(version)}`)
  const isLength = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
  return cars.map(({ key, sizeBytes, from, to }: Record<keyof Car, unknown>) => {
    if (typeof key === 'string' && isLength(sizeBytes) && isLength(from) && isLength(to) && from <= to && to <= sizeBytes) return { key, sizeBytes, from, to }
    throw new Error('the list has an entry that is none')
  })
}

/** Failures of the storage in the one form that a gateway tells of as such; a limit as it is. */
const readable = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && error.name === 'GatewayRefusal') throw error
    throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `the collection cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
