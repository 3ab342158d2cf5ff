/**
 * Random reads from any mount. What can be read at any place is read where it is; only what comes in order alone is copied,
 * once, and used only when it is whole.
 */
import { type ByteProgress, type ByteSource, type CallOptions, compareIdentity, createWindow, type Directory, IoError, type SourceIdentity } from '@dagstore/io'
import { encodeTrailer, readTrailer } from './copy-trailer.ts'
import { MountError } from './errors.ts'
import type { Mount, MountBytes, SequentialBytes } from './mount.ts'
import { transientName } from './transient-name.ts'

export interface OpenRandomOptions extends CallOptions {
  /** Where copies of sequential mounts go. Nothing is written for a mount with random access. */
  readonly transients: Directory
  /** Key of the shard. */
  readonly key: string
  /** Of the data: a copy is reused for the same generation only. A whole number from 0. */
  readonly generation: number
  /** Bytes copied so far; never called when nothing is copied. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/**
 * A source for the bytes of `mount`, closed by the caller. Two calls at once for one key and generation are safe, but both
 * copy: a caller that wants one copy makes one call. A whole copy of the generation is reused under the identity of what it
 * was copied from, and never replaced by other bytes. On any failure or abort no file stays that was not there before, neither
 * under the name of the copy nor under a temporary one.
 *
 * @throws {MountError} as `mount.open`; `MOUNT_COPY_OUTDATED`: there is a copy of this generation, and the mount has other bytes
 *   now; the next generation gets these
 * @throws {IoError} `IO_TRUNCATED`: fewer bytes came than the mount had announced. `IO_SOURCE_CHANGED`: more came.
 *   `IO_FULL`: the copy does not fit; asked before the first byte where the directory knows. `IO_FAILED`, …
 */
export const openRandom = async (mount: Mount, options: OpenRandomOptions): Promise<ByteSource> => {
  const { transients, signal } = options
  const name = transientName(options.key, options.generation)
  signal?.throwIfAborted()
  let opened: MountBytes
  try {
    opened = await mount.open({ signal })
  } catch (error) {
    // a whole copy of this generation is as good as the source while that cannot be reached
    const present = error instanceof MountError && error.code === 'MOUNT_UNREACHABLE' ? await openCopy(transients, name, signal) : undefined
    if (present === undefined) throw error
    return present.source
  }
  if (opened.access === 'random') return opened.source

  const { identity } = opened
  const announced = identity?.sizeBytes ?? (await mount.stat({ signal })).sizeBytes
  const present = await openCopy(transients, name, signal)
  if (present !== undefined) {
    if (isCopyOf(present, identity, announced)) return present.source
    await present.source.close()
    throw new MountError('MOUNT_COPY_OUTDATED', `the mount has other bytes than its copy; generation=${options.generation}`, { retry: 'later' })
  }
  await copy(opened, announced, name, options)
  const made = await openCopy(transients, name, signal)
  if (made === undefined) throw new IoError('IO_NOT_FOUND', `transient copy has vanished; in=${transients.label}`, { retry: 'later' })
  return made.source
}

const isCopyOf = ({ source, identity: copied }: Copy, identity: SourceIdentity | undefined, announced: number | undefined): boolean => {
  if (copied !== undefined && identity !== undefined) return compareIdentity(copied, identity) !== 'different'
  return announced === undefined || announced === source.sizeBytes
}

const copy = async (from: SequentialBytes, announced: number | undefined, name: string, { transients, signal, onProgress }: OpenRandomOptions): Promise<void> => {
  const free = await transients.freeBytes()
  if (announced !== undefined && free !== undefined && free < announced) {
    throw new IoError('IO_FULL', `no room for a transient copy; in=${transients.label} need=${announced} free=${free}`, { retry: 'later' })
  }
  await transients.writeAtomic(name, withTrailer(checked(from, announced, { signal, onProgress }), from.identity), { signal })
}

/** The stream, refused at its end unless it had the length announced. */
async function * checked (from: SequentialBytes, announced: number | undefined, options: Pick<OpenRandomOptions, 'signal' | 'onProgress'>): AsyncGenerator<Uint8Array, void, undefined> {
  let doneBytes = 0
  for await (const chunk of from.stream(0, { signal: options.signal })) {
    options.signal?.throwIfAborted()
    doneBytes += chunk.byteLength
    if (announced !== undefined && doneBytes > announced) {
      throw new IoError('IO_SOURCE_CHANGED', `more bytes came than announced; want=${announced}`, { retry: 'later', offset: announced })
    }
    yield chunk
    options.onProgress?.({ doneBytes, totalBytes: announced })
  }
  if (announced !== undefined && doneBytes < announced) {
    throw new IoError('IO_TRUNCATED', `fewer bytes came than announced; want=${announced} got=${doneBytes}`, { retry: 'later', offset: doneBytes })
  }
}

async function * withTrailer (chunks: AsyncIterable<Uint8Array>, identity: SourceIdentity | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  yield * chunks
  yield encodeTrailer(identity)
}

interface Copy {
  /** Under the identity of what it was copied from, so that an index of the one serves the other. */
  readonly source: ByteSource
  readonly identity: SourceIdentity | undefined
}

/** `undefined`: there is none, or what has its name is none. */
const openCopy = async (transients: Directory, name: string, signal: AbortSignal | undefined): Promise<Copy | undefined> => {
  if ((await transients.stat(name))?.kind !== 'file') return undefined
  const file = await transients.openSource(name, { signal })
  try {
    const trailer = await readTrailer(file, { signal })
    if (trailer !== undefined) {
      const { payloadBytes, identity } = trailer
      return { source: createWindow(file, 0, payloadBytes, { ...(identity === undefined ? {} : { identity }), owns: true }), identity }
    }
  } catch (error) {
    await file.close()
    throw error
  }
  await file.close()
  return undefined
}
