/** A Helia instance, or whatever has a blockstore and pins as it has, as the IPFS node. */
import { createHashes, type Hashes } from '@dagstore/hashes'
import { type AnyCid, BlockNotFoundError, BlockstoreError, createGate, oneChunk, readBlock, type StoreCallOptions, toCid, verifyBlock } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import { guarded, isNotFound, putCar, wholeInput } from './blocks.ts'
import { IpfsError } from './errors.ts'
import type { IpfsBlockstore } from './ipfs-blockstore.ts'

interface PinOptions {
  readonly signal?: AbortSignal
  readonly offline?: boolean
}

/** The part of a Helia instance that is used; one fits as it is. */
export interface IpfsNode {
  readonly blockstore: Pick<Blockstore, 'has' | 'get' | 'getAll' | 'put'>
  readonly pins?: {
    add(cid: CID, options?: PinOptions): AsyncIterable<unknown> | Promise<unknown>
    rm(cid: CID, options?: PinOptions): AsyncIterable<unknown> | Promise<unknown>
  }
}

export interface FromNodeOptions {
  /** For messages. @default 'node' */
  readonly name?: string | undefined
  /** The node asks the network for blocks that it lacks. `has` never does. @default false */
  readonly online?: boolean | undefined
  /** @default `createHashes()` */
  readonly hashes?: Hashes | undefined
  /** `never`: blocks are passed on as they come. @default 'always' */
  readonly verify?: 'always' | 'never' | undefined
}

/** What a node says of a block that it lacks and was not to look for: Helia's name for it, beside that of js-stores. */
const OFFLINE_NAME = 'BlockNotFoundWhileOfflineError'

/**
 * The node is neither started nor stopped. Every put is written when it resolves: `flush` has nothing to do.
 *
 * Helia 7.1 ends the process with an unhandled rejection of its own when a block is missing below what it is to pin: pin whole DAGs.
 */
export const fromNode = (node: IpfsNode, { name = 'node', online = false, hashes = createHashes(), verify = 'always' }: FromNodeOptions = {}): IpfsBlockstore => {
  const gate = createGate()
  const settings = (signal: AbortSignal | undefined): PinOptions => ({ offline: !online, ...(signal === undefined ? {} : { signal }) })
  const check = (cid: CID, block: Uint8Array): void => { if (verify === 'always') verifyBlock(hashes, cid, block) }

  const bytes: IpfsBlockstore['bytes'] = (any, { signal } = {}) => gate.pass(async () => {
    const cid = toCid(any)
    signal?.throwIfAborted()
    // the options of a node's blockstore are more than those of the interface
    const source: Pick<Blockstore, 'get'> = { get: () => node.blockstore.get(cid, settings(signal)) }
    const block = await asked(cid, () => readBlock(source, cid), signal)
    check(cid, block)
    return block
  })
  const get: IpfsBlockstore['get'] = (any: AnyCid, { signal } = {}) => oneChunk(() => bytes(any, { signal }))
  const putBlock = async (cid: CID, block: Uint8Array, signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted()
    check(cid, block)
    await written(() => node.blockstore.put(cid, block, signal === undefined ? {} : { signal }), signal)
  }
  const pins = async (change: 'add' | 'rm', cid: CID, signal: AbortSignal | undefined): Promise<void> => {
    const owner = node.pins
    if (owner === undefined) throw new IpfsError('IPFS_REFUSED', `node has no pins; node=${name}`)
    // Helia 7.1 walks the DAG in a queue whose failures nobody catches: not to be begun without its first block
    if (change === 'add' && !online && !await store.has(cid, signal === undefined ? {} : { signal })) throw new IpfsError('IPFS_REFUSED', `node lacks what it is to pin; node=${name} cid=${cid.toString()}`)
    await written(async () => {
      const work = owner[change](cid, settings(signal))
      if (Symbol.asyncIterator in work) for await (const _ of work) signal?.throwIfAborted()
      else await work
    }, signal)
  }
  const written = async <T>(work: () => T | Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      signal?.throwIfAborted()
      throw new IpfsError('IPFS_REFUSED', `node refuses; node=${name} said=${String(cause)}`, { cause, said: String(cause) })
    }
  }

  const store: IpfsBlockstore = {
    name,
    has: (any, { signal } = {}) => gate.pass(async () => {
      signal?.throwIfAborted()
      const cid = toCid(any)
      return asked(cid, () => node.blockstore.has(cid, { ...settings(signal), offline: true } as PinOptions), signal)
    }),
    get,
    getMany: async function * (cids, options = {}) {
      gate.check()
      options.signal?.throwIfAborted()
      for await (const any of cids) {
        options.signal?.throwIfAborted()
        const cid = toCid(any)
        yield { cid, bytes: get(cid, options) }
      }
    },
    getAll: async function * (options = {}) {
      gate.check()
      options.signal?.throwIfAborted()
      for await (const cid of guarded(gate, listed(node, options))) {
        options.signal?.throwIfAborted()
        yield { cid, bytes: get(cid, options) }
      }
    },
    bytes,
    size: async (any, options) => (await bytes(any, options)).byteLength,
    put: (cid, input, { signal } = {}) => gate.pass(async () => {
      await putBlock(toCid(cid), await wholeInput(input, signal), signal)
      return cid
    }),
    putMany: async function * (pairs, options = {}) {
      for await (const { cid, bytes: input } of pairs) yield await store.put(cid, input, options)
    },
    flush: ({ signal } = {}) => gate.pass(async () => { signal?.throwIfAborted() }),
    importCar: (car, { pinRoots = false, signal } = {}) => gate.pass(async () => {
      signal?.throwIfAborted()
      const roots = await putCar(car, (cid, block) => putBlock(cid, block, signal), { signal })
      if (pinRoots) for (const root of roots) await pins('add', root, signal)
      return roots
    }),
    pin: (cid, { signal } = {}) => gate.pass(() => pins('add', toCid(cid), signal)),
    unpin: (cid, { signal } = {}) => gate.pass(() => pins('rm', toCid(cid), signal)),
    close: () => gate.shut(),
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}

const asked = async <T>(cid: CID, ask: () => T | Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  try {
    return await ask()
  } catch (cause) {
    signal?.throwIfAborted()
    if (isNotFound(cause) || (cause instanceof Error && cause.name === OFFLINE_NAME)) throw new BlockNotFoundError(cid, { cause })
    throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `node gives no block; cid=${cid.toString()} said=${String(cause)}`, { cause, cid })
  }
}

const listed = async function * (node: IpfsNode, options: StoreCallOptions): AsyncGenerator<CID> {
  try {
    for await (const { cid } of node.blockstore.getAll(options)) yield cid
  } catch (cause) {
    options.signal?.throwIfAborted()
    throw new BlockstoreError('BLOCKSTORE_UNREADABLE', `node does not list its blocks; said=${String(cause)}`, { cause })
  }
}
