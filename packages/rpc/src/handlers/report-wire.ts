/** Reports of the store as they go over the wire. */
import type { CounterSnapshot, GcItem, GcReport, RebuildReport, VerifyReport, WhyReport } from '@dagstore/dagstore'
import type {
  DagstoreCounter, DagstoreGarbage, DagstoreGarbageReport, DagstoreRebuildReport, DagstoreShardResult, DagstoreVerifyReport, DagstoreWhyReport,
} from '@dagstore/lotus-api'
import { errorText } from './failures.ts'

export const verifyReportOf = (report: VerifyReport): DagstoreVerifyReport => ({
  Key: report.key,
  Mode: report.mode,
  Blocks: report.blocks,
  Bytes: report.bytes,
  Checked: report.checked,
  Bad: report.bad.map(({ code, offset, cid, message }) => ({ Code: code, Offset: offset ?? null, Cid: cid ?? null, Message: message })),
  BadCount: report.badCount,
  Repaired: report.repaired.map(({ part, code, message }) => ({ Part: part, Code: code, Message: message })),
})

export const whyReportOf = ({ cid, retrievable, steps, fix }: WhyReport): DagstoreWhyReport => ({
  Cid: cid,
  Retrievable: retrievable,
  Steps: steps.map(({ name, ok, detail, code }) => ({ Name: name, OK: ok, Detail: detail, Code: code ?? null })),
  Fix: fix ?? null,
})

const garbageOf = ({ key, kind, name, bytes, error }: GcItem): DagstoreGarbage =>
  ({ Key: key ?? null, Kind: kind, Name: name, Bytes: bytes, Error: errorText(error) })

export const garbageReportOf = ({ items, reclaimedBytes, unreadRecords }: GcReport): DagstoreGarbageReport =>
  ({ Items: items.map(garbageOf), ReclaimedBytes: reclaimedBytes, UnreadRecords: unreadRecords })

/**
 * As Lotus has it: one result for each shard of which something was given back, or could not be; by key.
 *
 * Stricter: shards of which there was nothing to give back are left out. What belongs to no shard is in {@link garbageReportOf} only.
 */
export const shardResultsOf = ({ items }: GcReport): readonly DagstoreShardResult[] => {
  const byKey = new Map<string, string>()
  for (const { key, error } of items) if (key !== undefined) byKey.set(key, byKey.get(key) || errorText(error))
  return [...byKey].map(([Key, Error]) => ({ Key, Success: Error === '', Error }))
}

export const rebuildReportOf = ({ shards, entries, failures }: RebuildReport): DagstoreRebuildReport =>
  ({ Shards: shards, Entries: entries, Failures: failures.map(({ key, error }) => ({ Key: key, Error: errorText(error) })) })

export const counterOf = ({ name, labels, value }: CounterSnapshot): DagstoreCounter => ({ Name: name, Labels: { ...labels }, Value: value })
