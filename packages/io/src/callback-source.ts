/// <reference lib="esnext.disposable" preserve="true" />
/** Reads that end in a callback: for those who read so often that the promises around each read are felt. */
import type { ByteSource } from './byte-source.ts'

/**
 * Called exactly once, after the call that began the read has returned. `bytes` is as `read` gives them, or `undefined`:
 * then `error` is what `read` would reject with. Must not throw.
 */
export type ReadDone = (error: unknown, bytes: Uint8Array | undefined) => void

export interface CallbackSource extends ByteSource {
  /** As `read` without a signal. @throws {IoError} at once: `IO_OUT_OF_RANGE`, `IO_CLOSED` */
  readThen(at: number, length: number, done: ReadDone): void
}

/** Whether reads may end in a callback. */
export const hasCallbacks = (source: ByteSource): source is CallbackSource => 'readThen' in source && typeof source.readThen === 'function'
