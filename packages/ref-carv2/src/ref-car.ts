/// <reference lib="esnext.disposable" preserve="true" />
/** What an open CAR of references offers. */
import type { PageCache } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { ByteProgress, ByteSource, CallOptions } from '@dagstore/io'
import type { ShardBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { PlacedReference } from './ref-lookup.ts'
import type { ReferencedFiles } from './referenced-files.ts'

export interface RefCarOptions extends CallOptions {
  /** Which files references may name. */
  readonly files: ReferencedFiles
  /** @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** Detached index of the CAR; closed with it. One that is not of these bytes is not used. @default the one in the CAR, else one is built in memory */
  readonly index?: ByteSource | undefined
  /** For the index. @default a cache of 64 MiB of its own */
  readonly pages?: PageCache | undefined
}

/** A reference, and the leaf that it stands for. */
export interface LeafReference extends PlacedReference { readonly cid: CID }

export interface CheckOptions extends CallOptions {
  /** `stat`: each referenced file once, its length against the last byte that is referenced. `full`: every block read and hashed. @default 'stat' */
  readonly depth?: 'stat' | 'full' | undefined
  /** With `full`: bytes of blocks; with `stat` bytes that the references of the files looked at stand for. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface RefFault {
  /** The block at fault; of a file that is too short the one that ends last. */
  readonly cid: CID | undefined
  /** The referenced file, where there is one. */
  readonly path: string | undefined
  /** Of the error: `REF_CAR_*`, `BLOCKSTORE_*`, `DAG_*`. */
  readonly code: string
  readonly message: string
}

export interface RefCheck {
  readonly references: number
  /** Distinct ones that are referenced. */
  readonly files: number
  /** What the references stand for. */
  readonly bytes: number
  /** The first 100. */
  readonly faults: readonly RefFault[]
  readonly faultCount: number
}

/** Any CAR: of blocks, of references, or of both, in either dialect or both. */
export interface RefCar extends AsyncDisposable {
  /** Of the CARv1 header. */
  readonly roots: readonly CID[]
  /**
   * Leaves by their own CIDs, from their files, hashed on each read; `size` and `has` of a reference touch no file. A block that is
   * stored comes from the CAR even where a reference stands for it too. Keys are neither listed nor answered. `getAll` lists
   * the DAG under the roots, some 200 bytes of memory for each block, then what else is stored.
   *
   * @throws {RefCarError} a leaf can not be had from its file
   */
  readonly blockstore: ShardBlockstore
  /** Length of the CAR itself in bytes. */
  readonly storedBytes: number
  /** Those under the roots, depth first; files are not opened. @throws {MissingBlockError} as a walk does; {RefCarError} `REF_CAR_BAD_REFERENCE` */
  references(options?: CallOptions): AsyncIterable<LeafReference>
  /** Everything under the roots. Faults are told, not thrown; an abort is. */
  check(options?: CheckOptions): Promise<RefCheck>
  /** Closes the CAR and the files. Idempotent; calls under way finish, later ones reject with `BLOCKSTORE_CLOSED`. */
  close(): Promise<void>
}
