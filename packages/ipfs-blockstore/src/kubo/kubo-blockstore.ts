/** A Kubo node as a blockstore, by its RPC. */
import { createHashes, type Hashes, IDENTITY } from '@dagstore/hashes'
import { type Clock, systemClock } from '@dagstore/io'
import {
  type AnyCid, BlockNotFoundError, BlockstoreError, type BlockBytesOptions, createGate, oneChunk, toCid, verifyBlock
} from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { guarded, putCar, wholeInput } from '../blocks.ts'
import { IpfsError } from '../errors.ts'
import type { IpfsBlockstore } from '../ipfs-blockstore.ts'
import { createApi, type KuboApi } from './api.ts'
import { createBatch } from './batch.ts'
import { saysNotFound } from './not-found.ts'

export interface KuboOptions {
  /** Of the RPC: `http://127.0.0.1:5001`. A user and a password in it are sent as a header. */
  readonly url: string | URL
  /** Sent with every request, such as `{ authorization: 'Bearer …' }`; their values stand in no error. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** @default the platform's */
  readonly fetch?: typeof fetch | undefined
  /** The node asks the network for blocks that it lacks. `has` never does. @default false */
  readonly online?: boolean | undefined
  /** @default `createHashes()` */
  readonly hashes?: Hashes | undefined
  /** `never`: blocks are passed on as the node gives them, and to it as they come. @default 'always' */
  readonly verify?: 'always' | 'never' | undefined
  /** How long an answer may be waited for, and each further part of it, in milliseconds. @default 60_000 */
  readonly timeoutMs?: number | undefined
  /** Blocks put are sent together once they are that long. @default 4 MiB */
  readonly batchBytes?: number | undefined
  /** The longest block that is read. @default 32 MiB */
  readonly maxBlockBytes?: number | undefined
  /** For blocks, at a time; more wait. @default 16 */
  readonly maxRequests?: number | undefined
  /** @default the system's */
  readonly clock?: Clock | undefined
}

const DEFAULTS = { timeoutMs: 60_000, batchBytes: 4 << 20, maxBlockBytes: 32 << 20, maxRequests: 16 }

/**
 * Asks nothing of the node before the first call. Identity CIDs carry their data: they are answered here and never sent.
 *
 * @throws {TypeError} no URL of http or https, or headers that cannot be sent
 */
