/** Reading what a shard's mount, or the one that is to take its place, has now. */
import { compareIdentity, type SourceIdentity } from '@dagstore/io'
import type { Mount } from '@dagstore/mounts'
import { abortable } from '../abortable.ts'
import type { ShardRecord } from '../machine/index.ts'
import { buildJob, type BuildOptions } from './build-job.ts'
import type { Unusable } from './join-parts.ts'
import { openIndexFile } from './index-file.ts'
import type { StoreParts } from './parts.ts'
import type { ShardSession } from './session.ts'

/** As {@link buildJob}, for the data of the refresh; nothing is read where the mount says that it has what was indexed by us. */
export const refreshJob = async (parts: StoreParts, key: string, record: ShardRecord, options: BuildOptions): Promise<ShardSession | Unusable | 'unchanged'> => {
  const { refresh } = record
  if (refresh === undefined) throw new TypeError('a refresh without a generation')
  if (refresh.url === record.url && record.failure === undefined && await isUnchanged(parts, key, record, options.signal)) return 'unchanged'
  const localCopy = refresh.dataGeneration === record.dataGeneration ? record.localCopy : undefined
  return buildJob(parts, key, { ...record, ...refresh, localCopy }, options)
}

const isUnchanged = async (parts: StoreParts, key: string, { index, url }: ShardRecord, signal: AbortSignal): Promise<boolean> => {
  if (index === undefined) return false
  const indexed = await indexedIdentity(parts, key, index.generation, signal)
  if (indexed === undefined) return false
  const now = await identityOf(parts, parts.mounts.resolve(url), signal)
  return now !== undefined && compareIdentity(indexed, now) === 'same'
}

/** `undefined`: the index is lost or damaged, or does not know. */
const indexedIdentity = async (parts: StoreParts, key: string, generation: number, signal: AbortSignal): Promise<SourceIdentity | undefined> => {
  const view = await openIndexFile(parts, key, generation, signal)
  if ('unusable' in view) return undefined
  const { source, payloadEnd } = view.facts
  await view.close()
  return payloadEnd === undefined ? undefined : source
}

const identityOf = async ({ tasks }: StoreParts, mount: Mount, signal: AbortSignal): Promise<SourceIdentity | undefined> => {
  const opened = await abortable(mount.open({ signal }), signal, (late) => { if (late.access === 'random') tasks.add(late.source.close()) })
  if (opened.access === 'sequential') return opened.identity
  const { identity } = opened.source
  await opened.source.close()
  return identity
}
