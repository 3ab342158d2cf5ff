/** The names and numbers of Lotus and of the Go DAG store for what a shard is, and its record's JSON. For the edge only. */
import type { ShardInfo } from './shard-info.ts'

export type LotusState =
  | 'ShardStateNew' | 'ShardStateInitializing' | 'ShardStateAvailable' | 'ShardStateServing' | 'ShardStateRecovering' | 'ShardStateErrored'

/** Source: dagstore `shard_state.go`. */
export const LOTUS_STATE_NUMBERS: Readonly<Record<LotusState, number>> = {
  ShardStateNew: 0,
  ShardStateInitializing: 1,
  ShardStateAvailable: 2,
  ShardStateServing: 3,
  ShardStateRecovering: 0x80,
  ShardStateErrored: 0xf0,
}

/** The Go store has one state where we have health and use: a shard that is available and leased is `Serving`. */
export const toLotusState = ({ health, leases }: Pick<ShardInfo, 'health' | 'leases'>): LotusState => {
  switch (health) {
    case 'new': return 'ShardStateNew'
    case 'initializing': return 'ShardStateInitializing'
    case 'available': return leases > 0 ? 'ShardStateServing' : 'ShardStateAvailable'
    case 'recovering': return 'ShardStateRecovering'
    case 'errored': return 'ShardStateErrored'
  }
}

/** Key, mount URL, transient path, state, lazy, error. Source: dagstore `shard_persist.go` `PersistedShard`. */
export interface LotusRecord {
  readonly k: string
  readonly u: string
  /** Always empty: copies are found by key and generation, not by a recorded path. */
  readonly t: ''
  readonly s: number
  /** Lazy: nothing was indexed yet, and nothing is under way. */
  readonly l: boolean
  readonly e: string
}

export const toLotusRecord = (info: ShardInfo): LotusRecord => ({
  k: info.key,
  u: info.mountUrl,
  t: '',
  s: LOTUS_STATE_NUMBERS[toLotusState(info)],
  l: info.health === 'new',
  e: info.error?.message ?? '',
})
