/** The bytes of a shard as far as they are at hand: looking for a reason fetches nothing. */
import type { ByteSource } from '@dagstore/io'
import { abortable } from '../abortable.ts'
import type { ShardRecord } from '../machine/index.ts'
import type { StoreParts } from '../runner/parts.ts'

/**
 * @throws {MountError} as `mount.open`. `MOUNT_NOT_LOCAL`: the mount can only be read in order, and there is no copy of it.
 *   `MOUNT_COPY_OUTDATED`: the copy is of other bytes than the mount has now
 */
export const openLocal = async ({ mounts, transients, tasks }: Pick<StoreParts, 'mounts' | 'transients' | 'tasks'>, key: string, record: ShardRecord, signal: AbortSignal): Promise<ByteSource> =>
  abortable(transients.open(mounts.resolve(record.url), { key, generation: record.dataGeneration, signal, noDownload: true }), signal, (late) => { tasks.add(late.close()) })
