/// <reference lib="esnext.disposable" preserve="true" />
/** Reads into memory given: for those who read much and keep little, and would else leave that much garbage. */
import type { ByteSource } from './byte-source.ts'
import type { CallOptions } from './calls.ts'

export interface FillingSource extends ByteSource {
  /**
   * Bytes put into `into` from `at`; fewer only at the end of the source. `into` is the source's until the promise settles,
   * and nothing writes to it afterwards: on abort it rejects when a read that has begun is over. After a failure it may hold
   * anything. For an end at once see `withdrawable`; the memory is then not free yet.
   *
   * @throws {IoError} as `read`; `IO_OUT_OF_RANGE`: `at` lies beyond `sizeBytes`
   */
  readInto(at: number, into: Uint8Array, options?: CallOptions): Promise<number>
}

/** Whether the source reads into memory given. */
export const canFill = (source: ByteSource): source is FillingSource => 'readInto' in source && typeof source.readInto === 'function'
