/** Pieces in keys and URLs. */
import { LOTUS_SCHEME } from '@dagstore/lotus-mount/mount'
import { toPieceCidV1 } from '@dagstore/piece'
import { CID } from 'multiformats/cid'

/** The v1 CID of a piece. @throws {Error} no CID, or none of a piece */
export const parsePiece = (text: string): CID => toPieceCidV1(CID.parse(text))

/** `undefined`: no URL of a piece. */
export const pieceOfUrl = (url: string): CID | undefined => {
  const start = `${LOTUS_SCHEME}://`
  if (!url.startsWith(start)) return undefined
  try {
    return parsePiece(url.slice(start.length))
  } catch {
    return undefined
  }
}
