/**
 * Where an added file stays: where it is, or as a file of the store's, in `cars/` under the root.
 *
 * A file comes there whole or not at all: as a second name of the same bytes (hard link) where the file system has that,
 * else as a copy (sharing its blocks where that goes) in the folder of drafts, synced, then renamed. `move` takes the
 * first name away only when the shard is registered, so that whatever cuts it off can be repeated.
 */
import { randomBytes } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { copyFile, link, lstat, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path'
import { DRAFTS, IoError } from '@dagstore/io'
import { classifyNodeError } from '@dagstore/io/node'
import { CommandError } from '../failure.ts'

export const KEEP_KINDS = ['borrow', 'move', 'link'] as const
export type KeepKind = (typeof KEEP_KINDS)[number]

/** Folder of the files that are the store's. */
export const CARS = 'cars'

export interface Kept {
  /** Absolute; what the shard is mounted on. */
  readonly path: string
  /** To be called once the shard is registered. */
  finish (): Promise<void>
}

const nothing = async (): Promise<void> => {}

/**
 * @param place - below `cars/`, parts joined by `/`
 * @throws {IoError} `IO_EXISTS`: another file has that place. `IO_NOT_FOUND`, `IO_FULL`, `IO_FORBIDDEN`, `IO_FAILED`
 * @throws {CommandError} `COMMAND_REFUSED`: `move` of a symbolic link
 */
export const keepFile = async (kind: KeepKind, path: string, root: string, place: string): Promise<Kept> => {
  try {
    return await keep(kind, path, root, place)
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? classifyNodeError(error, 'could not be brought under the root') : error
  }
}

const keep = async (kind: KeepKind, path: string, root: string, place: string): Promise<Kept> => {
  if (kind === 'borrow') return { path, finish: nothing }
  const from = await realpath(path)
  if (isBelow(await realpath(root), from)) return { path, finish: nothing }
  if (kind === 'move' && (await lstat(path)).isSymbolicLink()) throw new CommandError('COMMAND_REFUSED', 'is a symbolic link, and --keep move moves files')
  const cars = join(root, CARS)
  const to = join(cars, ...place.split('/'))
  const facts = await stat(from, { bigint: true })
  await oneByOne(async () => {
    await makeFolder(dirname(to))
    const brought = await lstat(to).catch(() => undefined) === undefined && await bring(from, to, join(cars, DRAFTS))
    if (!brought && !await sameContent(from, to)) throw new IoError('IO_EXISTS', `another file is there already; path=${CARS}/${place}`)
  })
  return { path: to, finish: kind === 'move' ? () => remove(from, facts) : nothing }
}

let turn: Promise<void> = Promise.resolve()

/** Two files that want one place must not both find it free. Where a daemon has the store, other processes may want it too: {@link bring} sees them. */
const oneByOne = (work: () => Promise<void>): Promise<void> => {
  const mine = turn.then(work)
  turn = mine.catch(() => {}) // told to whoever waits for it
  return mine
}

export const isBelow = (folder: string, path: string): boolean => {
  const below = relative(folder, path)
  return below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below)
}

/** @param drafts - of the same file system as `to` @returns false: another process has put a file there meanwhile */
const bring = async (from: string, to: string, drafts: string): Promise<boolean> => {
  try {
    await link(from, to)
  } catch (error) {
    if (isThere(error)) return false
    // another file system, or one without hard links
    await makeFolder(drafts)
    const temporary = join(drafts, `.${basename(to).slice(0, 50)}.${randomBytes(8).toString('hex')}.tmp`)
    try {
      await copyFile(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      await sync(temporary, 'r+')
      // a link replaces nothing; a file system without links has nothing better than a rename
      await link(temporary, to).then(() => rm(temporary), async (error: unknown) => {
        if (isThere(error)) throw error
        await rename(temporary, to)
      })
    } catch (error) {
      await rm(temporary, { force: true })
      if (isThere(error)) return false
      throw error
    }
  }
  await syncFolder(dirname(to))
  return true
}

const isThere = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST'

/** Durable on return, with those above it. */
const makeFolder = async (path: string): Promise<void> => {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made))
    if (made === first) return
  }
}

/** A file that somebody has written to since it was looked at is no copy of what was kept. */
const remove = async (path: string, then: BigIntStats): Promise<void> => {
  const now = await stat(path, { bigint: true })
  if (now.size !== then.size || now.mtimeNs !== then.mtimeNs || now.ino !== then.ino) throw new IoError('IO_SOURCE_CHANGED', 'changed while it was brought under the root, so it stays where it is, too')
  try {
    await rm(path)
    await syncFolder(dirname(path))
  } catch (error) {
    throw classifyNodeError(error, 'is in the store now, and could not be deleted here')
  }
}

const sync = async (path: string, flags: string): Promise<void> => {
  const file = await open(path, flags)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Windows has no such thing. */
const syncFolder = (path: string): Promise<void> => process.platform === 'win32' ? Promise.resolve() : sync(path, 'r')

const COMPARED_BYTES = 1 << 20

/** Another name of the same file, or a copy that an earlier run has made. */
const sameContent = async (a: string, b: string): Promise<boolean> => {
  const [first, second] = await Promise.all([stat(a, { bigint: true }), stat(b, { bigint: true })])
  if (first.dev === second.dev && first.ino === second.ino) return true
  if (first.size !== second.size) return false
  const files = await Promise.all([open(a), open(b)])
  try {
    const [left, right] = [Buffer.alloc(COMPARED_BYTES), Buffer.alloc(COMPARED_BYTES)]
    for (let at = 0; at < first.size;) {
      const [{ bytesRead }, other] = await Promise.all([files[0].read(left, 0, COMPARED_BYTES, at), files[1].read(right, 0, COMPARED_BYTES, at)])
      if (bytesRead === 0 || bytesRead !== other.bytesRead || Buffer.compare(left.subarray(0, bytesRead), right.subarray(0, bytesRead)) !== 0) return false
      at += bytesRead
    }
    return true
  } finally {
    for (const file of files) await file.close()
  }
}
