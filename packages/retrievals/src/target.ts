/** The file of a retrieval, in whatever state it is found. */
import { openIndexMount } from '@dagstore/carv2-index-mount'
import type { Hashes } from '@dagstore/hashes'
import { type Directory, IoError, type WritableFile } from '@dagstore/io'
import { createWritableCar, extendWritableCar, resumeWritableCar, type WritableCar, WritableCarError } from '@dagstore/writable-carv2'
import type { ShardBlockstore } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { RetrievalError } from './errors.ts'

export interface FinishedCar {
  readonly blockstore: ShardBlockstore
  readonly roots: readonly CID[]
  close(): Promise<void>
}

/** Where a retrieval's file stands before anything is done to it. */
export type Found =
  | { readonly state: 'absent' }
  | { readonly state: 'unfinished', readonly car: WritableCar }
  | { readonly state: 'finished', readonly car: FinishedCar }

const PRAGMA: readonly number[] = [0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02]
const HEADER_END = 51
/** Before the first section of a file of writable-carv2. */
const HEAD_BYTES = 4096

/**
 * Look at the file, open: what was cut off in the middle of its creation is removed, since nothing was in it.
 *
 * @throws {WritableCarError} `WRITABLE_CAR_DAMAGED`, `WRITABLE_CAR_NOT_OURS`: the name belongs to something else
 */
export const findCar = async (directory: Directory, name: string, hashes: Hashes, signal: AbortSignal | undefined): Promise<Found> => {
  let file: WritableFile
  try {
    file = await directory.openWritable(name, 'open')
  } catch (error) {
    if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return { state: 'absent' }
    throw error
  }
  try {
    return { state: 'unfinished', car: await resumeWritableCar(file, { hashes, verifyPuts: 'caller', signal }) }
  } catch (error) {
    const stillborn = error instanceof WritableCarError && error.code === 'WRITABLE_CAR_NOT_OURS' && await isStillborn(file)
    await file.close()
    if (stillborn) {
      await directory.remove(name)
      return { state: 'absent' }
    }
    if (error instanceof WritableCarError && error.code === 'WRITABLE_CAR_FINALIZED') return { state: 'finished', car: await openFinished(directory, name, hashes, signal) }
    throw error
  }
}

/** @throws {RetrievalError} `RETRIEVAL_UNKNOWN`, `RETRIEVAL_NOT_FINISHED` */
export const openFinished = async (directory: Directory, name: string, hashes: Hashes, signal: AbortSignal | undefined): Promise<FinishedCar> => {
  try {
    const data = await directory.openSource(name, { signal })
    try {
      return await openIndexMount({ data }, { hashes, signal })
    } catch (error) {
      await data.close()
      throw error
    }
  } catch (cause) {
    if (cause instanceof IoError && cause.code === 'IO_NOT_FOUND') throw new RetrievalError('RETRIEVAL_UNKNOWN', `no such retrieval; name=${name}`, { cause })
    if (cause instanceof Error && 'code' in cause && cause.code === 'CARV2_NOT_FINALIZED') {
      throw new RetrievalError('RETRIEVAL_NOT_FINISHED', `retrieval is not finished; name=${name}`, { cause })
    }
    throw cause
  }
}

export const createCar = async (directory: Directory, name: string, roots: readonly CID[], hashes: Hashes): Promise<WritableCar> => {
  const file = await directory.openWritable(name, 'new')
  try {
    return await createWritableCar(file, { roots, hashes, verifyPuts: 'caller' })
  } catch (error) {
    await file.close()
    await directory.remove(name)
    throw error
  }
}

export const extendCar = async (directory: Directory, name: string, hashes: Hashes, signal: AbortSignal | undefined): Promise<WritableCar> => {
  const file = await directory.openWritable(name, 'open')
  try {
    return await extendWritableCar(file, { hashes, verifyPuts: 'caller', signal })
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Only parts of the head reached the disk: no section, and no header of a finished CARv2. */
const isStillborn = async (file: WritableFile): Promise<boolean> => {
  if (file.sizeBytes > HEAD_BYTES) return false
  const head = await file.read(0, Math.min(file.sizeBytes, HEADER_END))
  return head.every((byte, at) => byte === 0 || byte === PRAGMA[at])
}

export const sameRoots = (a: readonly CID[], b: readonly CID[]): boolean => a.length === b.length && a.every((cid, at) => b[at]?.equals(CID.asCID(cid)) === true)
