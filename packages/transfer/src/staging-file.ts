/** What a file is that a payload is to be received into: new, unfinished or finished. */
import { type CarLayout, CarV2Error, encodeCarV1Header, PRAGMA, readLayout, scanSections } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { type CallOptions, sourceOfFile, type WritableFile } from '@dagstore/io'
import { createWritableCar, type FinalizedFacts, resumeWritableCar, type WritableCar, WritableCarError } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'
import { TransferError } from './errors.ts'

export interface StagingOptions extends CallOptions {
  readonly root: CID
  readonly totalBytes: number
  readonly hashes: Hashes
  readonly maxSectionBytes: number
}

export type Staging =
  | { readonly car: WritableCar }
  | { readonly facts: (options: CallOptions) => Promise<FinalizedFacts> }

/** What stands before the sections of a file that was just made, and its first part, which is written at once. */
const NEW_FILE_BYTES = 4096
const HEAD_BYTES = 512
/** The pragma, and zeros where the CARv2 header will stand and up to the first note. */
const BLANK_BYTES = 64
/** Each whole CID is a section: two codecs of one multihash are two, and identity CIDs are sections. Blocks are hashed before they are put. */
const RULES = { wholeCid: true, identity: 'full', duplicates: 'skip', verifyPuts: 'caller', owns: false } as const

/** @throws {TransferError} `TRANSFER_OTHER` */
export const openStaging = async (file: WritableFile, options: StagingOptions): Promise<Staging> => {
  const { root, hashes, signal, maxSectionBytes } = options
  signal?.throwIfAborted()
  if (await isStillborn(file)) await file.truncate(0)
  if (file.sizeBytes === 0) return { car: await createWritableCar(file, { ...RULES, roots: [root], hashes, maxSectionBytes }) }
  try {
    const car = await resumeWritableCar(file, { owns: false, verifyPuts: 'caller', hashes, signal })
    if (isOf(root, car)) return { car }
    await car.discard()
  } catch (cause) {
    if (!(cause instanceof WritableCarError)) throw cause
    if (cause.code === 'WRITABLE_CAR_FINALIZED') return { facts: await openFinished(file, options) }
    throw new TransferError('TRANSFER_OTHER', `the file cannot be gone on with; cause=${cause.code}`, { cause })
  }
  throw new TransferError('TRANSFER_OTHER', 'the file holds another DAG')
}

/** The roots of a file that was cut while it was made may be lost; then there is nothing else in it either. */
const isOf = (root: CID, { roots, blockCount }: WritableCar): boolean =>
  roots === undefined ? blockCount === 0 : roots.length === 1 && roots[0]?.equals(root) === true

/** Cut before its first part was on disk: nothing, or less than a file of ours begins with. */
const isStillborn = async (file: WritableFile): Promise<boolean> => {
  if (file.sizeBytes === 0 || file.sizeBytes > NEW_FILE_BYTES) return false
  const head = await file.read(0, Math.min(HEAD_BYTES, file.sizeBytes))
  if (head.every((byte) => byte === 0)) return true
  // less than that part of it; what go-car makes has a header where ours has zeros
  return head.byteLength < HEAD_BYTES && head.subarray(0, BLANK_BYTES).every((byte, at) => byte === (PRAGMA[at] ?? 0))
}

const openFinished = async (file: WritableFile, { root, totalBytes, signal }: StagingOptions): Promise<(options: CallOptions) => Promise<FinalizedFacts>> => {
  const source = sourceOfFile(file)
  let layout: CarLayout
  try {
    layout = await readLayout(source, { signal })
  } catch (cause) {
    if (!(cause instanceof CarV2Error)) throw cause
    throw new TransferError('TRANSFER_OTHER', `the file is damaged; cause=${cause.code}`, { cause })
  }
  const { roots, payloadBytes, headerBytes } = layout
  if (roots.length !== 1 || roots[0]?.equals(root) !== true || payloadBytes !== totalBytes) throw new TransferError('TRANSFER_OTHER', 'the file holds another DAG')
  if (headerBytes !== encodeCarV1Header([root]).byteLength) throw new TransferError('TRANSFER_OTHER', 'the file has another header')
  return async (options) => {
    let blockCount = 0
    for await (const _ of scanSections(source, layout, options)) blockCount++
    return { roots, payloadBytes, blockCount, sizeBytes: file.sizeBytes }
  }
}
