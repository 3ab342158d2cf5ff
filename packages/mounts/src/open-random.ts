/**
 * Random reads from any mount. What can be read at any place is read where it is; only what comes in order alone is copied,
 * once, and used only when it is whole.
 */
import { type ByteProgress, type ByteSource, type CallOptions, createWindow, type Directory, IoError, type SourceIdentity } from '@dagstore/io'
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
 * copy: a caller that wants one copy makes one call. On any failure or abort no file stays, neither under the name of the
 * copy nor under a temporary one.
 *
 * @throws {MountError} as `mount.open`
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
    if (!(error instanceof MountError) || error.code !== 'MOUNT_UNREACHABLE' || (await transients.stat(name))?.kind !== 'file') throw error
    return openCopy(transients, name, undefined, signal)
  }
  if (opened.access === 'random') return opened.source

  const { identity } = opened
  const announced = identity?.sizeBytes ?? (await mount.stat({ signal })).sizeBytes
  const present = await transients.stat(name)
  const reusable = present?.kind === 'file' && (announced === undefined || present.sizeBytes === announced)
  if (!reusable) await copy(opened, announced, name, options)
  return openCopy(transients, name, identity, signal)
}

const copy = async (from: SequentialBytes, announced: number | undefined, name: string, { transients, signal, onProgress }: OpenRandomOptions): Promise<void> => {
  const free = await transients.freeBytes()
  if (announced !== undefined && free !== undefined && free < announced) {
    throw new IoError('IO_FULL', `no room for a transient copy; in=${transients.label} need=${announced} free=${free}`, { retry: 'later' })
  }
  await transients.writeAtomic(name, checked(from, announced, { signal, onProgress }), { signal })
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

/** The copy under the identity of what it was copied from, so that an index of the one serves the other. */
const openCopy = async (transients: Directory, name: string, identity: SourceIdentity | undefined, signal: AbortSignal | undefined): Promise<ByteSource> => {
  const source = await transients.openSource(name, { signal })
  if (identity === undefined) return source
  return createWindow(source, 0, source.sizeBytes, { identity, owns: true })
}
