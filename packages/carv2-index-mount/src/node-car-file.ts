/** A CAR on disk, mounted with all that Node has to make it fast. */
import { openHashes } from '@dagstore/hashes/node'
import { type CallOptions, IoError } from '@dagstore/io'
import { type FilePool, openFileSource } from '@dagstore/io/node'
import { type IndexMount, type MountOptions, openMount } from './mount.ts'

export interface CarFileMountOptions extends Omit<MountOptions, 'owns'>, CallOptions {
  /** Where descriptors come from when very many files are mounted; see `createFilePool` of `@dagstore/io/node`. @default one for each file */
  readonly files?: Pick<FilePool, 'openSource'> | undefined
  /** Names the file in messages. @default the path as given */
  readonly label?: string | undefined
}

/**
 * Mount any CARv1 or CARv2 file. A detached index beside it, `<path>.idx`, is used if it is of this file; else the one in
 * the file; else one is built in memory, also when an index can not be read. Nothing is ever written.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, …
 * @throws {CarV2Error} it is no CAR, or a damaged one
 */
export const openCarFile = async (path: string, options: CarFileMountOptions = {}): Promise<IndexMount> => {
  const { signal, label = path, onNotice } = options
  const open = options.files?.openSource ?? openFileSource
  const [data, index] = await Promise.allSettled([open(path, { signal, label }), open(`${path}.idx`, { signal, label: `${label}.idx` })])
  try {
    if (data.status === 'rejected') throw data.reason
    const found = index.status === 'fulfilled' ? index.value : notUsed(index.reason, onNotice)
    return await openMount({ data: data.value, index: found }, { ...options, hashes: options.hashes ?? await openHashes(), owns: true }, true)
  } catch (error) {
    for (const part of [index, data]) if (part.status === 'fulfilled') await part.value.close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}

/** One that is not there is no matter, and neither is one that may not be read: the CAR itself tells the same. */
const notUsed = (error: unknown, onNotice: ((text: string) => void) | undefined): undefined => {
  if (!(error instanceof IoError)) throw error
  if (error.code !== 'IO_NOT_FOUND') onNotice?.(`index beside the CAR is not used: ${error.message}`)
}