export const createKuboBlockstore = (options: KuboOptions): IpfsBlockstore => {
  const { hashes = createHashes(), online = false, verify = 'always', clock = systemClock } = options
  const fetchIt: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const { timeoutMs, batchBytes, maxBlockBytes, maxRequests } = { ...DEFAULTS, ...defined(options) }
  const api = createApi({ url: options.url, headers: options.headers ?? {}, fetch: fetchIt, clock, timeoutMs, maxRequests })
  const batch = createBatch(api, batchBytes)
  const gate = createGate()
  let closing: Promise<void> | undefined

  const check = (cid: CID, bytes: Uint8Array): void => { if (verify === 'always') verifyBlock(hashes, cid, bytes) }

  const readBlock = async (cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    signal?.throwIfAborted()
    const here = carried(cid) ?? batch.find(cid)?.bytes.slice()
    if (here !== undefined) return here
    const bytes = await asked(cid, () => api.bytes({ command: 'block/get', query: { arg: cid.toString(), offline: !online }, signal }, maxBlockBytes), signal)
    check(cid, bytes)
    return bytes
  }
  const sizeOf = async (cid: CID, offline: boolean, signal: AbortSignal | undefined): Promise<number> => {
    signal?.throwIfAborted()
    const here = carried(cid) ?? batch.find(cid)?.bytes
    if (here !== undefined) return here.byteLength
    const [stat] = await asked(cid, () => api.all({ command: 'block/stat', query: { arg: cid.toString(), offline }, signal }), signal)
    const size = stat?.['Size']
    if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size
    throw unreadable(cid, new IpfsError('IPFS_BAD_ANSWER', `no size in the answer; cid=${cid.toString()}`))
  }
  const putBlock = async (cid: CID, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted()
    check(cid, bytes)
    if (carried(cid) === undefined) await batch.add({ cid, bytes }, { signal })
  }
  const bytes = (any: AnyCid, { signal }: BlockBytesOptions = {}): Promise<Uint8Array> => gate.pass(async () => readBlock(toCid(any), signal))
  const get: IpfsBlockstore['get'] = (any, { signal } = {}) => oneChunk(() => bytes(any, { signal }))
  const pin = async (cid: CID, signal: AbortSignal | undefined): Promise<void> => {
    await batch.flush({ signal })
    let pinned = false
    // progress keeps the answer alive for as long as the node walks the DAG
    for await (const { Pins } of api.values({ command: 'pin/add', query: { arg: cid.toString(), progress: true, offline: !online }, signal })) pinned ||= Array.isArray(Pins)
    if (!pinned) throw new IpfsError('IPFS_REFUSED', `node does not say that it has pinned it; cid=${cid.toString()}`)
  }

  const store: IpfsBlockstore = {
    name: `kubo ${api.host}`,
    has: (any, { signal } = {}) => gate.pass(async () => {
      try {
        await sizeOf(toCid(any), true, signal)
        return true
      } catch (error) {
        if (error instanceof BlockNotFoundError) return false
        throw error
      }
    }),
    get,
    getMany: async function * (cids, given = {}) {
      gate.check()
      given.signal?.throwIfAborted()
      for await (const any of cids) {
        given.signal?.throwIfAborted()
        const cid = toCid(any)
        yield { cid, bytes: get(cid, given) }
      }
    },
    getAll: async function * (given = {}) {
      gate.check()
      given.signal?.throwIfAborted()
      const gathered = batch.list()
      for (const { cid } of gathered) {
        given.signal?.throwIfAborted()
        yield { cid, bytes: get(cid, given) }
      }
      const known = new Set(gathered.map(({ cid }) => CID.createV1(0x55, cid.multihash).toString()))
      for await (const cid of guarded(gate, listed(api, given.signal))) {
        if (!known.has(CID.createV1(0x55, cid.multihash).toString())) yield { cid, bytes: get(cid, given) }
      }
    },
    bytes,
    size: (any, { signal } = {}) => gate.pass(async () => sizeOf(toCid(any), !online, signal)),
    put: (cid, input, { signal } = {}) => gate.pass(async () => {
      await putBlock(toCid(cid), await wholeInput(input, signal), signal)
      return cid
    }),
    putMany: async function * (pairs, given = {}) {
      for await (const { cid, bytes: input } of pairs) yield await store.put(cid, input, given)
      await store.flush(given)
    },
    flush: (given) => gate.pass(() => batch.flush(given)),
    importCar: (car, { pinRoots = false, signal } = {}) => gate.pass(async () => {
      signal?.throwIfAborted()
      const roots = await putCar(car, (cid, block) => putBlock(cid, block, signal), { signal })
      await batch.flush({ signal })
      if (pinRoots) for (const root of roots) await pin(root, signal)
      return roots
    }),
    pin: (cid, { signal } = {}) => gate.pass(() => pin(toCid(cid), signal)),
    unpin: (cid, { signal } = {}) => gate.pass(async () => { await api.all({ command: 'pin/rm', query: { arg: toCid(cid).toString() }, signal }) }),
    close: () => closing ??= gate.shut().then(() => batch.flush()),
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}

/** Without what is `undefined`, which would hide a default. */
const defined = (options: KuboOptions): Partial<typeof DEFAULTS> =>
  Object.fromEntries(Object.entries(options).filter(([name, value]) => name in DEFAULTS && value !== undefined))

/** What an identity CID holds. */
const carried = ({ multihash }: CID): Uint8Array | undefined => multihash.code === IDENTITY ? multihash.digest.slice() : undefined

const unreadable = (cid: CID, cause: IpfsError): BlockstoreError =>
  new BlockstoreError('BLOCKSTORE_UNREADABLE', `node gives no block; cid=${cid.toString()} code=${cause.code} ${cause.message}`, { cause, cid })

/** What the node says of a block, as an error of blockstores. */
const asked = async <T>(cid: CID, ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  try {
    return await ask()
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof IpfsError)) throw error
    if (error.said !== undefined && saysNotFound(error.said, cid)) throw new BlockNotFoundError(cid, { cause: error })
    throw unreadable(cid, error)
  }
}

/** Kubo knows multihashes alone, and lists them as CIDs of raw blocks. */
const listed = async function * (api: KuboApi, signal: AbortSignal | undefined): AsyncGenerator<CID> {
  try {
    for await (const { Ref, Err } of api.values({ command: 'refs/local', query: {}, signal })) {
      if (typeof Err === 'string' && Err !== '') throw new IpfsError('IPFS_REFUSED', 'node cannot list its blocks', { said: Err })
      yield parsed(Ref)
    }
  } catch (error) {
    if (!(error instanceof IpfsError)) throw error
    throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `node does not list its blocks; code=${error.code} ${error.message}`, { cause: error })
  }
}

const parsed = (ref: unknown): CID => {
  try {
    return CID.parse(String(ref))
  } catch (cause) {
    throw new IpfsError('IPFS_BAD_ANSWER', 'not a CID in a list of blocks', { cause })
  }
}
