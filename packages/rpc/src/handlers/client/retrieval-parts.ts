/** What the handlers of retrievals need of the client's side. */
import type { RetrievalDealState, RetrievalOffer } from '@dagstore/deal-protocol'
import type { ByteProgress, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

export interface RetrievalFacts {
  readonly id: bigint
  readonly root: CID
  readonly pieceCid: CID | undefined
  /** As it was ordered; `undefined`: all. */
  readonly selector: string | undefined
  readonly state: RetrievalDealState
  /** For people. */
  readonly message: string
  /** `import`, or the URL of who gives the blocks now; `undefined`: nobody yet. */
  readonly from: string | undefined
  readonly receivedBytes: number
  readonly totalBytes: number | undefined
  /** attoFIL. */
  readonly pricePerByte: bigint
  readonly unsealPrice: bigint
  readonly into?: 'file' | 'ipfs' | 'ipfs-pinned' | undefined
  /** Absolute; `undefined`: none. */
  readonly filePath: string | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

export interface NewRetrieval {
  readonly root: CID
  readonly pieceCid?: CID | undefined
  /** A path, or a selector as JSON. */
  readonly selector?: string | undefined
  /** URLs; the next one is asked where one fails. */
  readonly providers: readonly string[]
  readonly localFirst: boolean
  /** attoFIL, for all of it. */
  readonly maxPrice?: bigint | undefined
  readonly into?: 'file' | 'ipfs' | 'ipfs-pinned' | undefined
  /** Of an earlier one that is to go on. @default the newest of the same order that is not whole */
  readonly id?: bigint | undefined
}

/** Where what is exported comes from. */
export type ExportSource =
  | { readonly type: 'retrieval', readonly id: bigint }
  /** Absolute. */
  | { readonly type: 'car', readonly path: string }
  /** Imports, then IPFS. */
  | { readonly type: 'local' }

/** What of it, and as what. */
export interface ExportedPart {
  readonly root: CID
  readonly source: ExportSource
  readonly selector: string | undefined
  /** `unixfs`: a file or directory. */
  readonly form: 'unixfs' | 'carv1' | 'carv2'
}

export interface ExportRequest extends ExportedPart {
  /** Absolute. */
  readonly target: string
  /** What is there is replaced. */
  readonly force: boolean
}

export interface ExportOptions extends CallOptions {
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** A file or a CAR as its bytes. */
export interface OpenExport {
  /** `undefined`: nobody knows before its end. */
  readonly sizeBytes: number | undefined
  /** Called once. */
  read (options: CallOptions): AsyncIterable<Uint8Array>
  close (): Promise<void>
}

export interface ClientRetrievalParts {
  query (provider: string, payload: { readonly root: CID, readonly piece: CID | undefined }, options: CallOptions): Promise<RetrievalOffer>
  /** URLs of those that may have it. */
  providersOf (root: CID, options: CallOptions): Promise<readonly string[]>
  /** Durable on return; it goes on by itself. One of the same order that is not whole is gone on with. */
  start (order: NewRetrieval, options: CallOptions): Promise<RetrievalFacts>
  /** Once it is over, well or not. */
  settled (id: bigint, options: CallOptions): Promise<RetrievalFacts>
  retrievals (options: CallOptions): AsyncIterable<RetrievalFacts>
  retrieval (id: bigint, options: CallOptions): Promise<RetrievalFacts | undefined>
  /** Bounded: who is slow loses the oldest and is told so. */
  updates (options: CallOptions): AsyncIterable<{ readonly type: 'retrieval', readonly retrieval: RetrievalFacts } | { readonly type: 'dropped', readonly count: number }>
  cancel (id: bigint, options: CallOptions): Promise<unknown>
  remove (id: bigint, options: CallOptions): Promise<unknown>
  prune (how: { readonly olderThanMs?: number | undefined, readonly maxBytes?: number | undefined }, options: CallOptions): Promise<{ readonly removed: readonly bigint[], readonly removedBytes: number }>
  export (request: ExportRequest, options: ExportOptions): Promise<void>
  /** The caller closes it. @throws it is neither a file nor a CAR, as far as that is known before it is read */
  openExport (part: ExportedPart, options: CallOptions): Promise<OpenExport>
}
