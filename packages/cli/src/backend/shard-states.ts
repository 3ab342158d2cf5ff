/** States of shards as Lotus names them, and as the store has them. */
import type { Health } from '@dagstore/dagstore'
import type { ShardState } from '@dagstore/lotus-api'

export const HEALTHS: Readonly<Record<ShardState, Health>> = {
  ShardStateNew: 'new',
  ShardStateInitializing: 'initializing',
  ShardStateAvailable: 'available',
  ShardStateServing: 'available',
  ShardStateRecovering: 'recovering',
  ShardStateErrored: 'errored',
  ShardStateUnknown: 'errored',
}

/** Of a shard that nobody uses. */
export const STATES: Readonly<Record<Health, ShardState>> = {
  new: 'ShardStateNew',
  initializing: 'ShardStateInitializing',
  available: 'ShardStateAvailable',
  recovering: 'ShardStateRecovering',
  errored: 'ShardStateErrored',
}
