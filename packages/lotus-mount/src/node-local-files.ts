/** Files of providers in the storage folders of this machine, opened read-only; nothing is made in or beside them. */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { classifyNodeError, openFileSource } from '@dagstore/io/node'
import type { StorageFolder } from './storage-folder.ts'

/** A folder given by its path alone may have anything in it, or not be there. */
export type AnyFolder = string | StorageFolder

export interface FoundFile {
  readonly source: ByteSource
  readonly path: string
}

/**
 * `<folder>/<kind>/<name>` in the first folder that has it. A folder that cannot be looked at, or whose disk is not there, fails
 * only when no other has the file.
 *
 * @returns `undefined`: in none of the folders
 * @throws {IoError} `IO_FORBIDDEN`, `IO_FAILED`
 */
export const findFile = (folders: readonly AnyFolder[], kind: string, name: string, options: CallOptions): Promise<FoundFile | undefined> =>
  firstIn(folders, kind, name, options, async (path) => ({ source: await openFileSource(path, { ...options, label: name }), path }))

/** Whether one of the folders has it, which is not opened. @throws as `findFile` */
export const hasFile = async (folders: readonly AnyFolder[], kind: string, name: string, options: CallOptions): Promise<boolean> => await firstIn(folders, kind, name, options, async (path) => {
  try {
    return await stat(path)
  } catch (error) {
    throw classifyNodeError(error, `storage; name=${name}`)
  }
}) !== undefined

const firstIn = async <T>(folders: readonly AnyFolder[], kind: string, name: string, options: CallOptions, take: (path: string) => Promise<T>): Promise<T | undefined> => {
  let failure: unknown
  for (const folder of folders) {
    options.signal?.throwIfAborted()
    const path = join(pathOf(folder), kind, name)
    try {
      return await take(path)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof IoError) || error.code !== 'IO_NOT_FOUND') failure ??= error
      else if (typeof folder !== 'string' && folder.isMarked) failure ??= await missingMark(folder.path)
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

export const pathOf = (folder: AnyFolder): string => typeof folder === 'string' ? folder : folder.path

const missingMark = async (path: string): Promise<IoError | undefined> => {
  try {
    await stat(join(path, 'sectorstore.json'))
    return undefined
  } catch (error) {
    const { code } = classifyNodeError(error, 'storage path')
    // what is in a folder whose disk is not there is not gone
    return code === 'IO_NOT_FOUND' ? new IoError('IO_FAILED', `storage path without sectorstore.json, is its disk there? name=${basename(path)}`, { retry: 'later' }) : undefined
  }
}
