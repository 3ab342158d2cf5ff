/**
 * Memory for long reads that is used again: fresh memory costs the clearing of its pages and, when it is given up, the work of the
 * collector, together as much as hashing what is read into it.
 */
export interface ReusedMemory {
  /** Shorter parts are not worth it. Bytes. */
  readonly minBytes: number
  /** Memory of that length, whose bytes are any: from those given back, else new. Never waits. */
  take (length: number): Uint8Array
  /**
   * Memory that was taken, or a view of it, of which nobody has another view that he looks at from now on. Anything else, and what is
   * given back twice, counts for nothing; so does what is never given back.
   */
  giveBack (bytes: Uint8Array): void
  /** Given back and not taken again, bytes. */
  readonly freeBytes: number
}

export interface ReusedMemoryOptions {
  /** The most that lies about for later; what is more is left to the collector. @default 32 MiB */
  readonly maxFreeBytes?: number | undefined
  /** @default 64 KiB */
  readonly minBytes?: number | undefined
}

const MAX_FREE_BYTES = 32 << 20
const MIN_BYTES = 1 << 16
/** Sizes between two powers of two: so an eighth is unused at most. */
const STEPS = 8

export const createReusedMemory = ({ maxFreeBytes = MAX_FREE_BYTES, minBytes = MIN_BYTES }: ReusedMemoryOptions = {}): ReusedMemory => {
  /** By size; the one that was given back last is the warmest. */
  const free = new Map<number, ArrayBuffer[]>()
  const taken = new WeakSet<ArrayBufferLike>()
  let freeBytes = 0
  return {
    minBytes,
    take: (length) => {
      const size = sizeFor(length)
      const known = free.get(size)?.pop()
      if (known !== undefined) freeBytes -= size
      const buffer = known ?? Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer
      taken.add(buffer)
      return new Uint8Array(buffer, 0, length)
    },
    giveBack: ({ buffer }) => {
      if (!taken.delete(buffer)) return
      const size = buffer.byteLength
      if (size > maxFreeBytes) return
      // sizes that are not asked for any more make room for those that are
      for (const [other, buffers] of free) {
        for (; other !== size && buffers.length > 0 && freeBytes + size > maxFreeBytes; freeBytes -= other) buffers.pop()
        if (buffers.length === 0) free.delete(other)
      }
      if (freeBytes + size > maxFreeBytes) return
      const buffers = free.get(size)
      if (buffers === undefined) free.set(size, [buffer as ArrayBuffer])
      else buffers.push(buffer as ArrayBuffer)
      freeBytes += size
    },
    get freeBytes () { return freeBytes },
  }
}

const sizeFor = (length: number): number => {
  let step = 1
  while (step * STEPS * 2 <= length) step *= 2
  return Math.max(1, Math.ceil(length / step)) * step
}
