/** A store of one's own, and a DAG store with shards; both fail where a test says so. */
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { type Dagstore, openDagstore } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { createMountRegistry, type Mount, type MountFactory } from '@dagstore/mounts'
import { type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import { MemoryBlockstore } from 'blockstore-core'
import type { Blockstore, InputPair, Pair } from 'interface-blockstore'
import { MemoryLevel } from 'memory-level'
import { CID } from 'multiformats/cid'

export interface TestBlock { readonly cid: CID, readonly bytes: Uint8Array }

export const makeTestBlocks = (seed: number, count: number): readonly TestBlock[] =>
  makeBlocks(seed, count, { min: 10, max: 400 }).map(({ cid, data }) => ({ cid: CID.decode(cid), bytes: Uint8Array.from(data) }))

export const carOf = (blocks: readonly TestBlock[]): Uint8Array =>
  carV1(blocks.slice(0, 1).map(({ cid }) => cid.bytes), blocks.map(({ cid, bytes }) => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data: bytes })))

/** CARs behind `test:` URLs, whose reads fail or are wrong where a test says so. */
export class Shelf implements MountFactory {
  readonly scheme = 'test'
  readonly cars: Map<string, Uint8Array> = new Map()
  /** Thrown by every read. */
  failure: Error | undefined
  /** Names of the CARs, one for each read. */
  readonly reads: string[] = []

  mount (url: string): Mount {
    const name = url.slice('test:'.length)
    const bytes = (): Uint8Array => this.cars.get(name) ?? new Uint8Array()
    return {
      url,
      stat: async () => ({ exists: true, sizeBytes: bytes().byteLength, ready: true, access: 'random' }),
      open: async () => {
        const source = createBytesSource(bytes(), { identity: { kind: 'version', tag: '"1"', sizeBytes: bytes().byteLength } })
        const read: typeof source.read = async (at, length, options) => {
          this.reads.push(name)
          if (this.failure !== undefined) throw this.failure
          return source.read(at, length, options)
        }
        return { access: 'random', source: { ...source, peek: () => undefined, read } }
      },
    }
  }
}

/** One shard per list of blocks, `s0` and so on, indexed. */
export const openShards = async (shards: readonly (readonly TestBlock[])[], shelf: Shelf = new Shelf()): Promise<Dagstore> => {
  const store = await openDagstore({
    db: new MemoryLevel<any, any>({ storeEncoding: 'view' }), files: createMemoryDirectory(), mounts: createMountRegistry([shelf]), hashes: createHashes(),
  })
  for (const [at, blocks] of shards.entries()) {
    shelf.cars.set(`s${at}`, carOf(blocks))
    await store.register(`s${at}`, `test:s${at}`, { indexing: 'eager' })
  }
  return store
}

/** As js-stores have it; counts what is asked of it, and fails where it is told to. */
export class OwnStore implements Blockstore {
  readonly #child: Blockstore = new MemoryBlockstore()
  readonly log: string[] = []
  /** Thrown by every read. */
  failure: Error | undefined
  /** Chunks given out before it fails. */
  chunksFirst = 0

  async has (cid: CID): Promise<boolean> {
    this.log.push('has')
    if (this.failure !== undefined) throw this.failure
    return this.#child.has(cid)
  }

  async * get (cid: CID, options?: { signal?: AbortSignal }): AsyncGenerator<Uint8Array> {
    this.log.push('get')
    for (let chunk = 0; chunk < this.chunksFirst; chunk++) yield new Uint8Array(1)
    if (this.failure !== undefined) throw this.failure
    yield * this.#child.get(cid, options)
  }

  async * getMany (cids: Iterable<CID> | AsyncIterable<CID>): AsyncGenerator<Pair> {
    this.log.push('getMany')
    yield * this.#child.getMany(cids)
  }

  async * getAll (): AsyncGenerator<Pair> {
    this.log.push('getAll')
    yield * this.#child.getAll()
  }

  async put (cid: CID, bytes: Parameters<Blockstore['put']>[1]): Promise<CID> {
    this.log.push('put')
    return this.#child.put(cid, bytes)
  }

  async * putMany (source: Iterable<InputPair> | AsyncIterable<InputPair>): AsyncGenerator<CID> {
    this.log.push('putMany')
    yield * this.#child.putMany(source)
  }

  async delete (cid: CID): Promise<void> {
    this.log.push('delete')
    await this.#child.delete(cid)
  }

  async * deleteMany (source: Iterable<CID> | AsyncIterable<CID>): AsyncGenerator<CID> {
    this.log.push('deleteMany')
    yield * this.#child.deleteMany(source)
  }
}

export const collectAll = async <T>(items: AsyncIterable<T> | Iterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export const join = async (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> => Uint8Array.from(Buffer.concat(await collectAll(chunks)))

/** What a promise rejects with; a promise that resolves is a failure of the test. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(
  (value) => { throw new Error(`resolved with ${String(value)}`) },
  (error: unknown) => error
)

/** Reads nothing: has every block, and throws what `failure` makes of its CID. */
export const brokenStore = (failure: (cid: CID) => Error): ReadBlockstore => {
  const chunks = async function * (cid: CID): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(failure(cid))
  }
  return {
    has: async (cid) => {
      const error = failure(toCid(cid))
      if (error.name === 'NotFoundError') return false
      throw error
    },
    get: (cid) => chunks(toCid(cid)),
    getMany: async function * (cids) {
      for await (const cid of cids) yield { cid: toCid(cid), bytes: chunks(toCid(cid)) }
    },
    getAll: async function * () {},
  }
}
