/** Pieces that are only sealed, where the operator is to say whether they are unsealed: he is told in the log, and answers with `recover-shard`. */
import type { ShardInfo } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'
import { isSealedFailure, LOTUS_SCHEME } from '@dagstore/lotus-mount/mount'
import type { Logger } from '../log/logs.ts'

export interface SealedAsks {
  /** For the piece loader. @param piece - v1 */
  ask (piece: string): Promise<'reject' | 'queue'>
  /** Whether he has not answered for the piece of this shard, which another process may have asked about. */
  isWaiting (info: Waiting): boolean
  /** Somebody who may recover this shard does so: its piece, if it waits for that, may be unsealed until the daemon ends. */
  allow (key: string, options?: CallOptions): Promise<void>
}

type Waiting = Pick<ShardInfo, 'health' | 'mountUrl' | 'error'>

export interface SealedAsksOptions {
  readonly log: Pick<Logger, 'warn' | 'info'>
  /** Whether anybody is asked, and could have a piece unsealed. */
  readonly asks: boolean
  readonly shardOf: (key: string, options?: CallOptions) => Promise<Waiting | undefined>
}

/** Pieces that are remembered; the first ones are forgotten first, and asked about again. */
const MAX_PIECES = 16_384

export const createSealedAsks = ({ log, asks, shardOf }: SealedAsksOptions): SealedAsks => {
  /** Whether it may be unsealed, by piece. */
  const pieces = new Map<string, boolean>()
  const remember = (piece: string, allowed: boolean): void => {
    pieces.set(piece, allowed)
    const [oldest] = pieces.size > MAX_PIECES ? pieces.keys() : []
    if (oldest !== undefined) pieces.delete(oldest)
  }
  const waitingPiece = ({ health, mountUrl, error }: Waiting): string | undefined => {
    // a copy that is not sealed may have been found since
    if (!asks || health !== 'errored' || error === undefined || !isSealedFailure(error)) return undefined
    const piece = mountUrl.startsWith(`${LOTUS_SCHEME}://`) ? mountUrl.slice(LOTUS_SCHEME.length + 3) : undefined
    return piece === undefined || pieces.get(piece) === true ? undefined : piece
  }
  return {
    ask: async (piece) => {
      const known = pieces.get(piece)
      if (known === true) return 'queue'
      if (known === undefined) {
        log.warn(`a piece is only sealed; to have it unsealed: dagstore recover-shard ${piece}`, { piece })
        remember(piece, false)
      }
      return 'reject'
    },
    isWaiting: (info) => waitingPiece(info) !== undefined,
    allow: async (key, options) => {
      const info = await shardOf(key, options)
      const piece = info === undefined ? undefined : waitingPiece(info)
      if (piece === undefined) return
      remember(piece, true)
      log.info('a piece is unsealed, as the operator says', { piece, shard: key })
    },
  }
}
