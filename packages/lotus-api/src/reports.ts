/** What the store reports of its shards: ours, beside what Lotus has. */
import { about, bytes, type Schema, flag, list, nullable, number, object, oneOf, optional, record, text, whole } from './schema.ts'

export type VerifyMode = 'structure' | 'sampled' | 'full'

const verifyMode: Schema<VerifyMode> = oneOf(['structure', 'sampled', 'full'])

export interface DagstoreVerifyOptions {
  /** @default 'sampled' */
  readonly Mode?: VerifyMode | undefined
  /** Which blocks `sampled` takes: the same ones for the same number. */
  readonly Seed?: number | undefined
}

export const dagstoreVerifyOptions: Schema<DagstoreVerifyOptions> = object('DagstoreVerifyOptions', {
  Mode: about('`structure`: hash nothing; `sampled`: some blocks; `full`: all. `sampled` without it', optional(verifyMode)),
  Seed: about('which blocks `sampled` takes: the same ones for the same number', optional(whole)),
}, { strict: true })

export interface DagstoreVerifyFault {
  readonly Code: string
  /** In the source, of the section; `null` where there is no single place. */
  readonly Offset: number | null
  readonly Cid: string | null
  readonly Message: string
}

export interface DagstoreVerifyRepair {
  readonly Part: 'index' | 'entries'
  readonly Code: string
  readonly Message: string
}

export interface DagstoreVerifyReport {
  readonly Key: string
  readonly Mode: VerifyMode
  readonly Blocks: number
  readonly Bytes: number
  /** Blocks that were hashed. */
  readonly Checked: number
  /** The first 100. */
  readonly Bad: readonly DagstoreVerifyFault[]
  readonly BadCount: number
  readonly Repaired: readonly DagstoreVerifyRepair[]
}

export const dagstoreVerifyReport: Schema<DagstoreVerifyReport> = object('DagstoreVerifyReport', {
  Key: text, Mode: verifyMode, Blocks: whole, Bytes: whole, Checked: about('blocks that were hashed', whole),
  Bad: about('faults of the bytes, the first 100', list(object<DagstoreVerifyFault>('DagstoreVerifyFault', {
    Code: text, Offset: about('in the source', nullable(whole)), Cid: nullable(text), Message: text,
  }))),
  BadCount: whole,
  Repaired: about('faults of what the store made itself, put right', list(object<DagstoreVerifyRepair>('DagstoreVerifyRepair', {
    Part: oneOf(['index', 'entries']), Code: text, Message: text,
  }))),
})

/** How far a verification is; the last one has the report. */
export interface DagstoreVerifyProgress {
  readonly DoneBytes: number
  /** `null`: nobody knows. */
  readonly TotalBytes: number | null
  readonly Report: DagstoreVerifyReport | null
}

export const dagstoreVerifyProgress: Schema<DagstoreVerifyProgress> = object('DagstoreVerifyProgress', {
  DoneBytes: whole, TotalBytes: about('`null`: nobody knows', nullable(whole)), Report: about('of the last one; else `null`', nullable(dagstoreVerifyReport)),
})

export type WhyStepName = 'key' | 'shards' | 'state' | 'source' | 'section' | 'hash'

export interface DagstoreWhyStep {
  readonly Name: WhyStepName
  readonly OK: boolean
  readonly Detail: string
  /** `null` where it is OK. */
  readonly Code: string | null
}

export interface DagstoreWhyReport {
  readonly Cid: string
  readonly Retrievable: boolean
  readonly Steps: readonly DagstoreWhyStep[]
  /** What to do; `null` where there is nothing to do. */
  readonly Fix: string | null
}

export const dagstoreWhyReport: Schema<DagstoreWhyReport> = object('DagstoreWhyReport', {
  Cid: text, Retrievable: flag,
  Steps: list(object<DagstoreWhyStep>('DagstoreWhyStep', {
    Name: oneOf(['key', 'shards', 'state', 'source', 'section', 'hash']), OK: flag, Detail: text, Code: about('`null` where it is OK', nullable(text)),
  })),
  Fix: about('what to do; `null` where there is nothing to do', nullable(text)),
})

export interface DagstoreGarbage {
  /** `null`: of no shard, or nobody knows of which. */
  readonly Key: string | null
  readonly Kind: 'transient' | 'index' | 'entries' | 'orphan'
  readonly Name: string
  readonly Bytes: number
  readonly Error: string
}

export interface DagstoreGarbageReport {
  readonly Items: readonly DagstoreGarbage[]
  readonly ReclaimedBytes: number
  /** Records that could not be read: while there are any, no file counts as an orphan. */
  readonly UnreadRecords: number
}

export const dagstoreGarbageReport: Schema<DagstoreGarbageReport> = object('DagstoreGarbageReport', {
  Items: list(object<DagstoreGarbage>('DagstoreGarbage', {
    Key: nullable(text), Kind: oneOf(['transient', 'index', 'entries', 'orphan']), Name: text, Bytes: whole, Error: about('it is still there', text),
  })),
  ReclaimedBytes: whole,
  UnreadRecords: about('records that could not be read: while there are any, no file counts as an orphan', whole),
})

export interface DagstoreRebuildReport {
  readonly Shards: number
  readonly Entries: number
  readonly Failures: readonly { readonly Key: string, readonly Error: string }[]
}

export const dagstoreRebuildReport: Schema<DagstoreRebuildReport> = object('DagstoreRebuildReport', {
  Shards: whole, Entries: whole,
  Failures: about('shards without a whole index of their own', list(object<{ readonly Key: string, readonly Error: string }>('DagstoreRebuildFailure', { Key: text, Error: text }))),
})

export interface DagstoreCounter {
  readonly Name: string
  readonly Labels: Readonly<Record<string, string>>
  readonly Value: number
}

export interface DagstoreStats {
  readonly Shards: number
  /** By state, `ShardStateNew` and so on; those that no shard is in are left out. */
  readonly States: Readonly<Record<string, number>>
  /** Shards that may hold blocks which nobody finds: they are not indexed. */
  readonly Unindexed: number
  /** Open leases. */
  readonly Leases: number
  /** Errored shards that wait for the operator: only sealed copies of their piece are known, and recovering one has it unsealed. */
  readonly Waiting: number
  /** Since the process began; the names are those of `/metrics`. */
  readonly Counters: readonly DagstoreCounter[]
}

export const dagstoreStats: Schema<DagstoreStats> = object('DagstoreStats', {
  Shards: whole, States: about('by state; those that no shard is in are left out', record(whole)),
  Unindexed: about('shards that are not indexed', whole), Leases: whole,
  Waiting: about('errored shards that wait for the operator: only sealed copies of their piece are known, and `DagstoreRecoverShard` has it unsealed', whole),
  Counters: about('since the process began', list(object<DagstoreCounter>('DagstoreCounter', { Name: text, Labels: record(text), Value: number }))),
})

/** A part of an index file. */
export interface DagstoreIndexPart {
  /** Of the whole file. */
  readonly SizeBytes: number
  readonly Bytes: Uint8Array
}

export const dagstoreIndexPart: Schema<DagstoreIndexPart> = object('DagstoreIndexPart', { SizeBytes: about('of the whole file', whole), Bytes: bytes })
