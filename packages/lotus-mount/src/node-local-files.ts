/** Files of providers in the storage folders of this machine, opened read-only; nothing is made in or beside them. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { classifyNodeError, openFileSource } from '@dagstore/io/node'
import { whyNotThere } from './node-storage-folders.ts'
import type { StorageFolder, StoragePlace } from './storage-folder.ts'

/** A folder given by its path alone may have anything in it, or not be there. */
export type AnyFolder = string | StorageFolder | StoragePlace

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

const firstIn = async <T>(places: readonly AnyFolder[], kind: string, name: string, options: CallOptions, take: (path: string) => Promise<T>): Promise<T | undefined> => {
  let failure: unknown
  const failed = (error: unknown): void => { failure ??= error }
  for (const place of places) {
    for (const folder of await foldersOf(place, failed)) {
      options.signal?.throwIfAborted()
      try {
        const found = await takeFrom(folder, join(kind, name), options, take)
        if (found !== undefined) return found
      } catch (error) {
        options.signal?.throwIfAborted()
        failed(error)
      }
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

/** @throws what keeps it from being known */
const takeFrom = async <T>(folder: string | StorageFolder, name: string, { signal }: CallOptions, take: (path: string) => Promise<T>): Promise<T | undefined> => {
  try {
    return await take(join(pathOf(folder), name))
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof IoError) || error.code !== 'IO_NOT_FOUND') throw error
    const why = typeof folder === 'string' ? undefined : await whyNotThere(folder)
    if (why !== undefined) throw why
    return undefined
  }
}

const foldersOf = async (place: AnyFolder, failed: (error: unknown) => void): Promise<readonly (string | StorageFolder)[]> => {
  if (typeof place === 'string' || !('folders' in place)) return [place]
  try {
    return await place.folders()
  } catch (error) {
    failed(error)
    return []
  }
}

const pathOf = (folder: string | StorageFolder): string => typeof folder === 'string' ? folder : folder.path

/** Where is looked now. */
export const pathsOf = (places: readonly AnyFolder[]): readonly string[] => places.flatMap((place) => typeof place === 'object' && 'folders' in place ? place.known?.map(pathOf) ?? [place.path] : [pathOf(place)])
