/** Opening a shard that has an index: mount and index, each checked, and whether they belong together. */
import { CarV2Error, type IndexView, openIndex } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { IndexRepoError } from '@dagstore/index-repo'
import { type ByteSource, compareIdentity } from '@dagstore/io'
import { MountError } from '@dagstore/mounts'
import { abortable } from '../abortable.ts'
import { codeOf } from '../failure.ts'
import type { ShardRecord } from '../machine/index.ts'
import type { StoreParts } from './parts.ts'
import { createSession, type ShardSession, Spoilage } from './session.ts'

/** The index cannot serve these bytes; `source`: because they are others than those that were indexed, or copied. */
export interface Unusable { readonly unusable: 'index' | 'source', readonly reason: unknown }

/**
 * @returns a session, or that the index has to be rebuilt: it is lost, damaged, or of other bytes
 * @throws what the mount, or the storage of the indices, rejects with; the signal's reason
 */
export const openJob = async (parts: StoreParts, key: string, record: ShardRecord, signal: AbortSignal): Promise<ShardSession | Unusable> => {
  const { index } = record
  if (index === undefined) return { unusable: 'index', reason: new Error('no index is recorded') }
  const spoilage = new Spoilage()
  const raw = await openSource(parts, key, record, signal)
  if ('unusable' in raw) return raw
  const source = spoilage.source(raw)
  try {
    const view = await openIndexFile(parts, key, index.generation, signal)
    if ('unusable' in view) {
      await source.close()
      return view
    }
    const known = view.facts.source
    const verdict = known === undefined ? 'unknown' : compareIdentity(known, source.identity)
    // ours have a trailer: one without it was cut off; an adopted one serves hits, and is replaced
    const fault: Unusable | undefined = view.facts.payloadEnd === undefined && index.foreign !== true
      ? { unusable: 'index', reason: new Error('the index has lost its trailer') }
      : verdict === 'different' ? { unusable: 'source', reason: new Error('the mount has other bytes than those that were indexed') } : undefined
    if (fault !== undefined) {
      await Promise.all([view.close(), source.close()])
      return fault
    }
    return await joinParts(parts, { record, spoilage, source, view, indexGeneration: index.generation, trust: verdict === 'same' ? 'use' : 'verify', signal })
  } catch (error) {
    await source.close()
    throw error
  }
}

/** The bytes of the shard's mount, in place or as a copy; a copy of other bytes than the mount has now is of no use. */
export const openSource = async (
  parts: StoreParts, key: string, record: Pick<ShardRecord, 'url' | 'dataGeneration' | 'localCopy'>, signal: AbortSignal, moved: () => void = () => {}
): Promise<ByteSource | Unusable> => {
  const { transients, emit } = parts
  const mount = parts.mounts.resolve(record.url)
  if (record.localCopy !== undefined) await adoptCopy(parts, key, record.dataGeneration, record.localCopy, signal)
  try {
    return await abortable(transients.open(mount, {
      key, generation: record.dataGeneration, signal, onProgress: (progress) => {
        moved()
        emit({ type: 'progress', key, step: 'fetch', progress })
      },
    }), signal, (late) => { parts.tasks.add(late.close()) })
  } catch (error) {
    if (error instanceof MountError && error.code === 'MOUNT_COPY_OUTDATED') return { unusable: 'source', reason: error }
    throw error
  }
}

/** A file that cannot be taken over is done without: the mount has the same bytes. */
const adoptCopy = async ({ transients, takeOver, emit }: StoreParts, key: string, generation: number, localCopy: NonNullable<ShardRecord['localCopy']>, signal: AbortSignal): Promise<void> => {
  try {
    await transients.adopt({ key, generation, ...localCopy, signal })
    if (localCopy.mode !== 'borrow') takeOver(key)
  } catch (error) {
    signal.throwIfAborted()
    if (codeOf(error) !== 'IO_NOT_FOUND') emit({ type: 'postponed', key, error })
  }
}

export const openIndexFile = async ({ repo, pages }: StoreParts, key: string, generation: number, signal: AbortSignal): Promise<IndexView | Unusable> => {
  let file: ByteSource
  try {
    file = await repo.open(key, generation, { signal })
  } catch (error) {
    if (error instanceof IndexRepoError && error.code === 'INDEX_MISSING') return { unusable: 'index', reason: error }
    throw error
  }
  try {
    return await openIndex(file, { pages, owns: true, signal })
  } catch (error) {
    await file.close()
    if (error instanceof CarV2Error || codeOf(error) === 'IO_TRUNCATED') return { unusable: 'index', reason: error }
    throw error
  }
}

interface Joined {
  readonly record: ShardRecord
  readonly spoilage: Spoilage
  readonly source: ByteSource
  readonly view: IndexView
  readonly indexGeneration: number
  readonly trust: 'use' | 'verify'
  readonly signal: AbortSignal
}

/** Mount the index on the bytes. `verify` samples sections: an index of other bytes is found out. */
export const joinParts = async (parts: StoreParts, { record, spoilage, source, view, indexGeneration, trust, signal }: Joined): Promise<ShardSession | Unusable> => {
  const { hashes, pages } = parts
  // a mount that does not like the index builds one in memory; ours is to be written, so it is stopped there
  const refused = new AbortController()
  let opened = false
  const onNotice = (text: string): void => { if (!opened) refused.abort(new Error(text)) }
  try {
    const mounting = openIndexMount({ data: source, index: spoilage.index(view) }, {
      hashes, pages, indexTrust: trust, onNotice, owns: true, signal: AbortSignal.any([signal, refused.signal]),
    })
    const mount = await abortable(mounting, signal, (late) => { parts.tasks.add(late.close()) })
    opened = true
    return createSession({ mount, dataGeneration: record.dataGeneration, indexGeneration, hashes, foreign: view.facts.payloadEnd === undefined }, spoilage)
  } catch (error) {
    await view.close()
    // the bytes are no CAR any more, or not the one that was indexed: a rebuild finds out
    const unusable = refused.signal.aborted || error instanceof CarV2Error
    if (signal.aborted || !unusable) throw error
    await source.close()
    return { unusable: 'source', reason: refused.signal.aborted ? refused.signal.reason : error }
  }
}
