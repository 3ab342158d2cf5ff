/// <reference lib="esnext.disposable" preserve="true" />
/** Sources made from other things at hand: bytes in memory, a window of another source. */
import type { BlockingSource, ByteSource } from './byte-source.ts'
import type { CallOptions } from './calls.ts'
import { type CallbackSource, hasCallbacks } from './callback-source.ts'
import { IoError } from './errors.ts'
import { canFill, type FillingSource } from './filling-source.ts'
import type { SourceIdentity } from './identity.ts'
import { systemRandom } from './random.ts'

/** That [at, at + length) lies inside of `sizeBytes`. @throws {IoError} `IO_OUT_OF_RANGE` */
export const checkRange = (at: number, length: number, sizeBytes: number): void => {
  if (Number.isSafeInteger(at) && Number.isSafeInteger(length) && at >= 0 && length >= 0 && at + length <= sizeBytes) return
  throw new IoError('IO_OUT_OF_RANGE', `read out of range; at=${at} length=${length} size=${sizeBytes}`, { offset: at })
}

/** How much of `into` is filled from `at`. */
export const lengthUpTo = (sizeBytes: number, at: number, into: Uint8Array): number => Math.min(into.byteLength, Math.max(0, sizeBytes - at))

/** Something in memory has no inode; a random number keeps it apart from everything else, in this process and in others. */
export const memoryInode = (): bigint => new DataView(systemRandom.bytes(8).buffer).getBigUint64(0)

/**
 * Bytes in memory as a source. Keeps a reference to their memory, which must not change afterwards.
 *
 * @param options.identity - default: one of kind `file` that equals no other, here or in another process
 */
export const createBytesSource = (given: Uint8Array, options: { readonly identity?: SourceIdentity } = {}): BlockingSource & FillingSource => {
  // of a Buffer `slice` would be a view, and whoever changes what was read would change the source
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
  const identity: SourceIdentity = options.identity ?? { kind: 'file', sizeBytes: bytes.byteLength, mtimeNs: 0n, inode: memoryInode() }
  let closed = false
  const check = (at: number, length: number): void => {
    if (closed) throw new IoError('IO_CLOSED', 'source is closed')
    checkRange(at, length, bytes.byteLength)
  }
  const readSync = (at: number, into: Uint8Array): number => {
    const wanted = lengthUpTo(bytes.byteLength, at, into)
    check(at, wanted)
    into.set(bytes.subarray(at, at + wanted))
    return wanted
  }
  const close = async (): Promise<void> => { closed = true }
  return {
    sizeBytes: bytes.byteLength,
    identity,
    cost: { kind: 'memory', seekBytes: 0 },
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      check(at, length)
      return bytes.slice(at, at + length)
    },
    readInto: async (at, into, { signal } = {}) => {
      signal?.throwIfAborted()
      return readSync(at, into)
    },
    readSync,
    peek: (at, length) => {
      check(at, length)
      return bytes.subarray(at, at + length)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * `length` bytes of `source` from `start`, as a source of their own with the identity given. Closing the window closes
 * `source` only when `owns` is true.
 *
 * @throws {IoError} `IO_OUT_OF_RANGE`: the window does not lie inside `source`
 */
export const createWindow = (source: ByteSource, start: number, length: number, options: { readonly identity?: SourceIdentity, readonly owns?: boolean } = {}): ByteSource => {
  checkRange(start, length, source.sizeBytes)
  const identity: SourceIdentity = options.identity ?? windowIdentity(source.identity, start, length)
  let closing: Promise<void> | undefined
  const check = (at: number, size: number): void => {
    if (closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
    checkRange(at, size, length)
  }
  const close = (): Promise<void> => closing ??= options.owns === true ? source.close() : Promise.resolve()
  const callbacks: Pick<CallbackSource, 'readThen'> | undefined = !hasCallbacks(source) ? undefined : {
    readThen: (at, size, done) => {
      check(at, size)
      source.readThen(start + at, size, done)
    },
  }
  const filling: Pick<FillingSource, 'readInto'> | undefined = !canFill(source) ? undefined : {
    readInto: async (at, into, call) => {
      const wanted = lengthUpTo(length, at, into)
      check(at, wanted)
      return source.readInto(start + at, into.subarray(0, wanted), call)
    },
  }
  return {
    ...callbacks,
    ...filling,
    sizeBytes: length,
    identity,
    cost: source.cost,
    read: async (at, size, call) => {
      check(at, size)
      return source.read(start + at, size, call)
    },
    peek: (at, size) => {
      check(at, size)
      return source.peek(start + at, size)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const windowIdentity = (of: SourceIdentity, start: number, length: number): SourceIdentity => {
  switch (of.kind) {
    case 'content': return { kind: 'content', cid: `${of.cid}#${start}+${length}`, sizeBytes: length }
    case 'version': return { kind: 'version', tag: `${of.tag}#${start}+${length}`, sizeBytes: length }
    // no inode of any file, but one that tells two windows of equal length apart
    case 'file': return { ...of, sizeBytes: length, inode: of.inode ^ BigInt(start) }
  }
}

/**
 * The bytes of [from, to) in order, in chunks of at most `chunkBytes`, reading one chunk ahead. Each chunk belongs to the
 * consumer. Ends when the consumer stops.
 *
 * @param options.chunkBytes - default 1 MiB
 */
export async function * readChunks (source: ByteSource, from: number, to: number, options: CallOptions & { readonly chunkBytes?: number } = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const { chunkBytes = 1 << 20, signal } = options
  if (!Number.isSafeInteger(chunkBytes) || chunkBytes < 1) throw new RangeError(`chunk length; got=${chunkBytes}`)
  checkRange(from, to - from, source.sizeBytes)
  const start = (at: number): Promise<Uint8Array> => {
    const chunk = source.read(at, Math.min(chunkBytes, to - at), { signal })
    chunk.catch(() => {}) // reported when it is awaited below; an abandoned one must not be an unhandled rejection
    return chunk
  }
  let next = from < to ? start(from) : undefined
  for (let at = from; next !== undefined;) {
    const chunk: Uint8Array = await next
    at += chunk.byteLength
    next = at < to ? start(at) : undefined
    yield chunk
  }
}

/**
 * As {@link readChunks}, with two pieces of memory that are used in turn: each chunk is the consumer's only until it asks for the
 * next one. For those who keep nothing: fresh memory for each chunk costs about half of what hashing it does.
 */
export async function * borrowChunks (source: FillingSource, from: number, to: number, options: CallOptions & { readonly chunkBytes?: number } = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const { chunkBytes = 1 << 20, signal } = options
  if (!Number.isSafeInteger(chunkBytes) || chunkBytes < 1) throw new RangeError(`chunk length; got=${chunkBytes}`)
  checkRange(from, to - from, source.sizeBytes)
  let [free, used]: (Uint8Array | undefined)[] = []
  const start = (at: number): Promise<Uint8Array> => {
    [free, used] = [used, free ?? new Uint8Array(Math.min(chunkBytes, to - from))]
    const into = used!.subarray(0, Math.min(chunkBytes, to - at))
    const chunk = source.readInto(at, into, { signal }).then(() => into)
    chunk.catch(() => {}) // as above
    return chunk
  }
  let next = from < to ? start(from) : undefined
  for (let at = from; next !== undefined;) {
    const chunk: Uint8Array = await next
    at += chunk.byteLength
    next = at < to ? start(at) : undefined
    yield chunk
  }
}
