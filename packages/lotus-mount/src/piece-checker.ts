/** Whether bytes that come in order are those of a piece CID. */
import type { ContentCheck, ContentChecker } from '@dagstore/mounts'
import { createCommP, isPieceSize, MAX_PIECE_PADDED, padCommitment, parsePieceCid, type PieceCidFacts, type PieceCommitment, PieceError, type PieceEngine } from '@dagstore/piece'
import { CID } from 'multiformats/cid'

export interface PieceCheckerOptions {
  /** @default plain JavaScript; `createPieceEngine()` of `@dagstore/piece/node` is many times as fast */
  readonly engine?: PieceEngine | undefined
}

/**
 * For `openTransients({ checker })` and `verifying`: commP is computed while the bytes come. They are those of a v1 CID when they
 * are its payload before zeros up to any size of a piece, since v1 does not say the size; for v2 up to the size that it says.
 */
export const pieceChecker = (options: PieceCheckerOptions = {}): ContentChecker => ({ cid }) => {
  const facts = factsOf(cid)
  return facts === undefined ? undefined : checkOf(facts, options)
}

const factsOf = (cid: string): PieceCidFacts | undefined => {
  try {
    return parsePieceCid(CID.parse(cid))
  } catch {
    return undefined // the name of something else
  }
}

const checkOf = (facts: PieceCidFacts, options: PieceCheckerOptions): ContentCheck => {
  const commp = createCommP(options)
  /** More came than any piece holds, or nothing. */
  let isNone = false
  const asked = <T>(work: () => T): T | undefined => {
    if (isNone) return undefined
    try {
      return work()
    } catch (error) {
      if (!(error instanceof PieceError)) throw error
      isNone = true
      return undefined
    }
  }
  return {
    update: (bytes) => { asked(() => { commp.write(bytes) }) },
    matches: () => {
      const found = asked(() => commp.finish())
      return found !== undefined && isPieceOf(found, facts)
    },
  }
}

const isPieceOf = (found: PieceCommitment, { commitment, paddedBytes }: PieceCidFacts): boolean => {
  for (let size = found.paddedBytes; size <= MAX_PIECE_PADDED && isPieceSize(size); size *= 2) {
    if (paddedBytes !== undefined && size !== paddedBytes) continue
    const padded = padCommitment(found.commitment, found.paddedBytes, size)
    if (padded.every((byte, at) => byte === commitment[at])) return true
  }
  return false
}
