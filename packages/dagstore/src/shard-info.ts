/** What a caller sees of a shard. */
import type { Finding } from './catalogue/finding.ts'
import type { Failure, Health, ShardRecord, State } from './machine/index.ts'

export interface ShardInfo {
  readonly key: string
  readonly mountUrl: string
  readonly health: Health
  /** Open leases, those that the cross-shard blockstore keeps included. */
  readonly leases: number
  /** A destruction was asked for and is not finished. */
  readonly destroying: boolean
  /** Raised by each fetch of data; names of transient copies carry it. 0: never fetched. */
  readonly dataGeneration: number
  /** Of the committed index; its file's name carries it. 0: none. */
  readonly indexGeneration: number
  /** Why it is errored; kept during recovery, until that succeeds. */
  readonly error: Failure | undefined
}

/** Of one shard that was asked for. */
export interface ShardDetails extends ShardInfo {
  /** What checks have found wrong with it and not found right since. */
  readonly findings: readonly Finding[]
}

/** @param state - of the machine, where one is live */
export const shardInfo = (key: string, record: ShardRecord, state?: State): ShardInfo => ({
  key,
  mountUrl: record.url,
  health: (state === undefined ? undefined : healthOf(state)) ?? record.health,
  leases: state !== undefined && 'sessions' in state ? state.sessions.reduce((sum, { leases }) => sum + leases.length, 0) : 0,
  destroying: record.destroying,
  dataGeneration: record.dataGeneration,
  indexGeneration: record.index?.generation ?? 0,
  error: state?.tag === 'errored' ? state.failure : record.failure,
})

/** `undefined` where the state has none: the record says it. */
export const healthOf = (state: State): Health | undefined => {
  switch (state.tag) {
    case 'absent':
    case 'destroying':
    case 'closed': return undefined
    case 'interrupted': return state.was === 'refreshing' ? afterRefresh(state) : state.was
    case 'refreshing': return afterRefresh(state)
    default: return state.tag
  }
}

/** What it is while a refresh has not ended. */
const afterRefresh = ({ failure }: { readonly failure: Failure | undefined }): Health => failure === undefined ? 'available' : 'errored'
