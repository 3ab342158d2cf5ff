/** Copying a sequential source into a file, going on where an earlier try had to stop. */
import { type ByteProgress, compareIdentity, type Directory, IoError, withdrawable, type WritableFile } from '@dagstore/io'
import { assertMatches, type ContentCheck } from './content-check.ts'
import { type CopyOwner, encodeTrailer } from './copy-trailer.ts'
import { readProgress, writeProgress } from './copy-progress.ts'
import { MountError } from './errors.ts'
import type { SequentialBytes } from './mount.ts'
import { nameWith } from './transient-name.ts'

export interface CopyOrder {
  readonly directory: Directory
  readonly base: string
  readonly owner: CopyOwner
  readonly from: SequentialBytes
  /** `undefined` when nobody can say. */
  readonly announced: number | undefined
  /** A new check of the bytes from the first one on; `undefined` when nobody can check them. */
  readonly check: () => ContentCheck | undefined
  /** Room for so many bytes, before they are written. */
  readonly room: (bytes: number, signal: AbortSignal) => Promise<void>
  /** So many bytes are in the file. */
  readonly written: (bytes: number) => void
  readonly signal: AbortSignal
  readonly onProgress: (progress: ByteProgress) => void
}

/** How often a copy that can be resumed says for good how far it is. */
const CHECKPOINT_BYTES = 64 << 20
/** Read back when the check of the bytes has to begin anew. */
const REREAD_BYTES = 1 << 20

/** Where an earlier try of the same bytes got to; 0: there was none, or it is of no use. */
export const resumePoint = async ({ directory, base, from, owner, signal }: Pick<CopyOrder, 'directory' | 'base' | 'from' | 'owner' | 'signal'>): Promise<number> => {
  const { identity } = from
  if (!from.resumable || identity === undefined) return 0
  const progress = await readProgress(directory, nameWith(base, 'progress'), { signal })
  if (progress?.identity === undefined || progress.key !== owner.key || compareIdentity(progress.identity, identity) !== 'same') return 0
  const found = await directory.stat(nameWith(base, 'partial'))
  return found?.kind === 'file' && found.sizeBytes >= progress.syncedBytes ? Math.min(progress.syncedBytes, identity.sizeBytes) : 0
}

/**
 * On return the whole copy stands under its name, durable. On failure nothing does; what came so far stays as a partial copy
 * where it can be gone on with, else nothing.
 *
 * @param start - what {@link resumePoint} gave
 * @returns the length of the file
 */
export const copyWhole = async (order: CopyOrder, start: number): Promise<number> => {
  const { directory, base, owner, from } = order
  const { identity } = from
  const [partial, progress] = [nameWith(base, 'partial'), nameWith(base, 'progress')]
  // before the file: what has no record of ours is not ours
  if (start === 0) await writeProgress(directory, progress, { ...owner, identity, syncedBytes: 0 })
  const file = await directory.openWritable(partial, 'any')
  let at = start
  try {
    await file.truncate(start)
    order.written(start)
    const check = order.check()
    if (check !== undefined) await recheck(file, start, check)
    if (start !== identity?.sizeBytes || start === 0) for await (const end of pour(file, order, start, check)) at = end
    await assertMatches(check)
    const trailer = encodeTrailer(identity, owner)
    await order.room(at + trailer.byteLength, order.signal)
    await file.write(at, trailer)
    await file.sync()
    await file.close()
    await directory.rename(partial, nameWith(base, 'transient'))
    await directory.remove(progress).catch(() => {}) // without its file it means nothing, and goes with the copy
    return at + trailer.byteLength
  } catch (error) {
    await leave(file, order, at, error)
    throw error
  }
}

/** Gives the length written after each chunk. */
async function * pour (file: WritableFile, order: CopyOrder, start: number, check: ContentCheck | undefined): AsyncGenerator<number, void, undefined> {
  const { directory, base, owner, from, announced, signal } = order
  let at = start
  let synced = start
  const chunks = from.stream(start, { signal })[Symbol.asyncIterator]()
  let over = false
  try {
    for (;;) {
      // a mount that does not listen is left
      const next = await withdrawable(chunks.next(), signal)
      if (next.done === true) break
      signal.throwIfAborted()
      const { value: chunk } = next
      const end = at + chunk.byteLength
      if (announced !== undefined && end > announced) {
        throw new IoError('IO_SOURCE_CHANGED', `more bytes came than announced; want=${announced}`, { retry: 'later', offset: announced })
      }
      await order.room(end, signal)
      await check?.update(chunk)
      await file.write(at, chunk)
      at = end
      order.written(at)
      yield at
      if (from.resumable && at - synced >= CHECKPOINT_BYTES) {
        await file.sync()
        await writeProgress(directory, nameWith(base, 'progress'), { ...owner, identity: from.identity, syncedBytes: at })
        synced = at
      }
      order.onProgress({ doneBytes: at, totalBytes: announced })
    }
    over = true
  } finally {
    if (!over) void Promise.resolve(chunks.return?.()).catch(() => {}) // it may hang, and nobody waits for it
  }
  if (announced !== undefined && at < announced) {
    throw new IoError('IO_TRUNCATED', `fewer bytes came than announced; want=${announced} got=${at}`, { retry: 'later', offset: at })
  }
}

const recheck = async (file: WritableFile, end: number, check: ContentCheck): Promise<void> => {
  for (let at = 0; at < end; at += REREAD_BYTES) await check.update(await file.read(at, Math.min(REREAD_BYTES, end - at)))
}

/** Keep what can be gone on with. What cannot be kept or removed now is so by whoever comes next: the first failure is told. */
const leave = async (file: WritableFile, { directory, base, owner, from, announced }: CopyOrder, at: number, error: unknown): Promise<void> => {
  const [partial, progress] = [nameWith(base, 'partial'), nameWith(base, 'progress')]
  try {
    if (from.resumable && from.identity !== undefined && at > 0 && at <= (announced ?? at) && !isOfOtherBytes(error)) {
      await file.truncate(at)
      await file.sync()
      await file.close()
      await writeProgress(directory, progress, { ...owner, identity: from.identity, syncedBytes: at })
      return
    }
  } catch {
    // as if it could not be gone on with
  }
  await file.close().catch(() => {})
  // the record last: it says that the file is ours
  await directory.remove(partial).then(() => directory.remove(progress)).catch(() => {})
}

const isOfOtherBytes = (error: unknown): boolean =>
  (error instanceof IoError && error.code === 'IO_SOURCE_CHANGED') || (error instanceof MountError && error.code === 'MOUNT_HASH_MISMATCH')
