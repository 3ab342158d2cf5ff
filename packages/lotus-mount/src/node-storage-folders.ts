/**
 * Where a storage provider keeps its sectors, as its own files say; they are read and nothing else.
 *
 *     storage.json       {"StoragePaths": [{"Path": "/mnt/a"}]}         in the repository of Lotus, Boost or Curio
 *     sectorstore.json   {"ID": "…", "Weight": 10, "CanStore": true, …}  in each storage path
 *
 * Source: lotus storage/sealer/storiface/storage.go `StorageConfig`, `LocalStorageMeta`; curio has the same files.
 */
import { open, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { IoError } from '@dagstore/io'
import { classifyNodeError } from '@dagstore/io/node'
import { PieceLoaderError } from './errors.ts'
import type { StorageFolder } from './storage-folder.ts'

const CONFIG = 'storage.json'
const MARK = 'sectorstore.json'
/** What a storage path without the mark is known by. */
const KINDS = ['unsealed', 'piece'] as const
/** A longer one is no such file. */
const MAX_JSON_BYTES = 1 << 20

/**
 * The storage paths behind `path`: a `storage.json`, a repository that has one, or a storage path itself. A storage path whose disk
 * is not there is among them.
 *
 * @throws {PieceLoaderError} `PIECE_BAD_STORAGE`: none of these, or a `storage.json` that names no storage paths
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED`
 */
export const readStorageFolders = async (path: string): Promise<readonly StorageFolder[]> => {
  const place = resolve(path)
  if (await isFile(place)) return readConfig(place)
  if (await exists(join(place, CONFIG))) return readConfig(join(place, CONFIG))
  const folder = await folderAt(place)
  if (folder.isMarked) return [folder]
  for (const kind of KINDS) if (await exists(join(place, kind))) return [folder]
  throw new PieceLoaderError('PIECE_BAD_STORAGE', `no storage; want=${CONFIG}, a folder that has it, or one with unsealed/ name=${basename(place)}`, undefined)
}

/** Another text when the `storage.json` at or in `path` is another one; '' where there is none, `undefined`: it cannot be looked at. */
export const storageVersion = async (path: string): Promise<string | undefined> => {
  try {
    const at = await stat(path, { bigint: true })
    const { ino, size, mtimeNs } = at.isFile() ? at : await stat(join(path, CONFIG), { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch (error) {
    return classifyNodeError(error, 'storage').code === 'IO_NOT_FOUND' ? '' : undefined
  }
}

/** `undefined`: its disk is there. */
export const whyNotThere = async ({ path, isMarked }: StorageFolder): Promise<IoError | undefined> => {
  for (const sign of isMarked ? [MARK] : KINDS) {
    try {
      await stat(join(path, sign))
      return undefined
    } catch (error) {
      const failure = classifyNodeError(error, `storage path; path=${path}`)
      if (failure.code !== 'IO_NOT_FOUND') return failure
    }
  }
  // what is in a folder whose disk is not there is not gone
  return new IoError('IO_FAILED', `storage path without ${isMarked ? MARK : KINDS.map((kind) => `${kind}/`).join(' and ')}, is its disk there? path=${path}`, { retry: 'later' })
}

const readConfig = async (file: string): Promise<readonly StorageFolder[]> => {
  const value = await readJson(file)
  const paths = isRecord(value) ? value['StoragePaths'] ?? [] : undefined
  if (!Array.isArray(paths)) throw bad(file, 'StoragePaths is no list')
  const folders: StorageFolder[] = []
  for (const [at, entry] of paths.entries()) {
    const path: unknown = isRecord(entry) ? entry['Path'] : undefined
    if (typeof path !== 'string' || path === '') throw bad(file, `StoragePaths[${at}].Path is no text`)
    const whole = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
    if (!isAbsolute(whole)) throw bad(file, `StoragePaths[${at}].Path is not absolute`)
    // named here, so it has the mark whenever its disk is there
    folders.push({ ...await folderAt(whole), isMarked: true })
  }
  if (folders.length === 0) throw bad(file, 'no storage paths; give the folders themselves')
  return folders
}

const folderAt = async (path: string): Promise<StorageFolder> => {
  const mark = join(path, MARK)
  if (!await exists(mark)) return { path, id: undefined, isMarked: false }
  const value = await readJson(mark).catch(() => undefined) // damaged or not for us to read: the folder is one all the same
  const id: unknown = isRecord(value) ? value['ID'] : undefined
  return { path, id: typeof id === 'string' ? id : undefined, isMarked: true }
}

const readJson = async (file: string): Promise<unknown> => {
  const what = `storage; name=${basename(file)}`
  let text: string
  try {
    const opened = await open(file, 'r')
    try {
      const { size } = await opened.stat()
      if (size > MAX_JSON_BYTES) throw bad(file, `too long; max=${MAX_JSON_BYTES} got=${size}`)
      text = await opened.readFile('utf8')
    } finally {
      await opened.close()
    }
  } catch (error) {
    throw error instanceof PieceLoaderError ? error : classifyNodeError(error, what)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw bad(file, 'not JSON', cause)
  }
}

const bad = (file: string, message: string, cause?: unknown): PieceLoaderError =>
  new PieceLoaderError('PIECE_BAD_STORAGE', `${basename(file)}: ${message}`, undefined, cause === undefined ? {} : { cause })

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)

const isFile = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    throw classifyNodeError(error, `storage; name=${basename(path)}`)
  }
}

/** Rejects when it cannot be known. */
const exists = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return true
  } catch (error) {
    const failure = classifyNodeError(error, `storage; name=${basename(path)}`)
    if (failure.code === 'IO_NOT_FOUND') return false
    throw failure
  }
}
