/** Opening a shard that has an index: mount and index, each checked, and whether they belong together. */
import type { IndexView } from '@dagstore/carv2'
import { type ByteSource, compareIdentity } from '@dagstore/io'
import { codeOf } from '../failure.ts'
import type { Urgency } from '../limiter.ts'
import type { IndexGeneration, ShardRecord } from '../machine/index.ts'
import { openAttached } from './attached-index.ts'
import { openIndexFile } from './index-file.ts'
import { joinParts, type Unusable } from './join-parts.ts'
import { openSource } from './open-source.ts'
import type { StoreParts } from './parts.ts'
import { type ShardSession, Spoilage } from './session.ts'

export interface JobOptions {
  readonly signal: AbortSignal
  readonly urgency: Urgency
}

/**
 * @returns a session, or that the index has to be rebuilt: it is lost, damaged, or of other bytes
 * @throws what the mount, or the storage of the indices, rejects with; the signal's reason
 */
export const openJob = async (parts: StoreParts, key: string, record: ShardRecord, { signal, urgency }: JobOptions): Promise<ShardSession | Unusable> => {
  const { index } = record
  if (index === undefined) return { unusable: 'index', reason: new Error('no index is recorded') }
  const beside = openEarly(parts, key, index.generation, signal)
  let raw: ByteSource | Unusable
  try {
    raw = await openSource(parts, key, record, signal, { urgency })
  } catch (error) {
    await closeEarly(beside)
    throw error
  }
  if ('unusable' in raw) {
    await closeEarly(beside)
    return raw
  }
  try {
    const opened = await openWith(parts, key, record, index, raw, beside, signal)
    if ('unusable' in opened) await raw.close()
    return opened
  } catch (error) {
    await raw.close()
    throw error
  }
}

/** Indices that are open, or about to be, while the mount is opened, which may take hours: each is a descriptor of the process. */
const MOST_EARLY = 16
let early = 0

/** The index of a shard, beside the opening of its mount. */
interface EarlyIndex { readonly opening: Promise<IndexView | Unusable> | undefined, readonly taken: () => void }

const openEarly = (parts: StoreParts, key: string, generation: number, signal: AbortSignal): EarlyIndex => {
  if (early >= MOST_EARLY) return { opening: undefined, taken: () => {} }
  early++
  const opening = openIndexFile(parts, key, generation, signal)
  opening.catch(() => {}) // told to who takes it
  return { opening, taken: () => { early-- } }
}

const closeEarly = async ({ opening, taken }: EarlyIndex): Promise<void> => {
  taken()
  const view = await opening?.catch(() => undefined)
  if (view !== undefined && !('unusable' in view)) await view.close()
}

/** @param raw - belongs to the session, if there is one; it stays the caller's otherwise */
const openWith = async (
  parts: StoreParts, key: string, record: ShardRecord, index: IndexGeneration, raw: ByteSource, { opening, taken }: EarlyIndex, signal: AbortSignal
): Promise<ShardSession | Unusable> => {
  taken()
  const foreign = index.foreign === true
  const { generation } = index
  const view = await (opening ?? openIndexFile(parts, key, generation, signal))
  if ('unusable' in view) {
    const isMissing = codeOf(view.reason) === 'INDEX_MISSING'
    return (foreign && isMissing ? await openAttached(parts, key, { record, raw, generation, signal }) : undefined) ?? view
  }
  const known = view.facts.source
  const verdict = known === undefined ? 'unknown' : compareIdentity(known, raw.identity)
  // ours have a trailer: one without it was cut off; an adopted one serves hits, and is replaced
  const fault: Unusable | undefined = view.facts.payloadEnd === undefined && !foreign
    ? { unusable: 'index', reason: new Error('the index has lost its trailer') }
    : verdict === 'different' ? { unusable: 'source', reason: new Error('the mount has other bytes than those that were indexed') } : undefined
  if (fault !== undefined) {
    await view.close()
    return fault
  }
  const spoilage = new Spoilage()
  return joinParts(parts, { key, record, spoilage, source: spoilage.source(raw), view, indexGeneration: generation, trust: verdict === 'same' ? 'use' : foreign && raw.cost.kind === 'remote' ? 'hits' : 'verify', foreign, signal })
}
