/** Whether everything under the roots of a CAR of references can be had. */
import type { CallOptions } from '@dagstore/io'
import { BlockNotFoundError, type ShardBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { RefCarError } from './errors.ts'
import type { FileReference } from './file-reference.ts'
import { listDag } from './listing.ts'
import type { CheckOptions, RefCheck, RefFault } from './ref-car.ts'
import { callOptions, type RefLookup } from './ref-lookup.ts'
import { asFileFailure, failure, type ReferencedFiles } from './referenced-files.ts'

export interface CheckParts {
  readonly roots: readonly CID[]
  readonly lookup: RefLookup
  readonly blockstore: ShardBlockstore
  readonly files: ReferencedFiles
}

/** Told of a check, with the block or file at fault. */
const MAX_FAULTS = 100

interface FileEnd { last: FileReference, cid: CID, bytes: number }

export const checkRefCar = async ({ roots, lookup, blockstore, files }: CheckParts, { depth = 'stat', signal, onProgress }: CheckOptions): Promise<RefCheck> => {
  const faults: RefFault[] = []
  const ends = new Map<string, FileEnd>()
  let [references, bytes, doneBytes, faultCount] = [0, 0, 0, 0]
  const fault = (cid: CID | undefined, error: unknown, path: string | undefined): void => {
    signal?.throwIfAborted()
    if (isClosed(error)) throw error
    if (++faultCount <= MAX_FAULTS) faults.push({ cid, path: path ?? (error instanceof RefCarError ? error.reference?.path : undefined), code: codeOf(error), message: messageOf(error) })
  }
  for await (const { cid, stored, reference } of listDag(lookup, roots, { signal, onFault: (at, error) => { fault(at, error, undefined) } })) {
    if (reference !== undefined) {
      references++
      bytes += reference.size
      note(ends, cid, reference)
    } else if (!stored) {
      fault(cid, new BlockNotFoundError(cid), undefined)
      continue
    }
    if (depth === 'stat') continue
    try {
      doneBytes += (await blockstore.bytes(cid, callOptions(signal))).byteLength
    } catch (error) {
      fault(cid, error, reference?.path)
    }
    onProgress?.({ doneBytes, totalBytes: undefined })
  }
  if (depth === 'stat') {
    for (const [path, { last, cid, bytes: ofFile }] of ends) {
      signal?.throwIfAborted()
      await statFile(files, cid, last, { signal }).catch((error: unknown) => { fault(cid, error, path) })
      doneBytes += ofFile
      onProgress?.({ doneBytes, totalBytes: bytes })
    }
  }
  return { references, files: ends.size, bytes, faults, faultCount }
}

const note = (ends: Map<string, FileEnd>, cid: CID, reference: FileReference): void => {
  const end = ends.get(reference.path)
  if (end === undefined) {
    ends.set(reference.path, { last: reference, cid, bytes: reference.size })
    return
  }
  end.bytes += reference.size
  if (reference.offset + reference.size <= end.last.offset + end.last.size) return
  end.last = reference
  end.cid = cid
}

const statFile = async (files: ReferencedFiles, cid: CID, last: FileReference, options: CallOptions): Promise<void> => {
  let isLongEnough: boolean
  try {
    const source = await files.open(last.path, options)
    isLongEnough = source.sizeBytes >= last.offset + last.size
    await source.close()
  } catch (error) {
    throw asFileFailure(error, cid, last)
  }
  if (!isLongEnough) throw failure('REF_CAR_FILE_CHANGED', cid, last)
}

/** A file that cannot be read has a reason that its user can do something about. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return codeOf(error) === 'REF_CAR_FILE_UNREADABLE' && error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

const codeOf = (error: unknown): string => error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'REF_CAR_FILE_UNREADABLE'

const isClosed = (error: unknown): boolean => codeOf(error) === 'BLOCKSTORE_CLOSED'
