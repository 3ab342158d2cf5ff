/** How to reach the bytes of one shard: the interface that every form of access implements. */
import type { ByteSource, CallOptions, SourceIdentity } from '@dagstore/io'

/** Bytes that can be read at any place; read in place, never copied. The opener closes `source`. */
export interface RandomBytes {
  readonly access: 'random'
  readonly source: ByteSource
}

/** Bytes that come in order only; they are copied once before random reads. Holds nothing open until `stream` is iterated. */
export interface SequentialBytes {
  readonly access: 'sequential'
  /** `undefined` when the source says neither a version nor a size. */
  readonly identity: SourceIdentity | undefined
  /** Whether `stream` may start behind the beginning. */
  readonly resumable: boolean
  /**
   * Bytes from `from` to the end, in chunks of any length that belong to the consumer; each call starts anew. `from` above 0
   * only if `resumable`.
   *
   * @throws {IoError} `IO_TRUNCATED`: the stream ended short of the size. `IO_SOURCE_LOST`, `IO_SOURCE_CHANGED`, `IO_FAILED`
   * @throws {RangeError} `from` is out of range, or above 0 without `resumable`
   */
  stream(from: number, options?: CallOptions): AsyncIterable<Uint8Array>
}

export type MountBytes = RandomBytes | SequentialBytes

export interface MountStat {
  readonly exists: boolean
  /** Bytes to be read, zero padding included; `undefined` when the source cannot say. */
  readonly sizeBytes: number | undefined
  /** False when opening would start slow work (unsealing): such opens do not hold a fetch slot. */
  readonly ready: boolean
  readonly access: MountBytes['access']
}

/** Stateless until opened; opening twice gives two independent handles. */
export interface Mount {
  /** Canonical and without secrets; two mounts are the same if and only if their URLs are equal strings. Pure. */
  readonly url: string
  /**
   * Absence is `exists: false`, never an error.
   *
   * @throws {MountError} `MOUNT_UNREACHABLE` (`retry`), `MOUNT_FORBIDDEN`
   */
  stat(options?: CallOptions): Promise<MountStat>
  /**
   * @throws {MountError} `MOUNT_MISSING`, `MOUNT_UNREACHABLE` (`retry`), `MOUNT_FORBIDDEN`
   * @throws {IoError} `IO_SOURCE_LOST`: the mount knows the bytes, and where they were there is nothing now
   */
  open(options?: CallOptions): Promise<MountBytes>
  /**
   * Of mounts that find out what there is only by opening it: both at once. `bytes` is `undefined` where nothing is.
   *
   * @throws as `stat` and `open`
   */
  openStat?(options?: CallOptions): Promise<{ readonly stat: MountStat, readonly bytes: MountBytes | undefined }>
  /** For people: where it looks, and what is or is not there, in a few words without secrets. Most mounts need none: their URL says it. */
  explain?(options?: CallOptions): Promise<string>
}

/** Makes the mounts of one scheme, closed over whatever they need: a file port, credentials by host, a piece loader. */
export interface MountFactory {
  /** Lower case, without the colon. */
  readonly scheme: string
  /**
   * Pure, and `mount(url).url` is canonical: giving it to `mount` again changes nothing.
   *
   * @throws {MountError} `MOUNT_BAD_URL`
   */
  mount(url: string): Mount
}

/** What a `stat` gives for a place where nothing is. */
export const absent = (access: MountBytes['access']): MountStat => ({ exists: false, sizeBytes: undefined, ready: true, access })
