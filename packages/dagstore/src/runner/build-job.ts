/** Indexing a shard: scan, index file, top-level index, and the session that its first leases share. */
import { buildIndexStream, type IndexStream, openIndex } from '@dagstore/carv2'
import { IndexRepoError } from '@dagstore/index-repo'
import type { ByteSource } from '@dagstore/io'
import { shardNumber } from '@dagstore/top-level-index'
import { abortable } from '../abortable.ts'
import type { Urgency } from '../limiter.ts'
import type { ShardRecord } from '../machine/index.ts'
import { multihashesOf } from './multihashes.ts'
import { joinParts, openSource, type Unusable } from './open-job.ts'
import type { StoreParts } from './parts.ts'
import { patiently } from './patience.ts'
import { type ShardSession, Spoilage } from './session.ts'

export interface BuildOptions {
  readonly signal: AbortSignal
  readonly urgency: Urgency
}

/**
 * Everything but the commit: on return the index file is durable and the multihashes are published, under a generation and
 * a shard number that the record does not call current yet.
 *
 * @returns a session, or that the copy of the data which a build before this one left is of other bytes than the mount has
 * @throws what the mount, the CAR, or the storage of the indices rejects with; the signal's reason
 */
export const buildJob = async (parts: StoreParts, key: string, record: ShardRecord, { signal, urgency }: BuildOptions): Promise<ShardSession | Unusable> => {
  // slow work that an opening starts, such as unsealing, holds no slot
  const early = await isReady(parts, record, signal) ? undefined : await openSource(parts, key, record, signal)
  let taken = false
  try {
    return await parts.building.run(async (slot) => {
      taken = true
      // one that hangs all the same gives its slot to others
      const raw = early ?? await patiently(slot, parts.clock, (moved) => openSource(parts, key, record, signal, moved), closeLate)
      return build(parts, key, record, raw, signal)
    }, { signal, urgency })
  } finally {
    if (!taken && early !== undefined) await closeLate(early)
  }
}

const closeLate = async (raw: ByteSource | Unusable): Promise<void> => { if (!('unusable' in raw)) await raw.close() }

/** A mount that cannot say it is opened, to find out why. */
const isReady = async ({ mounts }: StoreParts, { url }: ShardRecord, signal: AbortSignal): Promise<boolean> => {
  try {
    return (await abortable(mounts.resolve(url).stat({ signal }), signal)).ready
  } catch {
    signal.throwIfAborted()
    return true
  }
}

/** @param raw - closed with the session, or on failure */
const build = async (parts: StoreParts, key: string, record: ShardRecord, raw: ByteSource | Unusable, signal: AbortSignal): Promise<ShardSession | Unusable> => {
  if ('unusable' in raw) return raw
  const { building } = record
  if (building === undefined) throw new TypeError('a build without a generation')
  const { repo, top, pages, emit } = parts
  const spoilage = new Spoilage()
  const scratch = repo.scratch(key, building.generation)
  try {
    const index = await abortable(buildIndexStream(raw, {
      signal,
      scratch: () => scratch.open(),
      onProgress: (progress) => { emit({ type: 'progress', key, step: 'index', progress }) },
    }), signal)
    await writeIndex(parts, key, building.generation, index, signal)
    await top.publish(shardNumber(building.shardNumber), multihashesOf(index, { signal }), { signal })
    await scratch.release()
    // read back from disk: what is served is what a restart will find
    const view = await openIndex(await repo.open(key, building.generation, { signal }), { pages, owns: true, signal })
    const session = await joinParts(parts, { record, spoilage, source: spoilage.source(raw), view, indexGeneration: building.generation, trust: 'use', signal })
    if ('unusable' in session) throw session.reason
    return session
  } catch (error) {
    await scratch.release().catch((failure: unknown) => { emit({ type: 'postponed', key, error: failure }) })
    await raw.close()
    throw error
  }
}

const writeIndex = async ({ repo }: StoreParts, key: string, generation: number, index: IndexStream, signal: AbortSignal): Promise<void> => {
  try {
    await repo.write(key, generation, index.encode({ signal }), { signal })
  } catch (error) {
    if (!(error instanceof IndexRepoError) || error.code !== 'INDEX_EXISTS') throw error
    // the generation is fresh, so this is of a catalogue that was put back to an earlier state, and nothing refers to it
    await repo.remove(key, generation)
    await repo.write(key, generation, index.encode({ signal }), { signal })
  }
}
