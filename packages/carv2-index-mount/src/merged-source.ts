/// <reference lib="esnext.disposable" preserve="true" />
/** Reads of sections that lie close together, made by one. */
import { type ByteSource, createMergedReads, hasCallbacks } from '@dagstore/io'

/** Blocks of a gigabyte that follow each other are not all held at once. */
const MERGED_BYTES = 1 << 20

/**
 * The same source, whose reads of one turn are merged where they lie close together; one that fails is made again for each, so
 * that a bad place costs one block. Sources that end their reads in callbacks do so themselves, and sooner.
 */
export const withMergedReads = (source: ByteSource): ByteSource => {
  if (hasCallbacks(source)) return source
  const read = createMergedReads({
    read: (at, length, signal) => source.read(at, length, { signal }),
    gapBytes: source.cost.seekBytes,
    maxBytes: MERGED_BYTES,
    splitOnFailure: true,
  })
  const close = (): Promise<void> => source.close()
  return {
    sizeBytes: source.sizeBytes,
    identity: source.identity,
    cost: source.cost,
    read: (at, length, options) => read(at, length, options?.signal),
    peek: (at, length) => source.peek(at, length),
    close,
    [Symbol.asyncDispose]: close,
  }
}
