/** The bytes of a shard: where they are, or a copy of what comes in order only. */
import type { ByteSource } from '@dagstore/io'
import { type InTurn, type Mount, MountError } from '@dagstore/mounts'
import { abortable } from '../abortable.ts'
import { codeOf } from '../failure.ts'
import type { Urgency } from '../limiter.ts'
import type { ShardRecord } from '../machine/index.ts'
import type { Unusable } from './join-parts.ts'
import type { StoreParts } from './parts.ts'
import { type Moves, UNWATCHED, yielding } from './patience.ts'

interface OpenSourceOptions {
  /** Of a copy that has to be made. */
  readonly urgency: Urgency
  /** Of the slot that the caller holds. @default it holds none; a copy takes one */
  readonly moves?: Moves
  /** @default the shard's */
  readonly mount?: Mount
}

/** A copy of other bytes than the mount has now is of no use. */
export const openSource = async (
  parts: StoreParts, key: string, record: Pick<ShardRecord, 'url' | 'dataGeneration' | 'localCopy'>, signal: AbortSignal,
  { urgency, moves, mount = parts.mounts.resolve(record.url) }: OpenSourceOptions
): Promise<ByteSource | Unusable> => {
  const { transients, building, clock, emit } = parts
  let { moved, waits } = moves ?? UNWATCHED
  const inTurn: InTurn = (copy, left) => building.run((slot) => yielding(slot, clock, (watched) => {
    ({ moved, waits } = watched)
    return copy()
  }), { signal: left, urgency })
  if (record.localCopy !== undefined) {
    // a file that cannot be taken is done without: the mount has the same bytes
    await abortable(parts.takeOver(key), signal).catch((error: unknown) => {
      signal.throwIfAborted()
      if (codeOf(error) !== 'IO_NOT_FOUND') emit({ type: 'postponed', key, error })
    })
  }
  try {
    return await abortable(transients.open(mount, {
      key,
      generation: record.dataGeneration,
      signal,
      inTurn: moves === undefined ? inTurn : undefined,
      onWait: () => { waits() },
      onProgress: (progress) => {
        moved()
        emit({ type: 'progress', key, step: 'fetch', progress })
      },
    }), signal, (late) => { parts.tasks.add(late.close()) })
  } catch (error) {
    if (error instanceof MountError && error.code === 'MOUNT_COPY_OUTDATED') return { unusable: 'source', reason: error }
    throw error
  }
}
