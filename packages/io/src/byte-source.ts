/// <reference lib="esnext.disposable" preserve="true" />
/** Random reads over bytes that do not change: the port through which all CAR, index and sector bytes arrive. */
import type { CallOptions } from './calls.ts'
import type { SourceIdentity } from './identity.ts'

/** What one read costs, so that scanners seek or stream, and readers coalesce. */
export interface SourceCost {
  readonly kind: 'memory' | 'local' | 'remote'
  /** A gap of this many bytes is worth a second read instead of reading through it. */
  readonly seekBytes: number
}

/**
 * Random reads over bytes that do not change while the source is open. One open source sees one version of the data: a
 * form that reopens by name (descriptor pool, HTTP) compares the identity again and rejects with `IO_SOURCE_CHANGED`.
 */
export interface ByteSource extends AsyncDisposable {
  readonly sizeBytes: number
  readonly identity: SourceIdentity
  readonly cost: SourceCost
  /**
   * Exactly `length` bytes from `at`, in memory that belongs to the caller alone (never a slice of a pool).
   *
   * @throws {IoError} `IO_OUT_OF_RANGE`: beyond `sizeBytes`. `IO_TRUNCATED`: the source ended early. `IO_SOURCE_LOST`: gone,
   *   or no longer readable (`retry` says `later` or `never`). `IO_SOURCE_CHANGED`. `IO_CLOSED`.
   */
  read(at: number, length: number, options?: CallOptions): Promise<Uint8Array>
  /** The same bytes if they are at hand without I/O (memory, page cache), else `undefined`; read-only view. Never blocks. */
  peek(at: number, length: number): Uint8Array | undefined
  /** Idempotent. Reads under way finish; later ones reject with `IO_CLOSED`. */
  close(): Promise<void>
}

/** A local source that may also block the thread: for workers and one-shot commands, never for a server's main thread. */
export interface BlockingSource extends ByteSource {
  /** Bytes put into `into` from `at`; fewer only at the end of the source. */
  readSync(at: number, into: Uint8Array): number
}

/** Whether the source may also block the thread. */
export const isBlocking = (source: ByteSource): source is BlockingSource => 'readSync' in source && typeof source.readSync === 'function'
