/** The file in which the bytes of a deal wait for sealing: how it comes there, is checked, read, and goes. */
import { type ByteProgress, type ByteSource, compareIdentity, IoError, readChunks, type WritableFile } from '@dagstore/io'
import type { DealProposal, DealTerms, ProviderDeal, StagedPiece } from '@dagstore/deal-protocol'
import { TransferError } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { codeOf } from './failure.ts'
import type { Parts } from './parts.ts'
import { candidateWindows, createPieceCheck, matchPiece, type MatchOptions, type PieceWindow } from './piece-window.ts'
import { hasEnded } from './wants.ts'

export const STAGING = 'deal-staging'

type StagingParts = Pick<Parts, 'files' | 'localFiles' | 'openCommP' | 'clock'>

export interface StageOptions {
  readonly signal: AbortSignal
  /** Another process has begun the same, and may have brought the file. @default false */
  readonly resumed?: boolean | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** Name of the file below the store's root, unless it is borrowed. */
export const stagedName = (proposalCid: CID): string => `${STAGING}/${proposalCid.toString()}.car`

/**
 * For what comes over the network. The deal may end before its file is there, and nobody would delete that any more.
 *
 * @throws {TransferError} `TRANSFER_REFUSED`: it has. {IoError}
 */
export const openStaging = async ({ files, deals }: Pick<Parts, 'files' | 'deals'>, proposalCid: CID): Promise<WritableFile> => {
  const name = stagedName(proposalCid)
  const file = await files.openWritable(name, 'any')
  try {
    const now = await deals.get(proposalCid)
    if (now !== undefined && !hasEnded(now)) return file
    await files.remove(name)
    throw new TransferError('TRANSFER_REFUSED', 'the deal does not wait for data any more')
  } catch (error) {
    await file.close()
    throw error
  }
}

/** @throws {IoError} */
export const openStaged = ({ files, localFiles }: StagingParts, proposalCid: CID, { mode, path }: StagedPiece, signal: AbortSignal): Promise<ByteSource> =>
  mode === 'borrow' ? localFiles.open(path, { signal }) : files.openSource(stagedName(proposalCid), { signal })

/**
 * Bring the bytes to where they wait, and check them. On any failure or abort the source is as it was, and nothing of ours stays; a file is
 * moved only after it was checked, and from then on an abort comes too late.
 *
 * @throws {DealProviderError} `DEAL_PIECE_MISMATCH`
 * @throws {CarV2Error} `CARV2_REFERENCES`
 * @throws {IoError}
 */
export const stage = async (parts: StagingParts, { proposalCid, proposal }: Pick<DealTerms, 'proposalCid' | 'proposal'>, staged: StagedPiece, options: StageOptions): Promise<PieceWindow> => {
  const match: MatchOptions = { ...options, openCommP: parts.openCommP }
  const name = stagedName(proposalCid)
  if (staged.mode === 'borrow' || staged.mode === 'transfer') return matchStaged(parts, proposalCid, proposal, staged, match)
  if (await parts.files.stat(name) !== undefined) {
    // an earlier process has brought it, and not lived to say so; a copy of what an earlier import has moved here is not taken for it, since copies are deleted
    const window = staged.mode === 'move' || options.resumed === true ? await matchStaged(parts, proposalCid, proposal, staged, match).catch(ifMatching) : undefined
    if (window !== undefined) return window
    // it may be the only copy of whatever it is
    await parts.files.rename(name, refusedName(name, parts))
  }
  return staged.mode === 'copy' ? copyIn(parts, name, proposal, staged.path, match) : moveIn(parts, proposalCid, proposal, staged, match)
}

const ifMatching = (error: unknown): undefined => {
  if (codeOf(error) !== 'DEAL_PIECE_MISMATCH') throw error
}

const refusedName = (name: string, { clock }: StagingParts): string => `${name}.${clock.now()}.refused`

const matchStaged = async (parts: StagingParts, proposalCid: CID, proposal: DealProposal, staged: StagedPiece, options: MatchOptions): Promise<PieceWindow> => {
  const source = await openStaged(parts, proposalCid, staged, options.signal ?? new AbortController().signal)
  try {
    return await matchPiece(source, proposal, options)
  } finally {
    await source.close()
  }
}

/** What is written is what was checked: the commitment is taken of the chunks on their way. */
const copyIn = async ({ files, localFiles, openCommP }: StagingParts, name: string, proposal: DealProposal, path: string, options: MatchOptions): Promise<PieceWindow> => {
  const { signal, onProgress } = options
  const source = await localFiles.open(path, { signal })
  try {
    const [first, second] = await candidateWindows(source, proposal, { signal })
    // only of a CARv2 there are two; where there is none, the search says so
    const window = first === undefined || second !== undefined ? await matchPiece(source, proposal, options) : first
    const free = await files.freeBytes()
    if (free !== undefined && free < window.length) throw new IoError('IO_FULL', `no room for the data of a deal; in=${STAGING} need=${window.length} free=${free}`, { retry: 'later' })
    const check = createPieceCheck(proposal, openCommP, { signal })
    const checked = async function * (): AsyncGenerator<Uint8Array, void, undefined> {
      let doneBytes = 0
      for await (const chunk of readChunks(source, window.start, window.start + window.length, { signal })) {
        await check.write(chunk)
        yield chunk
        doneBytes += chunk.byteLength
        onProgress?.({ doneBytes, totalBytes: window.length })
      }
      await check.finish()
    }
    try {
      await files.writeAtomic(name, checked(), { signal })
    } finally {
      await check.close()
    }
    return { start: 0, length: window.length }
  } finally {
    await source.close()
  }
}

const moveIn = async (parts: StagingParts, proposalCid: CID, proposal: DealProposal, staged: StagedPiece, options: MatchOptions): Promise<PieceWindow> => {
  const { files, localFiles } = parts
  const name = stagedName(proposalCid)
  const source = await localFiles.open(staged.path, { signal: options.signal })
  let window: PieceWindow
  try {
    window = await matchPiece(source, proposal, options)
  } finally {
    await source.close()
  }
  options.signal?.throwIfAborted()
  await localFiles.move(staged.path, name.slice(STAGING.length + 1))
  const moved = await files.openSource(name)
  await moved.close()
  if (compareIdentity(source.identity, moved.identity) === 'same') return window
  try {
    return await matchStaged(parts, proposalCid, proposal, staged, { openCommP: options.openCommP })
  } catch (error) {
    // it was written to in between, and is the only copy of whatever it is now
    if (codeOf(error) === 'DEAL_PIECE_MISMATCH') await files.rename(name, refusedName(name, parts))
    throw error
  }
}

/**
 * Delete what was staged, if it is ours to delete; idempotent.
 *
 * @param ended - the deal is active, or was: a file that was moved here is no longer anybody's only copy
 * @returns what stays
 */
export const unstage = async ({ files }: Pick<Parts, 'files'>, { proposalCid, staged }: Pick<ProviderDeal, 'proposalCid' | 'staged'>, ended: boolean): Promise<StagedPiece | undefined> => {
  if (staged === undefined || staged.mode === 'borrow') return undefined
  if (staged.mode === 'move' && !ended) return staged
  await files.remove(stagedName(proposalCid))
  return undefined
}
