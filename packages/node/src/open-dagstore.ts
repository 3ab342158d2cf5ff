/// <reference lib="esnext.disposable" preserve="true" />
/** The store on a folder, with its default parts. */
import { mkdir, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Dagstore, DagstoreError, type DagstoreSettings, openDagstore as openOn } from '@dagstore/dagstore'
import type { Hashes } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { type Directory, systemClock } from '@dagstore/io'
import { openDirectory, removeDrafts } from '@dagstore/io/node'
import { bytesMount, createMountRegistry, FIRST_OF_SCHEME, firstOfMount, httpMounts, type MountFactory } from '@dagstore/mounts'
import { localFiles } from '@dagstore/mounts/node'
import type { AbstractLevel } from 'abstract-level'
import { ClassicLevel } from 'classic-level'
import { removeOwner, removeOwnerDrafts, writeOwner } from './owner-file.ts'
import { readOwner } from './owner.ts'
import { rootedFileMount } from './rooted-files.ts'

export interface NodeDagstoreOptions extends Pick<DagstoreSettings, 'clock' | 'pages' | 'maxOpenShards' | 'maxConcurrentIndexing' | 'indexingBytesPerSecond' | 'retry' | 'transients' | 'onEvent' | 'metrics' | 'doctor'> {
  /** Beside `file`, `bytes`, `http`, `https`, and `first-of` of all these; one of the same scheme takes the place of a default. */
  readonly mounts?: readonly MountFactory[]
  /** @default the fast ones of `@dagstore/hashes/node` */
  readonly hashes?: Hashes
  /** URL at which this process answers for the store: who else opens it is told to ask there. */
  readonly api?: string | undefined
}

/** Folders of the root that only the store writes to; each may be a link to another disk. */
const PARTS = ['index', 'transients']

/** A store that also owns what it was opened on; other parts of an application may keep their sublevels and folders there. */
export interface NodeDagstore extends Dagstore {
  /** Open while the store is. Sublevels `catalogue` and `tli` are the store's. */
  readonly db: AbstractLevel<any, any, any>
  /** The root. `db/`, `index/`, `transients/` and `owner.json` in it are the store's. */
  readonly files: Directory
  /** From now on who else opens the store is told to ask this URL; `undefined`: nobody. */
  announce(api: string | undefined): Promise<void>
  /** Closes the store, then the database. */
  close(): Promise<void>
}

/**
 * Open the store in `folder`, or make one there: a database in `db/`, indices and copies beside it. CAR files below the
 * folder are recorded relative to it, so the whole of it may be moved while it is closed.
 *
 * @throws {DagstoreError} `DAGSTORE_LOCKED`: another process has it open. `DAGSTORE_BAD_FORMAT`. `DAGSTORE_STORAGE_FAILED`
 * @throws {TypeError} two mounts of one scheme
 */
export const openDagstore = async (folder: string, options: NodeDagstoreOptions = {}): Promise<NodeDagstore> => {
  const { mounts = [], hashes = await openHashes(), api, ...rest } = options
  const root = resolve(folder)
  const files = openDirectory(folder, { draftsIn: PARTS })
  const db = await openDatabase(root, folder)
  try {
    await removeOwnerDrafts(root)
    const startedAt = (options.clock ?? systemClock).now()
    const announce = (url: string | undefined): Promise<void> => writeOwner(files, startedAt, url)
    await announce(api)
    for (const part of PARTS) await removeDrafts(join(root, part))
    const given = new Set(mounts.map(({ scheme }) => scheme))
    const defaults = [rootedFileMount(root, await realpath(root)), bytesMount(), ...httpMounts()].filter(({ scheme }) => !given.has(scheme))
    const transients = { localFiles: localFiles({ folder: join(root, 'transients'), root }), ...options.transients }
    const places = [...defaults, ...mounts]
    const several = given.has(FIRST_OF_SCHEME) ? [] : [firstOfMount(createMountRegistry(places), { clock: options.clock })]
    const store = await openOn({ ...rest, transients, db, files, hashes, mounts: createMountRegistry([...places, ...several]) })
    return withDatabase(store, { db, files, root, announce })
  } catch (error) {
    await removeOwner(root)
    await db.close()
    throw error
  }
}

/** Of 2 MiB each, mapped into memory or by a descriptor: a store of millions of blocks has thousands, and the engine would keep 1000 of them. */
const MAX_OPEN_TABLES = 64

const openDatabase = async (root: string, label: string): Promise<ClassicLevel> => {
  const location = join(root, 'db')
  const db = new ClassicLevel(location, { maxOpenFiles: MAX_OPEN_TABLES })
  try {
    await mkdir(location, { recursive: true })
    await db.open()
    return db
  } catch (cause) {
    if (!isLocked(cause)) throw new DagstoreError('DAGSTORE_STORAGE_FAILED', `database could not be opened; store=${label}`, { cause })
    const owner = await readOwner(root)
    const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host} since ${owner.startedAt}`
    const ask = owner?.api === undefined ? '' : `, which answers at ${owner.api}`
    throw new DagstoreError('DAGSTORE_LOCKED', `store is in use by ${who}${ask}; store=${label}`, { cause, retry: 'later' })
  }
}

const isLocked = (error: unknown): boolean => {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) if ('code' in at && at.code === 'LEVEL_LOCKED') return true
  return false
}

interface Opened {
  readonly db: ClassicLevel
  readonly files: Directory
  readonly root: string
  readonly announce: NodeDagstore['announce']
}

const withDatabase = (store: Dagstore, { db, files, root, announce }: Opened): NodeDagstore => {
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= store.close().then(() => removeOwner(root)).finally(() => db.close())
    return closed
  }
  return {
    db: db as AbstractLevel<any, any, any>, // the compiler sees this by itself or not, as other files are there to be checked
    files,
    announce,
    blockstore: store.blockstore,
    createSession: () => store.createSession(),
    register: (key, mountUrl, options) => store.register(key, mountUrl, options),
    acquire: (key, options) => store.acquire(key, options),
    initialize: (key, options) => store.initialize(key, options),
    refresh: (key, options) => store.refresh(key, options),
    recover: (key, options) => store.recover(key, options),
    destroy: (key, options) => store.destroy(key, options),
    shard: (key, options) => store.shard(key, options),
    shards: (query) => store.shards(query),
    find: (multihash, options) => store.find(multihash, options),
    why: (cid, options) => store.why(cid, options),
    verify: (key, options) => store.verify(key, options),
    events: (options) => store.events(options),
    doctorFindings: (query) => store.doctorFindings(query),
    registerMany: (items, bulk) => store.registerMany(items, bulk),
    initializeAll: (bulk) => store.initializeAll(bulk),
    gc: (bulk) => store.gc(bulk),
    exportShards: (call) => store.exportShards(call),
    importShards: (chunks, bulk) => store.importShards(chunks, bulk),
    rebuildTopLevelIndex: (bulk) => store.rebuildTopLevelIndex(bulk),
    adoptIndices: (directory, bulk) => store.adoptIndices(directory, bulk),
    exportIndices: (directory, bulk) => store.exportIndices(directory, bulk),
    close,
    [Symbol.asyncDispose]: close,
  }
}
