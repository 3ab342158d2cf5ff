/** A CAR on disk, mounted with all that Node has to make it fast. */
import { openHashes } from '@dagstore/hashes/node'
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'
import { type IndexMount, type MountOptions, openIndexMount } from './mount.ts'

/**
 * Mount any CARv1 or CARv2 file. A detached index beside it, `<path>.idx`, is used if it is of this file; else the one in
 * the file; else one is built in memory. Nothing is ever written.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, …
 * @throws {CarV2Error} it is no CAR, or a damaged one
 */
export const openCarFile = async (path: string, options: Omit<MountOptions, 'owns'> & CallOptions = {}): Promise<IndexMount> => {
  const { signal } = options
  const data = await openFileSource(path, { signal })
  let index: ByteSource | undefined
  try {
    index = await openIndexBeside(`${path}.idx`, options)
    return await openIndexMount({ data, index }, { ...options, hashes: options.hashes ?? await openHashes(), owns: true })
  } catch (error) {
    for (const part of [index, data]) await part?.close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}

/** One that is not there is no matter, and neither is one that may not be read: the CAR itself tells the same. */
const openIndexBeside = async (path: string, { signal, onNotice }: Pick<MountOptions, 'onNotice'> & CallOptions): Promise<ByteSource | undefined> => {
  try {
    return await openFileSource(path, { signal })
  } catch (error) {
    if (!(error instanceof IoError)) throw error
    if (error.code !== 'IO_NOT_FOUND') onNotice?.(`index beside the CAR is not used: ${error.message}`)
    return undefined
  }
}
