/// <reference lib="esnext.disposable" preserve="true" />
/** The client's retrievals as their callers see them. */
import type { RetrievalOffer } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { Retrievals } from '@dagstore/retrievals'
import type { CID } from 'multiformats/cid'
import type { UpdatesOptions } from '../deal-client.ts'
import type { Retrieval, RetrievalOrder, RetrievalUpdate } from './retrieval.ts'

export interface RetrievalQuery {
  readonly root: CID
  readonly piece?: CID | undefined
}

export interface FoundOffer {
  readonly provider: string
  /** `status` 'error' where it could not be asked. */
  readonly offer: RetrievalOffer
}

/** An IPFS node, or what stands for one. */
export interface RetrievalNode extends Pick<ReadBlockstore, 'has' | 'get'> {
  importCar(car: AsyncIterable<Uint8Array>, options: CallOptions & { readonly pinRoots?: boolean | undefined }): Promise<unknown>
}

export interface LocalDag {
  readonly blockstore: Pick<ReadBlockstore, 'get'>
  close(): Promise<void> | void
}

export interface RetrievalPruneOptions extends CallOptions {
  /** Those that ended so long ago go. @default none by their age */
  readonly olderThanMs?: number | undefined
  /** Those that ended first go until files of the rest have no more bytes. @default no limit */
  readonly maxBytes?: number | undefined
}

export interface RetrievalClient extends AsyncDisposable {
  /** What a provider says that it has; of a plain gateway, whether it has the root. Rejects where it cannot be asked. */
  query(provider: string | URL, query: RetrievalQuery, options?: CallOptions): Promise<RetrievalOffer>
  /** All of them asked, some at a time; in their order. */
  find(query: RetrievalQuery, providers: readonly string[], options?: CallOptions): Promise<readonly FoundOffer[]>
  /**
   * Begin a retrieval, or go on with one that is not whole; durable on return, and the rest goes by itself. Without an id that is the newest of the
   * same root, piece, part and place which has failed, was cancelled or cut off, with what it has fetched; with `join` one under way too.
   *
   * @throws {DealClientError} `DEAL_CLIENT_NO_DATA`: there is nobody to ask, and nothing here. `DEAL_CLIENT_WRONG_STATE`: the id is of another root or
   *   part, or pinning of a part, or there is no node. `DEAL_CLIENT_CLOSED`, `DEAL_CLIENT_STORAGE_FAILED`
   * @throws {TransferError} `TRANSFER_BAD_SELECTOR`
   */
  start(order: RetrievalOrder, options?: CallOptions): Promise<Retrieval>
  /** Once it is over, well or not; see its state. An abort changes nothing. @throws {DealClientError} `DEAL_CLIENT_UNKNOWN` */
  settled(id: bigint, options?: CallOptions): Promise<Retrieval>
  /** `start`, then `settled`; an abort cancels nothing. */
  retrieve(order: RetrievalOrder, options?: CallOptions & { readonly onUpdate?: ((retrieval: Retrieval) => void) | undefined }): Promise<Retrieval>
  /** In the order of their ids. */
  retrievals(options?: CallOptions): AsyncIterable<Retrieval>
  retrieval(id: bigint, options?: CallOptions): Promise<Retrieval | undefined>
  /** Give it up; what it has fetched stays until it is removed, for the same order. Of one that is over, this is no error and changes nothing. @throws {DealClientError} `DEAL_CLIENT_UNKNOWN` */
  cancel(id: bigint, options?: CallOptions): Promise<Retrieval>
  /** Forget one that is over, and delete its file. @throws {DealClientError} `DEAL_CLIENT_UNKNOWN`, `DEAL_CLIENT_WRONG_STATE`: it is under way @throws {RetrievalError} `RETRIEVAL_IN_USE` */
  remove(id: bigint, options?: CallOptions): Promise<void>
  /** The same for many; those whose file is in use stay. */
  prune(options?: RetrievalPruneOptions): Promise<{ readonly removed: readonly bigint[], readonly removedBytes: number }>
  /** What changes from the beginning of the iteration on. A consumer that is slow loses the oldest updates and is told so. */
  updates(options?: UpdatesOptions): AsyncIterable<RetrievalUpdate>
  /** The files: `exportCar`, `export`, `open`. */
  readonly files: Retrievals
  /** Idempotent; what is under way stops, and goes on when it is opened again. */
  close(): Promise<void>
}

