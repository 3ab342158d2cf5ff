/** The gateway of a store, as its configuration wants it. */
import type { Clock } from '@dagstore/io'
import { createGateway, type Denylist, type Gateway, type GatewayEvent } from '@dagstore/trustless-gateway'
import type { ShardStore } from '../compose.ts'
import { gatewayLimits } from '../config/apply.ts'
import type { Config } from '../config/config.ts'
import { watchIndexed } from './changes.ts'
import { gatewayPieces } from './pieces.ts'
import { firstOfPieces, shardPieces } from './shard-pieces.ts'

export interface StoreGatewayOptions {
  readonly config: Config
  readonly clock: Clock
  readonly denylist: Denylist | undefined
  readonly onEvent?: ((event: GatewayEvent) => void) | undefined
}

export const createStoreGateway = ({ dagstore, pieces, hashes }: Pick<ShardStore, 'dagstore' | 'pieces' | 'hashes'>, { config, clock, denylist, onEvent }: StoreGatewayOptions): Gateway => createGateway({
  blockstore: dagstore.blockstore,
  pieces: firstOfPieces([shardPieces(dagstore), gatewayPieces(pieces.loader)]),
  hashes,
  verify: 'never', // the store does
  limits: gatewayLimits(config),
  unindexed: { waitMs: config.gatewayWaitMs, changed: watchIndexed(dagstore).changed },
  denylist,
  clock,
  onEvent,
})
