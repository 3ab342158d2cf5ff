/** Shards as they go over the wire. Source of what is Lotus's: lotus `api/api_storage.go`. */
import { about, decimal, flag, list, nullable, object, oneOf, optional, type Schema, text, whole } from './schema.ts'

export type ShardState =
  | 'ShardStateNew' | 'ShardStateInitializing' | 'ShardStateAvailable' | 'ShardStateServing' | 'ShardStateRecovering' | 'ShardStateErrored' | 'ShardStateUnknown'

const shardState: Schema<ShardState> = oneOf([
  'ShardStateNew', 'ShardStateInitializing', 'ShardStateAvailable', 'ShardStateServing', 'ShardStateRecovering', 'ShardStateErrored', 'ShardStateUnknown',
])

/** Errors of one among several are texts, as Lotus has them: `''` where there is none, `CODE: message` where there is a code. */
const errorText: Schema<string> = about('`""` where there is none, else `CODE: message`', text)

/** Lotus's. */
export interface DagstoreShardInfo {
  readonly Key: string
  readonly State: ShardState
  readonly Error: string
}

export const dagstoreShardInfo: Schema<DagstoreShardInfo> = object('DagstoreShardInfo', { Key: text, State: shardState, Error: errorText })

/** Lotus's. */
export interface DagstoreShardResult {
  readonly Key: string
  readonly Success: boolean
  readonly Error: string
}

export const dagstoreShardResult: Schema<DagstoreShardResult> = object('DagstoreShardResult', { Key: text, Success: flag, Error: errorText })

/** Lotus's. */
export interface DagstoreInitializeAllParams {
  /** Shards at a time; 0: no limit but the store's own. */
  readonly MaxConcurrency: number
  /** Also those of which no unsealed copy is known. */
  readonly IncludeSealed: boolean
}

export const dagstoreInitializeAllParams: Schema<DagstoreInitializeAllParams> = object('DagstoreInitializeAllParams', {
  MaxConcurrency: about('shards at a time; 0: no limit but the store\'s own', whole),
  IncludeSealed: about('also those of which no unsealed copy is known', flag),
})

/** Lotus's: two for each shard, `start` and `end`. */
export interface DagstoreInitializeAllEvent {
  readonly Key: string
  readonly Event: 'start' | 'end'
  readonly Success: boolean
  readonly Error: string
  /** Shards that are worked on, or not yet looked at: it only falls. */
  readonly Total: number
  /** From 1, in the order in which they begin; `end` repeats that of `start`. */
  readonly Current: number
}

export const dagstoreInitializeAllEvent: Schema<DagstoreInitializeAllEvent> = object('DagstoreInitializeAllEvent', {
  Key: text, Event: oneOf(['start', 'end']), Success: flag, Error: errorText,
  Total: about('shards that are worked on, or not yet looked at: it only falls', whole),
  Current: about('from 1, in the order in which they begin; `end` repeats that of `start`', whole),
})

/** Why a shard is errored, and when it is tried again. */
export interface DagstoreFailure {
  readonly Code: string
  readonly Message: string
  /** ISO 8601, UTC. */
  readonly At: string
  readonly Retry: 'never' | 'later'
  readonly Attempts: number
  /** ISO 8601, UTC; `null`: the store does not try again by itself. */
  readonly NextRetryAt: string | null
}

export const dagstoreFailure: Schema<DagstoreFailure> = object('DagstoreFailure', {
  Code: text, Message: text, At: about('ISO 8601, UTC', text), Retry: oneOf(['never', 'later']), Attempts: whole,
  NextRetryAt: about('ISO 8601, UTC; `null`: the store does not try again by itself', nullable(text)),
})

/** A shard with all that the store says of it. */
export interface DagstoreShard extends DagstoreShardInfo {
  /** To callers without the permission `admin` without user, password and query. */
  readonly MountURL: string
  readonly Leases: number
  /** A destruction was asked for and is not finished. */
  readonly Destroying: boolean
  /** 0: never fetched. */
  readonly DataGeneration: number
  /** 0: no index. */
  readonly IndexGeneration: number
  readonly Failure: DagstoreFailure | null
}

const shardFields = {
  Key: text, State: shardState, Error: errorText,
  MountURL: about('without user, password and query, unless the caller may `admin`', text),
  Leases: whole,
  Destroying: about('a destruction was asked for and is not finished', flag),
  DataGeneration: about('raised by each fetch; 0: never fetched', whole),
  IndexGeneration: about('of the index there is; 0: none', whole),
  Failure: nullable(dagstoreFailure),
}

export const dagstoreShard: Schema<DagstoreShard> = object('DagstoreShard', shardFields)

/** What a check has found wrong with a shard. */
export interface DagstoreFinding {
  readonly Check: 'source' | 'index' | 'entries' | 'blocks'
  readonly Code: string
  readonly Message: string
  /** ISO 8601, UTC. */
  readonly At: string
  /** `null`: it is not put right. */
  readonly RepairedAt: string | null
}

export const dagstoreFinding: Schema<DagstoreFinding> = object('DagstoreFinding', {
  Check: oneOf(['source', 'index', 'entries', 'blocks']), Code: text, Message: text, At: about('ISO 8601, UTC', text),
  RepairedAt: about('`null`: it is not put right', nullable(text)),
})

