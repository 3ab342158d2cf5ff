/** What the bytes of a piece are, wherever they come from. */
import type { SourceIdentity } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** @param piece - v1 */
export const contentIdentity = (piece: CID, sizeBytes: number): SourceIdentity => ({ kind: 'content', cid: piece.toString(), sizeBytes })
