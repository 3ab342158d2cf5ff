/// <reference lib="esnext.disposable" preserve="true" />
/** One CARv2 file per retrieval. */
import type { Hashes } from '@dagstore/hashes'
import { type CallOptions, type Clock, type Directory, systemClock, type TreeEntry } from '@dagstore/io'
import { type AnyCid, type ReadBlockstore, type ShardBlockstore, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { carName, checkCarName } from './car-name.ts'
import { carStream, type CarStreamOptions } from './car-stream.ts'
import { copyInto, type CopyTarget, dagBlocks, type DagSelector, listedBlocks, type WalkedSource } from './copy.ts'
import { RetrievalError } from './errors.ts'
import { createUses, listFiles, pruneFiles, type PruneOptions, type RetrievalFile } from './kept-files.ts'
import { type FinishedCar, openFinished } from './target.ts'
import { unixfsTree } from './unixfs-tree.ts'

export interface RetrievalProgress {
  /** Blocks that are in the file, those found there included. */
  readonly doneBlocks: number
  /** Their data. */
  readonly doneBytes: number
  /** Unknown before the end. */
  readonly totalBytes: undefined
}

/** What every copy takes. */
export interface RetrievalOptions extends CallOptions {
  /** Names the file: letters, digits, `.`, `_`, `-`. The same id again goes on with, or reuses, the same file. */
  readonly id: string
  readonly onProgress?: ((progress: RetrievalProgress) => void) | undefined
}

export interface RetrieveOptions extends RetrievalOptions {
  readonly root: AnyCid
  /** Its blocks are hashed here, unless it has done that with the same `hashes`. Asked for one at a time, in depth-first order. */
  readonly from: WalkedSource
  /**
   * Only this part of the DAG; the file's root stays the root of the whole. Another part for the same id and root is added to its
   * file. @default all of it
   */
  readonly selector?: DagSelector | undefined
  /** `report`: go on without blocks that are not found, and list them. @default 'throw' */
  readonly missing?: 'throw' | 'report' | undefined
}

export interface CopyOptions extends RetrievalOptions {
  /** Of the file that is made; any number, present or not. */
  readonly roots: readonly AnyCid[]
  /** Its blocks are hashed here, whatever it says of them. */
  readonly from: { readonly blockstore: Pick<ReadBlockstore, 'getAll'> }
}

export interface Retrieved {
  /** Of the file, in the directory. */
  readonly name: string
  /** In the file; identity CIDs are not written. */
  readonly blocks: number
  /** Their data. */
  readonly bytes: number
  /** The finished file of an earlier retrieval had it all; nothing was written. */
  readonly reused: boolean
  /** Blocks that were not found, each once; empty unless asked for with `missing: 'report'`. */
  readonly missing: readonly CID[]
}

/** An opened file; the caller closes it. */
export interface OpenRetrieval extends AsyncDisposable {
  readonly blockstore: ShardBlockstore
  readonly roots: readonly CID[]
  close(): Promise<void>
}

export interface ExportedTree extends AsyncDisposable {
  /** Readable until `close`. */
  readonly tree: TreeEntry
  close(): Promise<void>
}

export interface Retrievals {
  /**
   * Copy the DAG under a root, depth first, into `<id>.car`. A copy that was cut off goes on where its file ends; blocks that
   * are in it are not asked for again. On failure or abort the file stays, unfinished.
   *
   * @throws {RetrievalError} `RETRIEVAL_BAD_ID`; `RETRIEVAL_OTHER_ROOT`: the file is of another DAG
   * @throws {DagError} a block does not match its hash, or cannot be decoded; the path leads nowhere, or the bytes are outside of the file. The errors of `from` pass through, among them
   *   its not-found error
   */
  retrieve(options: RetrieveOptions): Promise<Retrieved>
  /**
   * Copy every block of a store, in the order in which it lists them: for CARs that are no single DAG.
   *
   * @throws {RetrievalError} `RETRIEVAL_BAD_ID`; `RETRIEVAL_OTHER_ROOT`: the file has other roots
   * @throws {BlockstoreError} `BLOCKSTORE_HASH_MISMATCH`, `BLOCKSTORE_UNKNOWN_HASH`
   */
  copySections(options: CopyOptions): Promise<Retrieved>
  /** @throws {RetrievalError} `RETRIEVAL_BAD_ID`, `RETRIEVAL_UNKNOWN`, `RETRIEVAL_NOT_FINISHED` */
  open(name: string, options?: CallOptions): Promise<OpenRetrieval>
  /**
   * The UnixFS file or directory under `root`, read from the finished file as it is iterated.
   *
   * @throws {RetrievalError} as `open`; `RETRIEVAL_NOT_UNIXFS`, here or while it is iterated
   */
  export(name: string, root: AnyCid, options?: CallOptions): Promise<ExportedTree>
  /**
   * The DAG, or a part of it, as the bytes of a CAR, read from the finished file as they are consumed.
   *
   * @throws {RetrievalError} as `open`; `RETRIEVAL_OTHER_ROOT`: no root was named, and the file has none or several. What `carStream` throws
   */
  exportCar(name: string, options?: ExportCarOptions): AsyncGenerator<Uint8Array, void, undefined>
  /** In the order of their names. */
  list(options?: CallOptions): AsyncIterable<RetrievalFile>
  /** @throws {RetrievalError} `RETRIEVAL_BAD_ID`, `RETRIEVAL_UNKNOWN`; `RETRIEVAL_IN_USE`: it is open here, or being written */
  remove(name: string): Promise<void>
  /** Remove what is old, or too much; what is in use stays. @returns those that are gone @throws {RangeError} a limit below 0 */
  prune(options?: PruneOptions): Promise<readonly RetrievalFile[]>
}

export interface ExportCarOptions extends Omit<CarStreamOptions, 'root' | 'hashes' | 'verify'> {
  /** @default the only one of the file */
  readonly root?: AnyCid | undefined
}

/** @param parts.directory - holds the files, and nothing else that ends with `.car` */
export const openRetrievals = ({ directory, hashes, clock = systemClock }: { readonly directory: Directory, readonly hashes: Hashes, readonly clock?: Clock | undefined }): Retrievals => {
  const uses = createUses()
  const busy = new Map<string, Promise<unknown>>()
  /** One at a time per file; who waits for a turn may leave, and passes it on when it comes. */
  const alone = <T>({ name, signal }: Pick<CopyTarget, 'name' | 'signal'>, work: () => Promise<T>): Promise<T> => new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const leave = (): void => { reject(signal?.reason) }
    signal?.addEventListener('abort', leave, { once: true })
    const turn = (busy.get(name) ?? Promise.resolve()).catch(() => {}).then(() => {
      // from here on an abort is the work's matter, which has to close its file first
      signal?.removeEventListener('abort', leave)
      signal?.throwIfAborted()
      return work()
    })
    busy.set(name, turn)
    const end = uses.begin(name)
    turn.finally(() => {
      end()
      if (busy.get(name) === turn) busy.delete(name)
    }).then(resolve, reject)
  })
  const remove = (name: string): Promise<void> => alone({ name, signal: undefined }, () => directory.remove(name))
  const opened = async (given: string, signal: AbortSignal | undefined): Promise<FinishedCar> => {
    const name = checkCarName(given)
    const end = uses.begin(name)
    try {
      const car = await openFinished(directory, name, hashes, signal)
      return { blockstore: car.blockstore, roots: car.roots, close: () => car.close().finally(end) }
    } catch (error) {
      end()
      throw error
    }
  }
  return {
    retrieve: async ({ id, root, from, selector, missing = 'throw', signal, onProgress }) => {
      const cid = toCid(root)
      const target: CopyTarget = { directory, name: carName(id), hashes, roots: [cid], signal, onProgress }
      return alone(target, () => copyInto(target, dagBlocks(cid, from, missing, selector, target)))
    },
    copySections: async ({ id, roots, from, signal, onProgress }) => {
      const target: CopyTarget = { directory, name: carName(id), hashes, roots: roots.map(toCid), signal, onProgress }
      return alone(target, () => copyInto(target, listedBlocks(from.blockstore, target)))
    },
    open: async (name, { signal } = {}) => {
      const car = await opened(name, signal)
      return { blockstore: car.blockstore, roots: car.roots, close: () => car.close(), [Symbol.asyncDispose]: () => car.close() }
    },
    export: async (name, root, { signal } = {}) => {
      const car = await opened(name, signal)
      try {
        const tree = await unixfsTree(car.blockstore, toCid(root), '', { signal })
        return { tree, close: () => car.close(), [Symbol.asyncDispose]: () => car.close() }
      } catch (error) {
        await car.close()
        throw error
      }
    },
    exportCar: async function * (name, options = {}) {
      const car = await opened(name, options.signal)
      try {
        const root = options.root ?? (car.roots.length === 1 ? car.roots[0] : undefined)
        if (root === undefined) throw new RetrievalError('RETRIEVAL_OTHER_ROOT', `no root to export; name=${name} roots=${car.roots.length}`)
        // the opened file hashes what it gives
        yield * carStream(car.blockstore, { ...options, root, hashes, verify: 'never' })
      } finally {
        await car.close()
      }
    },
    list: (options = {}) => listFiles(directory, options),
    remove: async (given) => {
      const name = checkCarName(given)
      if (uses.has(name)) throw new RetrievalError('RETRIEVAL_IN_USE', `a retrieval that is read or written; name=${name}`)
      if (await directory.stat(name) === undefined) throw new RetrievalError('RETRIEVAL_UNKNOWN', `no such retrieval; name=${name}`)
      await remove(name)
    },
    prune: (options = {}) => pruneFiles(directory, { uses, clock, remove }, options),
  }
}