export interface DagstoreShardDetails extends DagstoreShard {
  readonly Findings: readonly DagstoreFinding[]
}

export const dagstoreShardDetails: Schema<DagstoreShardDetails> = object('DagstoreShardDetails', { ...shardFields, Findings: list(dagstoreFinding) })

/** Where a list goes on, and how far. */
export interface PageQuery {
  /** The `Next` of the page before. @default from the beginning */
  readonly After?: string | undefined
  /** 1 to 1000. @default 256 */
  readonly Limit?: number | undefined
}

const pageFields = {
  After: about('the `Next` of the page before; from the beginning without it', optional(text)),
  Limit: about('1 to 1000; 256 without it', optional(whole)),
}

export const pageQuery: Schema<PageQuery> = object('PageQuery', pageFields, { strict: true })

export interface DagstoreShardsQuery extends PageQuery {
  /** Only these. */
  readonly State?: ShardState | undefined
  /** Only those that failed with this code. */
  readonly Code?: string | undefined
}

export const dagstoreShardsQuery: Schema<DagstoreShardsQuery> = object('DagstoreShardsQuery', {
  ...pageFields, State: about('only these', optional(shardState)), Code: about('only those that failed with this code', optional(text)),
}, { strict: true })

export interface DagstoreShardsPage {
  /** By key. A page may have fewer than were asked for, also none, and not be the last. */
  readonly Shards: readonly DagstoreShard[]
  /** `null`: it was the last one. */
  readonly Next: string | null
}

const next = about('`null`: it was the last page', nullable(text))

export const dagstoreShardsPage: Schema<DagstoreShardsPage> = object('DagstoreShardsPage', { Shards: list(dagstoreShard), Next: next })

export interface DagstoreFindingsOf {
  readonly Key: string
  readonly Findings: readonly DagstoreFinding[]
}

export interface DagstoreFindingsPage {
  readonly Shards: readonly DagstoreFindingsOf[]
  readonly Next: string | null
}

export const dagstoreFindingsPage: Schema<DagstoreFindingsPage> = object('DagstoreFindingsPage', {
  Shards: list(object<DagstoreFindingsOf>('DagstoreFindingsOf', { Key: text, Findings: list(dagstoreFinding) })), Next: next,
})

/** A deal whose piece could not be registered as a shard. */
export interface DagstoreUnregistered {
  /** The piece CID. */
  readonly Key: string
  readonly ProposalCid: string
  /** 0n: not published. */
  readonly DealID: bigint
  readonly Failure: DagstoreFailure
}

export interface DagstoreUnregisteredPage {
  readonly Deals: readonly DagstoreUnregistered[]
  readonly Next: string | null
}

export const dagstoreUnregisteredPage: Schema<DagstoreUnregisteredPage> = object('DagstoreUnregisteredPage', {
  Deals: list(object<DagstoreUnregistered>('DagstoreUnregistered', {
    Key: about('the piece CID', text), ProposalCid: text, DealID: about('`"0"`: not published', decimal), Failure: dagstoreFailure,
  })),
  Next: next,
})

/** A shard to register. */
export interface DagstoreAddItem {
  readonly Key: string
  readonly MountURL: string
  /** Index it now. @default false */
  readonly Eager?: boolean | undefined
}

export const dagstoreAddItem: Schema<DagstoreAddItem> = object('DagstoreAddItem', {
  Key: text, MountURL: text, Eager: about('index it now', optional(flag)),
}, { strict: true })

export interface DagstoreAddResult {
  readonly Key: string
  readonly Error: string
  /** `null`: it is not registered. */
  readonly Shard: DagstoreShard | null
}

export const dagstoreAddResult: Schema<DagstoreAddResult> = object('DagstoreAddResult', {
  Key: text, Error: errorText, Shard: about('`null`: it is not registered', nullable(dagstoreShard)),
})

export interface DagstoreImportResult {
  /** Of the text, from 1. */
  readonly Line: number
  /** `null`: the line names none. */
  readonly Key: string | null
  readonly Error: string
  readonly Shard: DagstoreShard | null
}

export const dagstoreImportResult: Schema<DagstoreImportResult> = object('DagstoreImportResult', {
  Line: about('of the text, from 1', whole), Key: nullable(text), Error: errorText, Shard: nullable(dagstoreShard),
})

export interface DagstoreExportedIndex {
  readonly Key: string
  readonly Error: string
  /** In the folder. */
  readonly Name: string
  readonly SizeBytes: number
}

export const dagstoreExportedIndex: Schema<DagstoreExportedIndex> = object('DagstoreExportedIndex', {
  Key: text, Error: errorText, Name: about('in the folder', text), SizeBytes: whole,
})

export interface DagstoreAdoptedIndex {
  readonly Key: string
  readonly Error: string
  /** False: the shard has an index, or has failed before. */
  readonly Adopted: boolean
  readonly Entries: number
}

export const dagstoreAdoptedIndex: Schema<DagstoreAdoptedIndex> = object('DagstoreAdoptedIndex', {
  Key: text, Error: errorText, Adopted: about('false: it has an index, or has failed before', flag), Entries: whole,
})
