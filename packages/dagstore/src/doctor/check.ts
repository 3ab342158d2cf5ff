/** Checking one shard at a walking pace: is the source there and the same, is the index whole, is it published, do blocks match. */
import { createPageCache, type IndexView, type KeyedIndexEntry, openIndex } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { type ByteSource, compareIdentity } from '@dagstore/io'
import { shardNumber } from '@dagstore/top-level-index'
import { CID } from 'multiformats/cid'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import { abortable } from '../abortable.ts'
import type { Finding } from '../catalogue/finding.ts'
import { codeOf } from '../failure.ts'
import type { IndexGeneration, ShardRecord } from '../machine/index.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { StoreParts } from '../runner/parts.ts'
import { Spoilage } from '../runner/session.ts'
import { compareTopLevel, multihashOf, SAMPLED_ROWS } from '../verify/compare.ts'
import { createSample } from '../verify/sample.ts'
import { openLocal } from '../why/local-source.ts'
import type { Budget } from './budget.ts'

export type CheckParts = Pick<StoreParts, 'mounts' | 'transients' | 'tasks' | 'repo' | 'top' | 'hashes' | 'clock' | 'metrics'> & {
  readonly bytes: Budget
  readonly rows: Budget
}

/** Blocks hashed in one check of a shard; others in the next one. */
const BLOCKS = 16
const ROWS_AT_A_TIME = 256
/** What opening a source counts as: it may be a request to a server. */
const OPENING_BYTES = 1 << 16
/** Pages of its own: a check must not drive out what readers use. */
const PAGE_BYTES = 1 << 20

/** @throws the signal's reason; what the store's own database rejects with */
export const checkShard = async (parts: CheckParts, key: string, record: ShardRecord, index: IndexGeneration, signal: AbortSignal): Promise<readonly Finding[]> => {
  const findings: Finding[] = []
  const found = (check: Finding['check'], code: string, message: string): void => {
    findings.push({ check, code, message, at: new Date(parts.clock.now()).toISOString() })
  }
  const failed = (check: Finding['check'], error: unknown): void => {
    signal.throwIfAborted()
    found(check, codeOf(error) ?? 'DAGSTORE_UNEXPECTED', error instanceof Error ? error.message : String(error))
  }
  await parts.rows.take(1, { signal })
  await parts.bytes.take(OPENING_BYTES, { signal })
  const source = await openOrFind(parts, key, record, signal, failed)
  let view: IndexView | undefined
  try {
    try {
      view = await openIndex(await parts.repo.open(key, index.generation, { signal }), { pages: createPageCache({ maxBytes: PAGE_BYTES }), owns: true, signal })
      if (view.facts.payloadEnd === undefined) throw new Error('the index has lost its trailer')
    } catch (error) {
      failed('index', error)
      return findings
    }
    const known = view.facts.source
    const same = source === undefined || known === undefined || compareIdentity(known, source.identity) !== 'different'
    if (!same) found('source', 'IO_SOURCE_CHANGED', 'the mount has other bytes than those that were indexed')
    // other ones in each round
    const sample = createSample<KeyedIndexEntry>(BLOCKS, parts.clock.now())
    const rows = createSample<KeyedIndexEntry>(SAMPLED_ROWS, parts.clock.now() + 1)
    try {
      await walk(parts, view, (entry) => {
        sample.see(() => entry)
        rows.see(() => entry)
      }, signal)
    } catch (error) {
      failed('index', error)
      return findings
    }
    const fault = await compareTopLevel(parts.top, shardNumber(index.shardNumber), rows.items.map(multihashOf), { signal, pace: (rows) => paceRows(parts, rows, signal) })
    if (fault !== undefined) found('entries', fault.code, fault.message)
    if (source !== undefined && same) await checkBlocks(parts, source, view, sample.items, signal, failed)
    return findings
  } finally {
    await Promise.all([view?.close(), source?.close()])
  }
}

const openOrFind = async (parts: CheckParts, key: string, record: ShardRecord, signal: AbortSignal, failed: (check: 'source', error: unknown) => void): Promise<ByteSource | undefined> => {
  try {
    return new Spoilage().source(await openLocal(parts, key, record, signal))
  } catch (error) {
    // a copy that was given up is no fault
    if (codeOf(error) !== 'MOUNT_NOT_LOCAL') failed('source', error)
    signal.throwIfAborted()
    return undefined
  }
}

/** Every page of the index, each checked as it is read. */
const walk = async (parts: CheckParts, view: IndexView, see: (entry: KeyedIndexEntry) => void, signal: AbortSignal): Promise<void> => {
  let rows = 0
  for await (const entry of view.entries({ signal })) {
    see(entry)
    if (++rows % ROWS_AT_A_TIME === 0) await paceRows(parts, ROWS_AT_A_TIME, signal)
  }
  await paceRows(parts, rows % ROWS_AT_A_TIME, signal)
}

const paceRows = async ({ rows, metrics }: { readonly rows: Budget, readonly metrics: Metrics }, count: number, signal: AbortSignal): Promise<void> => {
  metrics.count('doctor.rows', count)
  await rows.take(count, { signal })
}

const checkBlocks = async (
  { bytes: budget, hashes, metrics }: CheckParts, data: ByteSource, index: IndexView, entries: readonly KeyedIndexEntry[], signal: AbortSignal, failed: (check: 'blocks', error: unknown) => void
): Promise<void> => {
  try {
    const mount = await abortable(openIndexMount({ data, index }, { hashes, indexTrust: 'use', owns: false, signal }), signal)
    for (const entry of entries) {
      const { code, headBytes = 0, dataBytes = 0 } = entry
      if (code === undefined || !hashes.has(code)) continue
      metrics.count('doctor.bytes', headBytes + dataBytes)
      await budget.take(headBytes + dataBytes, { signal })
      await abortable(mount.blockstore.bytes(CID.createV1(RAW, decodeMultihash(multihashOf(entry))), { signal }), signal)
    }
  } catch (error) {
    failed('blocks', error)
  }
}

/** Blocks compare by multihash: any codec will do. */
const RAW = 0x55
