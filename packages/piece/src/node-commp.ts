/** commP at Node's speed. */
import { setImmediate } from 'node:timers/promises'
import { type ByteProgress, type CallOptions, untilAborted } from '@dagstore/io'
import { type CommP, type PieceCommitment, resumeCommP as resumeGivenCommP, StreamingCommP } from './commp.ts'
import type { CommPWriter } from './commp-writer.ts'
import type { PieceEngine } from './engine.ts'
import { pieceModule, sharedEngine } from './node-engine.ts'
import { writeInParts } from './node-parts.ts'
import { checkThreads, type CommPWorkers, openCommPWorkers, PART_UNPADDED } from './node-workers.ts'

/** Some 10 ms of hashing. */
const SLICE_BYTES = 1 << 20
/** Starting threads for less than 16 MiB costs more than they save. */
const ALONE_BYTES = 32 * PART_UNPADDED

export interface NodeCommPOptions {
  /** @default the fastest there is without native code */
  readonly engine?: PieceEngine | undefined
}

export const createCommP = ({ engine = sharedEngine() }: NodeCommPOptions = {}): CommP => new StreamingCommP(engine)

/** As `resumeCommP` of the portable form; states of both forms are the same. @throws {PieceError} `PIECE_BAD_STATE` */
export const resumeCommP = (state: Uint8Array, { engine = sharedEngine() }: NodeCommPOptions = {}): CommP => resumeGivenCommP(state, { engine })

export interface NodeCommPWriterOptions extends CallOptions, NodeCommPOptions {
  /**
   * Threads beside this one: as many as the number says, started for this payload once it has passed 16 MiB and ended
   * with it, and none without WebAssembly; or those that {@link openCommPWorkers} gave, from the first byte.
   *
   * @default none
   */
  readonly workers?: number | CommPWorkers | undefined
}

export interface CommpOfOptions extends NodeCommPWriterOptions {
  /** Only passed on to `onProgress`. */
  readonly totalBytes?: number | undefined
  /** After each slice of at most 1 MiB. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** A {@link CommPWriter} that gives way to other work after each slice of at most 1 MiB. @throws {RangeError} `workers` is not 1 to 256 */
export const openCommP = (options: NodeCommPWriterOptions = {}): CommPWriter => openReporting(options, () => {})

/** @param report - told of bytes that were committed to */
const openReporting = ({ engine = sharedEngine(), signal, workers }: NodeCommPWriterOptions, tell: (doneBytes: number) => void): CommPWriter => {
  if (typeof workers === 'number') checkThreads(workers)
  const commp = new StreamingCommP(engine)
  const report = (): void => { tell(commp.payloadBytes) }
  const own = typeof workers === 'number' && pieceModule() !== undefined ? openCommPWorkers({ threads: workers }) : undefined
  const pool = own ?? (typeof workers === 'number' ? undefined : workers)
  const parts = pool === undefined ? undefined : writeInParts(commp, pool, { signal, report })
  const aloneBytes = own !== undefined ? ALONE_BYTES : parts === undefined ? Number.MAX_SAFE_INTEGER : 0
  let sinceYield = 0
  return {
    write: async (chunk) => {
      for (let at = 0; at < chunk.byteLength;) {
        signal?.throwIfAborted()
        const alone = Math.min(aloneBytes - commp.payloadBytes, SLICE_BYTES - sinceYield)
        if (parts !== undefined && alone <= 0) return parts.write(at === 0 ? chunk : chunk.subarray(at))
        const slice = chunk.subarray(at, at + alone)
        commp.write(slice)
        at += slice.byteLength
        sinceYield += slice.byteLength
        if (sinceYield < SLICE_BYTES) continue
        sinceYield = 0
        report()
        await setImmediate()
      }
    },
    finish: async () => {
      await parts?.end()
      signal?.throwIfAborted()
      return commp.finish()
    },
    close: async () => { await own?.close() },
  }
}

/**
 * The commitment of a stream of chunks of any length. Gives way to other work after each slice of at most 1 MiB; keeps no
 * reference to a chunk. An abort rejects at once, even while a chunk is waited for.
 *
 * @throws {PieceError} `PIECE_TOO_SMALL`: no bytes. `PIECE_TOO_LARGE`: more than a piece of 64 GiB holds.
 *   `PIECE_WORKER_FAILED`: a thread ended, or none can be had
 * @throws {RangeError} `workers` is not 1 to 256
 */
export const commpOf = async (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: CommpOfOptions = {}): Promise<PieceCommitment> => {
  const { signal, onProgress, totalBytes } = options
  signal?.throwIfAborted()
  const writer = openReporting(options, (doneBytes) => { onProgress?.({ doneBytes, totalBytes }) })
  try {
    for await (const chunk of untilAborted(chunks, signal)) await writer.write(chunk)
    return await writer.finish()
  } finally {
    await writer.close()
  }
}
