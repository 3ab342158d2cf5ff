/// <reference lib="esnext.disposable" preserve="true" />
/** Sources that follow each other, as one: many files read as if they were one, each opened when it is needed. */
import type { ByteSource, SourceCost } from './byte-source.ts'
import type { Awaitable } from './calls.ts'
import { IoError } from './errors.ts'
import type { SourceIdentity } from './identity.ts'
import { checkRange, memoryInode } from './memory.ts'
import { createReadsUnderWay } from './reads-under-way.ts'
import { withdrawable } from './withdrawable.ts'

export interface ConcatOptions {
  /** Of a read in any of the parts; they are not open yet. */
  readonly cost: SourceCost
  /** Of all bytes together. @default one that equals no other */
  readonly identity?: SourceIdentity | undefined
}

/**
 * Parts one after another, each opened when a byte of it is wanted first, and again after a failure. A read that spans several asks
 * them at once. A part stays open until all are closed. Takes 8 bytes for each that is not open, however many there are.
 *
 * A part that is not as long as was said makes reads reject with `IO_SOURCE_CHANGED`; one that cannot be opened, with its reason.
 *
 * @param sizes - of the parts, in bytes; keeps no reference
 * @param open - opens the part of that number, from 0; what it gives is closed with the whole
 * @throws {RangeError} a length that is no whole number from 0, or more than 2^53 - 1 in all
 */
export const createConcatSource = (sizes: readonly number[], open: (part: number) => Awaitable<ByteSource>, options: ConcatOptions): ByteSource => {
  const ends = new Float64Array(sizes.length)
  let sizeBytes = 0
  sizes.forEach((length, part) => {
    ends[part] = sizeBytes += length
    if (!Number.isSafeInteger(length) || length < 0 || !Number.isSafeInteger(sizeBytes)) throw new RangeError(`length of a part; want=whole number from 0 got=${length}`)
  })
  const parts = new Map<number, ByteSource | Promise<ByteSource>>()
  const underWay = createReadsUnderWay()
  let closing: Promise<void> | undefined

  const check = (at: number, length: number): void => {
    if (closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
    checkRange(at, length, sizeBytes)
  }
  const startOf = (part: number): number => part === 0 ? 0 : ends[part - 1]!
  /** The first that ends behind `at`. */
  const partAt = (at: number): number => {
    let low = 0
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >>> 1
      if (ends[middle]! > at) high = middle
      else low = middle + 1
    }
    return low
  }
  const openPart = async (part: number): Promise<ByteSource> => {
    try {
      const source = await open(part)
      const length = ends[part]! - startOf(part)
      if (source.sizeBytes !== length) {
        await source.close()
        throw new IoError('IO_SOURCE_CHANGED', `a part has another length; want=${length} got=${source.sizeBytes}`, { offset: startOf(part) })
      }
      parts.set(part, source)
      return source
    } catch (error) {
      parts.delete(part)
      throw error
    }
  }
  const opened = (part: number): ByteSource | Promise<ByteSource> => {
    let source = parts.get(part)
    if (source === undefined) parts.set(part, source = openPart(part))
    return source
  }

  const readPart = async (part: number, at: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const opening = opened(part)
    const source = 'then' in opening ? await withdrawable(opening, signal) : opening
    return source.read(at - startOf(part), end - at, { signal })
  }
  const readAll = async (at: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const end = at + length
    const first = partAt(at)
    if (length > 0 && end <= ends[first]!) return readPart(first, at, end, signal)
    const reads: Promise<Uint8Array>[] = []
    for (let part = first, from = at; from < end; part++) {
      const to = Math.min(end, ends[part]!)
      if (to > from) reads.push(readPart(part, from, to, signal))
      from = to
    }
    const bytes = new Uint8Array(length)
    let done = 0
    for (const read of await Promise.all(reads)) {
      bytes.set(read, done)
      done += read.byteLength
    }
    return bytes
  }
  const closeAll = async (): Promise<void> => {
    await underWay.ended()
    let failure: { readonly error: unknown } | undefined
    for (const part of await Promise.allSettled(parts.values())) { // also those that a read was withdrawn from
      if (part.status === 'fulfilled') await part.value.close().catch((error: unknown) => { failure ??= { error } })
    }
    if (failure !== undefined) throw failure.error
  }
  const close = (): Promise<void> => closing ??= closeAll()

  return {
    sizeBytes,
    identity: options.identity ?? { kind: 'file', sizeBytes, mtimeNs: 0n, inode: memoryInode() },
    cost: options.cost,
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      check(at, length)
      return underWay.add(readAll(at, length, signal))
    },
    peek: (at, length) => {
      check(at, length)
      const part = partAt(at)
      const source = parts.get(part)
      return source !== undefined && !('then' in source) && at + length <= ends[part]! ? source.peek(at - startOf(part), length) : undefined
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
