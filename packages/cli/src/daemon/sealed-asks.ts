/** Pieces that are only sealed, where the operator is to say whether they are unsealed: he is told in the log, and answers with `recover-shard`. */
import type { ShardInfo } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'
import { LOTUS_SCHEME } from '@dagstore/lotus-mount/mount'
import type { Logger } from '../log/logs.ts'

export interface SealedAsks {
  /** For the piece loader. @param piece - v1 */
  ask (piece: string): Promise<'reject' | 'queue'>
  /** Whether he has not answered for the piece of this shard. */
  isWaiting (info: Pick<ShardInfo, 'health' | 'mountUrl'>): boolean
  /** Somebody who may recover this shard does so: its piece, if it was asked about, may be unsealed until the daemon ends. */
  allow (key: string, options?: CallOptions): Promise<void>
}

export interface SealedAsksOptions {
  readonly log: Pick<Logger, 'warn' | 'info'>
  /** Where the bytes of a shard are; `undefined`: there is no such shard. */
  readonly mountUrlOf: (key: string, options?: CallOptions) => Promise<string | undefined>
}

/** Pieces that are remembered; the first ones are forgotten first, and asked about again. */
const MAX_PIECES = 16_384

export const createSealedAsks = ({ log, mountUrlOf }: SealedAsksOptions): SealedAsks => {
  /** Whether it may be unsealed, by piece. */
  const pieces = new Map<string, boolean>()
  return {
    ask: async (piece) => {
      const known = pieces.get(piece)
      if (known === true) return 'queue'
      if (known === undefined) {
        log.warn(`a piece is only sealed; to have it unsealed: dagstore recover-shard ${piece}`, { piece })
        pieces.set(piece, false)
        const [oldest] = pieces.size > MAX_PIECES ? pieces.keys() : []
        if (oldest !== undefined) pieces.delete(oldest)
      }
      return 'reject'
    },
    // a copy that is not sealed may have been found since
    isWaiting: ({ health, mountUrl }) => health === 'errored' && pieces.get(pieceOf(mountUrl) ?? '') === false,
    allow: async (key, options) => {
      const url = await mountUrlOf(key, options)
      const piece = url === undefined ? undefined : pieceOf(url)
      if (piece === undefined || pieces.get(piece) !== false) return
      pieces.set(piece, true)
      log.info('a piece is unsealed, as the operator says', { piece, shard: key })
    },
  }
}

const pieceOf = (mountUrl: string): string | undefined => mountUrl.startsWith(`${LOTUS_SCHEME}://`) ? mountUrl.slice(LOTUS_SCHEME.length + 3) : undefined
