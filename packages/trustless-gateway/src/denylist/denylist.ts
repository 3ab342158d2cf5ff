/** What is not to be served: interfaces. */
import type { Awaitable } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

export interface Denial {
  /** 410: gone; 451: for legal reasons. */
  readonly status: 410 | 451
  /** Told to whoever asks: the name that the list gives itself, say. */
  readonly reason?: string | undefined
}

export interface Denylist {
  /**
   * Whether a block, or what stands under `path` in the DAG of `cid`, is denied. No promise where that is known at once.
   *
   * @param path - without a leading `/`, decoded; not given or empty: the CID itself
   * @throws {GatewayRefusal} `GATEWAY_DENYLIST_MISSING`
   */
  check (cid: CID, path?: string): Awaitable<Denial | undefined>
}
