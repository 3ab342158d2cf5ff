/// <reference lib="esnext.disposable" preserve="true" />
/** Local copies of what comes in order only: made once, under a budget, kept while they are used, given up when room is needed. */
import type { ByteProgress, ByteSource, CallOptions, Directory } from '@dagstore/io'
import type { AdoptMode, LocalFiles } from './adoption.ts'
import type { ContentChecker } from './content-check.ts'
import type { Mount } from './mount.ts'
import type { TransientEnding } from './transient-name.ts'

export interface TransientsOptions {
  /** Where copies go. It is the store's: nobody else makes files with its names there. */
  readonly directory: Directory
  /** For all copies together, in bytes. @default unlimited */
  readonly quotaBytes?: number | undefined
  /** Part of the quota above which copies are given up, those used longest ago first. @default 0.9 */
  readonly highWatermark?: number | undefined
  /** Part of the quota down to which they are. @default 0.7 */
  readonly lowWatermark?: number | undefined
  /** Reserved for a copy of which nobody knows the length, and again whenever that is used up. @default 128 MiB, and at most a tenth of the quota */
  readonly reserveBytes?: number | undefined
  /**
   * Checks what comes, before it is used: against an identity of kind `content`, else the piece CID that the key is, or that
   * stands last in the mount's URL. @default none
   */
  readonly checker?: ContentChecker | undefined
  /** Files outside, for `adopt`. @default none */
  readonly localFiles?: LocalFiles | undefined
  /** A copy waits for room that others have in use: whoever keeps sources open only for speed closes them. */
  readonly onWait?: (() => void) | undefined
  /** Told what the quota costs. @default nobody */
  readonly watch?: TransientsWatch | undefined
}

/** Must be quick, and must not throw. */
export interface TransientsWatch {
  /** A copy begins to wait for room, the `count`th of those that do; what it gives back is called when its waiting ends. */
  waits (count: number): () => void
  /** A copy that nobody read was given up for room. */
  evicted (bytes: number): void
}

/** With its defaults filled in. */
export type TransientsSettings = TransientsOptions & Required<{ [name in 'quotaBytes' | 'highWatermark' | 'lowWatermark' | 'reserveBytes']: number }>

export interface TransientOf {
  /** Key of the shard. */
  readonly key: string
  /** Of the data: a copy is used for the same generation only. A whole number from 0. */
  readonly generation: number
}

/** Runs `copy` when its turn has come; the signal fires when nobody waits for it any more. */
export type InTurn = <T>(copy: () => Promise<T>, signal: AbortSignal) => Promise<T>

export interface OpenTransientOptions extends TransientOf, CallOptions {
  /** Bytes copied so far; never called when nothing is copied. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
  /** The copy has to wait for room that others have in use; each time it does. */
  readonly onWait?: (() => void) | undefined
  /** Where a copy has to be made: when. Until then no room is reserved and no stream begun. Of several who ask for one copy, the first says it. @default at once */
  readonly inTurn?: InTurn | undefined
  /** Reject with `MOUNT_NOT_LOCAL` rather than copy; a copy that is only looked at so counts as used no later than before. @default false */
  readonly noDownload?: boolean | undefined
}

export interface AdoptOptions extends TransientOf, CallOptions {
  /** What the port of local files takes. */
  readonly path: string
  readonly mode: AdoptMode
}

export interface CollectOptions extends CallOptions {
  /** Say what would go, and do nothing. @default false */
  readonly dryRun?: boolean | undefined
  /**
   * Whether a shard still needs its copy; what is lent stays while it does. Asked with the key as its file says it; an older
   * file may not know. @default what is ours goes, what is lent stays
   */
  readonly keep?: ((of: Partial<TransientOf> & { readonly name: string }) => boolean | Promise<boolean>) | undefined
}

export interface CollectedTransient extends Partial<TransientOf> {
  /** In the directory, without its ending. */
  readonly name: string
  /** What there was. */
  readonly kinds: readonly TransientEnding[]
  readonly bytes: number
}

export interface CollectedTransients {
  readonly items: readonly CollectedTransient[]
  readonly reclaimedBytes: number
  /** What could not be looked at or deleted; it stays. */
  readonly failures: readonly { readonly name: string, readonly error: unknown }[]
}

export interface TransientsUsage {
  /** On disk, begun copies included; files that are lent are not. */
  readonly bytes: number
  /** Promised to copies under way, and not written yet. */
  readonly reservedBytes: number
  /** Of `bytes`, what is open now. */
  readonly pinnedBytes: number
  /** Whole copies, given files included. */
  readonly copies: number
  /** Copies that wait for room. */
  readonly waiting: number
}

export interface Transients extends AsyncDisposable {
  /**
   * A source for the bytes of `mount`, closed by the caller. Random access of local cost is passed through. Of what comes in
   * order a whole copy is made, once for all who ask at the same time; a whole copy or a given file is used in its place where
   * it is of the same bytes, for random access over the network too, and while the mount is unreachable. It is pinned until
   * the source is closed. Its identity is that of what it was copied from.
   *
   * An abort withdraws that caller; the copying ends when nobody waits for it. What came so far is gone on with by the next
   * call, after a restart too, where the mount can be resumed and has the same bytes; else nothing stays.
   *
   * @throws {MountError} as `mount.open`. `MOUNT_COPY_OUTDATED`: there is a copy of this generation, and the mount has other
   *   bytes now; the next generation gets these. `MOUNT_NOT_LOCAL`. `MOUNT_HASH_MISMATCH`: the checker says so; nothing stays
   * @throws {IoError} `IO_TRUNCATED`: fewer bytes came than announced. `IO_SOURCE_CHANGED`: more. `IO_FULL`: larger than the
   *   quota (`retry` is `never`), or no room on disk, asked before the first byte. `IO_CLOSED`, `IO_FAILED`, …
   */
  open (mount: Mount, options: OpenTransientOptions): Promise<ByteSource>
  /** Whether `open` would need no download. */
  has (of: TransientOf): Promise<boolean>
  /**
   * Use a local file as the copy of this generation; durable on return. It takes the place of a copy that is there. The same
   * again does nothing, also when the file has changed or vanished meanwhile: then it is not used.
   *
   * @throws {TypeError} opened without local files
   * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN` (also: a file of this directory), `IO_FAILED`, `IO_FULL`, `IO_SOURCE_CHANGED` (while it was moved)
   */
  adopt (options: AdoptOptions): Promise<void>
  /** Delete the copy of one generation, durably; waits for its readers. What was lent is let go and stays where it is. Idempotent. */
  remove (key: string, generation: number, options?: CallOptions): Promise<void>
  /** Delete what is not open, and of that only what has both name and mark of ours. */
  collect (options?: CollectOptions): Promise<CollectedTransients>
  usage (): Promise<TransientsUsage>
  /** Copies that wait for room now. Whoever keeps a source open only for speed closes it as long as there are any. */
  readonly waiting: number
  /** Length of the last copy of a shard, also after it was given up; `undefined` when it is not remembered. */
  sizeOf (key: string): Promise<number | undefined>
  /** Copying ends, later calls reject with `IO_CLOSED`; open sources can be read on. Idempotent. */
  close (): Promise<void>
}
