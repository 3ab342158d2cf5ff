/// <reference lib="esnext.disposable" preserve="true" />
/** Wires the parts of a store on a folder: the only place that sees them all. */
import { openHashes } from '@dagstore/hashes/node'
import type { Hashes } from '@dagstore/hashes'
import type { Imports } from '@dagstore/imports'
import type { AnyLevel, Directory } from '@dagstore/io'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { type NodeDagstore, type NodeDagstoreOptions, openDagstore } from '@dagstore/node'
import { type IndexRepo, openIndexRepo } from '@dagstore/index-repo'
import type { PieceStore } from '@dagstore/piece-store'
import type { Retrievals } from '@dagstore/retrievals'
import { createPieces, type StorePieces } from './pieces.ts'
import { makeRoot, type RootFolder } from './root-folder.ts'

/** What commands on shards need. */
export interface ShardStore {
  readonly root: RootFolder
  readonly dagstore: NodeDagstore
  readonly openPieces: StorePieces['open']
  /** The detached indices: their names, and what is in them. */
  readonly indices: Pick<IndexRepo, 'name' | 'open'>
  readonly hashes: Hashes
  /** Everything below the root, by relative names. */
  readonly files: Directory
  close (): Promise<void>
}

export interface Store extends ShardStore, AsyncDisposable {
  readonly pieces: PieceStore
  readonly imports: Imports
  readonly retrievals: Retrievals
}

interface Gate<T> { readonly promise: Promise<T>, resolve (value: T): void, reject (reason: unknown): void }

const createGate = <T>(): Gate<T> => {
  let settle: Pick<Gate<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => { settle = { resolve, reject } })
  promise.catch(() => {}) // whoever waits for it sees the rejection
  return { promise, resolve: (value) => settle?.resolve(value), reject: (reason) => settle?.reject(reason) }
}

/** Open the store at the root, or make one there. @throws {DagstoreError} `DAGSTORE_LOCKED`: another process has it */
export const openShardStore = async (root: RootFolder, { onEvent }: Pick<NodeDagstoreOptions, 'onEvent'> = {}): Promise<ShardStore> => {
  await makeRoot(root)
  const hashes = await openHashes()
  const opened = createGate<AnyLevel>()
  const pieces = createPieces(root.path, opened.promise)
  const dagstore = await openDagstore(root.path, { mounts: [lotusMount(pieces.loader)], hashes, ...(onEvent === undefined ? {} : { onEvent }) }).catch((error: unknown) => {
    opened.reject(error)
    throw error
  })
  opened.resolve(dagstore.db)
  const close = async (): Promise<void> => {
    await dagstore.close()
    await pieces.close()
  }
  const indices = openIndexRepo(dagstore.files.child('index'))
  return { root, dagstore, openPieces: pieces.open, indices, hashes, files: dagstore.files, close }
}

/** The same with imports and retrievals, which commands on shards need not wait for. */
export const openStore = async (root: RootFolder): Promise<Store> => {
  const [{ openImports }, { openRetrievals }] = await Promise.all([import('@dagstore/imports'), import('@dagstore/retrievals')])
  const store = await openShardStore(root)
  try {
    const { dagstore, hashes } = store
    const imports = await openImports({ db: dagstore.db, directory: dagstore.files.child('imports'), hashes })
    const retrievals = openRetrievals({ directory: dagstore.files.child('retrievals'), hashes })
    return { ...store, pieces: await store.openPieces(), imports, retrievals, [Symbol.asyncDispose]: store.close }
  } catch (error) {
    await store.close()
    throw error
  }
}
