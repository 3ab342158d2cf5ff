/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Pieces as blockstores: Lotus's wrapper around the DAG store.
 *
 * Source: lotus markets/dagstore/wrapper.go `LoadShard`. Stricter: an abort leaves no lease behind; two calls for a piece that nobody has
 * registered both get it.
 */
import type { Dagstore } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'
import { lotusUrl } from '@dagstore/lotus-mount/mount'
import { type AnyPieceCid, toPieceCidV1 } from '@dagstore/piece'
import { promote, type PromotedBlockstore } from '@dagstore/promote-blockstore'

export interface ShardLoaderOptions {
  readonly dagstore: Pick<Dagstore, 'acquire'>
}

export interface ShardLoader {
  /**
   * The piece as a full blockstore that refuses writes; the caller closes it, and with it the lease. A piece that nobody has registered is
   * registered as `lotus://<piece CID>` first, once for all callers.
   *
   * @throws {PieceError} `PIECE_BAD_CID`
   * @throws {DagstoreError} as `acquire`
   */
  loadShard(piece: AnyPieceCid, options?: CallOptions): Promise<PromotedBlockstore>
}

export const createShardLoader = ({ dagstore }: ShardLoaderOptions): ShardLoader => ({
  loadShard: async (piece, { signal } = {}) => {
    const lease = await dagstore.acquire(toPieceCidV1(piece).toString(), { registerAs: lotusUrl(piece), signal })
    if (signal?.aborted !== true) return promote(lease.blockstore, lease)
    await lease.close()
    throw signal.reason
  },
})
