/** Checking one shard at a walking pace: is the source there and the same, is the index whole, is it published, do blocks match. */
import { CarV2Error, createPageCache, type IndexView, type KeyedIndexEntry, openIndex } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { type ByteSource, compareIdentity, type SourceIdentity } from '@dagstore/io'
import { shardNumber } from '@dagstore/top-level-index'
import { CID } from 'multiformats/cid'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import { abortable } from '../abortable.ts'
import type { Finding } from '../catalogue/finding.ts'
import { codeOf } from '../failure.ts'
import type { IndexGeneration, ShardRecord } from '../machine/index.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { StoreParts } from '../runner/parts.ts'
import { watchedSource } from '../runner/watched-source.ts'
import { compareTopLevel, multihashOf, SAMPLED_ROWS } from '../verify/compare.ts'
import { createSample } from '../verify/sample.ts'
import { openLocal } from '../why/local-source.ts'
import type { Budget } from '../budget.ts'

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
  // open for a moment now, and again for its blocks: what comes between may take hours
  const identity = await identityOf(parts, key, record, signal, failed)
  let view: IndexView | undefined
  try {
    const sample = createSample<KeyedIndexEntry>(BLOCKS, parts.clock.now()) // other ones in each round
    const rows = createSample<KeyedIndexEntry>(SAMPLED_ROWS, parts.clock.now() + 1)
    try {
      view = await openIndex(await parts.repo.open(key, index.generation, { signal }), { pages: createPageCache({ maxBytes: PAGE_BYTES }), owns: true, signal })
      if (view.facts.payloadEnd === undefined) throw new CarV2Error('CARV2_INDEX_DAMAGED', 'the index has lost its trailer')
      await walk(parts, view, (entry) => {
        sample.see(() => entry)
        rows.see(() => entry)
      }, signal)
    } catch (error) {
      failed('index', error)
      return findings
    }
    const fault = await compareTopLevel(parts.top, shardNumber(index.shardNumber), [rows.items.map(multihashOf)], { signal, pace: (count) => paceRows(parts, count, signal) })
    if (fault !== undefined) found('entries', fault.code, fault.message)
    const known = view.facts.source
    if (identity === undefined) return findings
    if (known !== undefined && compareIdentity(known, identity) === 'different') found('source', 'IO_SOURCE_CHANGED', 'the mount has other bytes than those that were indexed')
    else await checkBlocks(parts, await openOrFind(parts, key, record, signal, failed), view, sample.items, signal, failed)
    return findings
  } finally {
    await view?.close()
  }
}

/** `undefined`: there is no source, or none that can be read without a copy. */
const identityOf = async (parts: CheckParts, key: string, record: ShardRecord, signal: AbortSignal, failed: (check: 'source', error: unknown) => void): Promise<SourceIdentity | undefined> => {
  const source = await openOrFind(parts, key, record, signal, failed)
  await source?.close()
  return source?.identity
}

const openOrFind = async (parts: CheckParts, key: string, record: ShardRecord, signal: AbortSignal, failed: (check: 'source', error: unknown) => void): Promise<ByteSource | undefined> => {
  await parts.bytes.take(OPENING_BYTES, { signal })
  try {
    return await openLocal(parts, key, record, signal)
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

/** @param raw - closed here */
const checkBlocks = async (
  { bytes: budget, hashes, metrics }: CheckParts, raw: ByteSource | undefined, index: IndexView, entries: readonly KeyedIndexEntry[], signal: AbortSignal, failed: (check: 'blocks' | 'source', error: unknown) => void
): Promise<void> => {
  if (raw === undefined) return
  let lost: unknown
  const data = watchedSource(raw, (error) => { lost ??= error })
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
    // a source that cannot be read says nothing about what is in it
    if (lost === undefined) failed('blocks', error)
    else failed('source', lost)
  } finally {
    await data.close()
  }
}

/** Blocks compare by multihash: any codec will do. */
const RAW = 0x55
