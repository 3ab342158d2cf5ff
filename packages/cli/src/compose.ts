/** Wires the parts of a store on a folder: the only place that sees them all. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openHashes } from '@dagstore/hashes/node'
import type { Hashes } from '@dagstore/hashes'
import type { AnyLevel, CallOptions, Directory } from '@dagstore/io'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { type NodeDagstore, type NodeDagstoreOptions, openDagstore } from '@dagstore/node'
import { type IndexRepo, openIndexRepo } from '@dagstore/index-repo'
import type { MountFactory } from '@dagstore/mounts'
import type { CID } from 'multiformats/cid'
import { storeOptions } from './config/apply.ts'
import type { Config } from './config/config.ts'
import { CONFIG_FILE } from './config/file-name.ts'
import { createPieces, type PiecesOptions, type StorePieces } from './pieces.ts'
import { makeRoot, type RootFolder } from './root-folder.ts'
import { checkLayout } from './root-layout.ts'

/** What commands on shards need. */
export interface ShardStore {
  readonly root: RootFolder
  readonly dagstore: NodeDagstore
  readonly openPieces: StorePieces['open']
  /** Where pieces are, by sector, and how they are reached. */
  readonly pieces: Pick<StorePieces, 'loader' | 'folders' | 'missing'>
  /** Whether an unsealed copy of the piece can be read. @throws {PieceLoaderError} nobody can say */
  readonly isUnsealed: (piece: CID, options?: CallOptions) => Promise<boolean>
  /** The detached indices: their names, and what is in them. */
  readonly indices: Pick<IndexRepo, 'name' | 'open'>
  readonly hashes: Hashes
  /** Everything below the root, by relative names. */
  readonly files: Directory
  close (): Promise<void>
}

interface Gate<T> { readonly promise: Promise<T>, resolve (value: T): void, reject (reason: unknown): void }

const createGate = <T>(): Gate<T> => {
  let settle: Pick<Gate<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => { settle = { resolve, reject } })
  promise.catch(() => {}) // whoever waits for it sees the rejection
  return { promise, resolve: (value) => settle?.resolve(value), reject: (reason) => settle?.reject(reason) }
}

export interface ShardStoreOptions extends Pick<NodeDagstoreOptions, 'onEvent' | 'metrics' | 'doctor' | 'indexingBytesPerSecond'>, Pick<PiecesOptions, 'onSealed'> {
  /** @default that of `config.toml` in the root, where there is one */
  readonly config?: Config | undefined
  /** Mounts that take the place of the usual ones of their schemes. */
  readonly mounts?: readonly MountFactory[]
  /** Of the piece loader. */
  readonly pieceMetrics?: PiecesOptions['metrics']
}

/**
 * Open the store at the root, or make one there.
 *
 * @throws {DagstoreError} `DAGSTORE_LOCKED`: another process has it
 * @throws {CommandError} `COMMAND_REFUSED`: the folder cannot be a store's. `COMMAND_USAGE`: its configuration is wrong
 */
export const openShardStore = async (root: RootFolder, options: ShardStoreOptions = {}): Promise<ShardStore> => {
  const { mounts = [], onSealed, pieceMetrics, config: given, ...rest } = options
  await makeRoot(root)
  await checkLayout(root)
  const config = given ?? await configInRoot(root)
  const hashes = await openHashes()
  const opened = createGate<AnyLevel>()
  const pieces = createPieces(root.path, opened.promise, { config, onSealed, metrics: pieceMetrics })
  const dagstore = await openDagstore(root.path, { ...(config === undefined ? {} : storeOptions(config)), ...rest, mounts: [lotusMount(pieces.loader), ...mounts], hashes }).catch((error: unknown) => {
    opened.reject(error)
    throw error
  })
  opened.resolve(dagstore.db)
  const close = async (): Promise<void> => {
    await dagstore.close()
    await pieces.close()
  }
  const indices = openIndexRepo(dagstore.files.child('index'))
  const isUnsealed: ShardStore['isUnsealed'] = async (piece, call) => (await pieces.loader.stat(piece, call)).unsealed === 'yes'
  return { root, dagstore, openPieces: pieces.open, pieces, isUnsealed, indices, hashes, files: dagstore.files, close }
}

/** Loaded where there is a file: most stores have none, and reading it takes a parser. */
const configInRoot = async (root: RootFolder): Promise<Config | undefined> => {
  if (!existsSync(join(root.path, CONFIG_FILE))) return undefined
  return (await import('./config/effective.ts')).configOfRoot(root)
}
