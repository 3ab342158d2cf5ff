/** What a daemon answers, as the store itself has it. */
import type { DagstoreEvent, Failure, Finding, GcReport, ShardDetails, ShardInfo, VerifyReport, WhyReport } from '@dagstore/dagstore'
import type {
  DagstoreFailure, DagstoreFinding, DagstoreGarbageReport, DagstoreShard, DagstoreShardDetails, DagstoreStoreEvent, DagstoreVerifyReport, DagstoreWhyReport,
} from '@dagstore/lotus-api'
import { readErrorText } from './remote-error.ts'
import { HEALTHS } from './shard-states.ts'

const failureOf = ({ Code, Message, At, Retry, Attempts, NextRetryAt }: DagstoreFailure): Failure =>
  ({ code: Code, message: Message, at: At, retry: Retry, attempts: Attempts, nextRetryAt: NextRetryAt ?? undefined })

export const toShardInfo = (shard: DagstoreShard): ShardInfo => ({
  key: shard.Key,
  mountUrl: shard.MountURL,
  health: HEALTHS[shard.State],
  leases: shard.Leases,
  destroying: shard.Destroying,
  dataGeneration: shard.DataGeneration,
  indexGeneration: shard.IndexGeneration,
  error: shard.Failure === null ? undefined : failureOf(shard.Failure),
})

export const toFinding = ({ Check, Code, Message, At, RepairedAt }: DagstoreFinding): Finding =>
  ({ check: Check, code: Code, message: Message, at: At, ...(RepairedAt === null ? {} : { repairedAt: RepairedAt }) })

export const toShardDetails = (shard: DagstoreShardDetails): ShardDetails => ({ ...toShardInfo(shard), findings: shard.Findings.map(toFinding) })

export const toWhyReport = ({ Cid, Retrievable, Steps, Fix }: DagstoreWhyReport): WhyReport => ({
  cid: Cid,
  retrievable: Retrievable,
  steps: Steps.map(({ Name, OK, Detail, Code }) => ({ name: Name, ok: OK, detail: Detail, ...(Code === null ? {} : { code: Code }) })),
  fix: Fix ?? undefined,
})

export const toVerifyReport = (report: DagstoreVerifyReport): VerifyReport => ({
  key: report.Key,
  mode: report.Mode,
  blocks: report.Blocks,
  bytes: report.Bytes,
  checked: report.Checked,
  bad: report.Bad.map(({ Code, Offset, Cid, Message }) => ({ code: Code, offset: Offset ?? undefined, message: Message, ...(Cid === null ? {} : { cid: Cid }) })),
  badCount: report.BadCount,
  repaired: report.Repaired.map(({ Part, Code, Message }) => ({ part: Part, code: Code, message: Message })),
})

export const toGcReport = ({ Items, ReclaimedBytes, UnreadRecords }: DagstoreGarbageReport): GcReport => ({
  items: Items.map(({ Key, Kind, Name, Bytes, Error }) => ({
    key: Key ?? undefined, kind: Kind, name: Name, bytes: Bytes, ...(Error === '' ? {} : { error: readErrorText(Error) }),
  })),
  reclaimedBytes: ReclaimedBytes,
  failures: Items.filter(({ Error }) => Error !== '').length,
  unreadRecords: UnreadRecords,
})

/** Those that a command shows; `undefined` for others. */
export const toEvent = (event: DagstoreStoreEvent): DagstoreEvent | undefined => event.Type === 'progress'
  ? { type: 'progress', key: event.Key, step: event.Step, progress: { doneBytes: event.DoneBytes, totalBytes: event.TotalBytes ?? undefined } }
  : undefined
