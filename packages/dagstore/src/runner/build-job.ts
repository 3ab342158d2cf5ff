/** Indexing a shard: scan, index file, top-level index, and the session that its first leases share. */
import { buildIndexStream, type IndexStream, openIndex, readLayout, refuseReferences } from '@dagstore/carv2'
import { IndexRepoError } from '@dagstore/index-repo'
import type { ByteSource } from '@dagstore/io'
import type { Mount, MountBytes } from '@dagstore/mounts'
import { shardNumber } from '@dagstore/top-level-index'
import { abortable } from '../abortable.ts'
import type { Slot } from '../limiter.ts'
import type { IndexGeneration, ShardRecord } from '../machine/index.ts'
import { openAttached } from './attached-index.ts'
import { joinParts, type Unusable } from './join-parts.ts'
import { multihashesOf } from './multihashes.ts'
import type { JobOptions } from './open-job.ts'
import { openSource } from './open-source.ts'
import { pacedSource, pacedStreams } from './paced.ts'
import type { StoreParts } from './parts.ts'
import { patiently } from './patience.ts'
import { type ShardSession, Spoilage } from './session.ts'

/** An index of so many bytes is written, and published, without a slot. */
const SMALL_INDEX_BYTES = 1 << 20

export interface BuildOptions extends JobOptions {
  /** Somebody waits for a block of a shard that has no index: one that lies in the source will do for now. */
  readonly inHaste?: boolean
}

/**
 * Everything but the commit: on return the index file is durable and the multihashes are published, under a generation and
 * a shard number that the record does not call current yet.
 *
 * @returns a session, or that the copy of the data which a build before this one left is of other bytes than the mount has
 * @throws what the mount, the CAR, or the storage of the indices rejects with; the signal's reason
 */
export const buildJob = async (parts: StoreParts, key: string, record: ShardRecord, { signal, urgency, inHaste = false }: BuildOptions): Promise<ShardSession | Unusable> => {
  const mount = pacedMount(parts, record.url)
  // where a look is an opening, a shard that has its index in it needs no second one, and no slot for what little is read
  const look = inHaste ? await lookAt(parts, mount, signal) : undefined
  let early: ByteSource | Unusable | undefined
  let taken = false
  try {
    // slow work that an opening starts, such as unsealing, holds no slot
    if (look !== undefined || !await isReady(mount, signal)) early = await openSource(parts, key, record, signal, { urgency, mount: look?.mount ?? mount })
    const session = inHaste && early !== undefined ? await attached(parts, key, record, early, signal) : undefined
    if (session !== undefined) {
      taken = true
      return session
    }
    return await parts.building.run(async (slot) => {
      taken = true
      // one that hangs all the same gives its slot to others
      const raw = early ?? await patiently(slot, parts.clock, (moves) => openSource(parts, key, record, signal, { urgency, moves, mount }), closeLate)
      return (inHaste && early === undefined ? await attached(parts, key, record, raw, signal) : undefined) ?? build(parts, key, record, raw, signal, slot)
    }, { signal, urgency })
  } finally {
    if (!taken && early !== undefined) await closeLate(early)
    await look?.close()
  }
}

const pacedMount = ({ mounts, pace }: StoreParts, url: string): Mount => pace === undefined ? mounts.resolve(url) : pacedStreams(mounts.resolve(url), pace)

const closeLate = async (raw: ByteSource | Unusable): Promise<void> => { if (!('unusable' in raw)) await raw.close() }

/** A mount that cannot say it is opened, to find out why. */
const isReady = async (mount: Mount, signal: AbortSignal): Promise<boolean> => {
  try {
    return (await abortable(mount.stat({ signal }), signal)).ready
  } catch {
    signal.throwIfAborted()
    return true
  }
}

/** What a look has opened: a mount whose first opening gives it. */
interface Look { readonly mount: Mount, close(): Promise<void> }

/** `undefined`: the mount looks without opening, or has no random access. */
const lookAt = async ({ tasks }: StoreParts, mount: Mount, signal: AbortSignal): Promise<Look | undefined> => {
  const closed = async (bytes: MountBytes | undefined): Promise<void> => { if (bytes?.access === 'random') await bytes.source.close() }
  let opened: MountBytes | undefined
  try {
    const looking = mount.openStat?.({ signal })
    if (looking === undefined) return undefined
    opened = (await abortable(looking, signal, ({ bytes }) => { tasks.add(closed(bytes)) })).bytes
  } catch {
    signal.throwIfAborted()
  }
  if (opened?.access !== 'random') return undefined
  const take = (): MountBytes | undefined => {
    const bytes = opened
    opened = undefined
    return bytes
  }
  return {
    mount: { url: mount.url, stat: (options) => mount.stat(options), open: async (options) => take() ?? mount.open(options) },
    close: () => closed(take()),
  }
}

/** The index in the source, for as long as there is none of ours. @param raw - closed with the session, or on failure */
const attached = async (parts: StoreParts, key: string, record: ShardRecord, raw: ByteSource | Unusable, signal: AbortSignal): Promise<ShardSession | undefined> => {
  if ('unusable' in raw) return undefined
  try {
    return await openAttached(parts, key, { record, raw, generation: buildingOf(record).generation, signal })
  } catch (error) {
    await raw.close()
    throw error
  }
}

const buildingOf = ({ building }: ShardRecord): IndexGeneration => {
  if (building === undefined) throw new TypeError('a build without a generation')
  return building
}

/** @param raw - closed with the session, or on failure */
const build = async (parts: StoreParts, key: string, record: ShardRecord, raw: ByteSource | Unusable, signal: AbortSignal, slot: Slot): Promise<ShardSession | Unusable> => {
  if ('unusable' in raw) return raw
  const building = buildingOf(record)
  const { repo, top, pages, emit, pace } = parts
  const spoilage = new Spoilage()
  const scratch = repo.scratch(key, building.generation)
  try {
    await abortable(refuseForeignData(raw, signal), signal)
    const index = await abortable(buildIndexStream(pace === undefined ? raw : pacedSource(raw, pace), {
      signal,
      scratch: () => scratch.open(),
      onProgress: (progress) => { emit({ type: 'progress', key, step: 'index', progress }) },
    }), signal)
    // of a small one, all that is left is to wait for it to be durable, which many can do at a time
    if (index.sizeBytes <= SMALL_INDEX_BYTES) slot.end()
    await writeIndex(parts, key, building.generation, index, signal)
    await top.publish(shardNumber(building.shardNumber), multihashesOf(index, { signal }), { signal })
    await scratch.release()
    // read back from disk: what is served is what a restart will find
    const view = await openIndex(await repo.open(key, building.generation, { signal }), { pages, owns: true, signal })
    const session = await joinParts(parts, { key, record, spoilage, source: spoilage.source(raw), view, indexGeneration: building.generation, trust: 'use', foreign: false, signal })
    if ('unusable' in session) throw session.reason
    return session
  } catch (error) {
    await scratch.release().catch((failure: unknown) => { emit({ type: 'postponed', key, error: failure }) })
    await raw.close()
    throw error
  }
}

/** A CAR that says where its data is, instead of holding it, would be a shard of blocks that nobody can verify. @throws {CarV2Error} `CARV2_REFERENCES` */
const refuseForeignData = async (raw: ByteSource, signal: AbortSignal): Promise<void> => refuseReferences(raw, await readLayout(raw, { signal, badIndex: 'report' }), 'the shard', { signal })

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
