/** A retrieval as the client knows it. */
import type { RetrievalDealState } from '@dagstore/deal-protocol'
import type { CID } from 'multiformats/cid'

/** Where the blocks go: a file of ours, or an IPFS node, which keeps them as long as its garbage collection lets it, or for good. */
export type RetrievalInto = 'file' | 'ipfs' | 'ipfs-pinned'

export interface RetrievalOrder {
  /** Of the payload. */
  readonly root: CID
  /** The piece that it is to come from, where a provider has pieces. */
  readonly pieceCid?: CID | undefined
  /** A path, or a selector as JSON; as `parseSelector` of transfer reads it. @default all of it */
  readonly selector?: string | undefined
  /** URLs, of providers or of plain trustless gateways; the next one is asked where one fails. */
  readonly providers: readonly string[]
  /** Take it from an import that has it, before anybody is asked. @default true */
  readonly localFirst?: boolean | undefined
  /** attoFIL, for all of it; nothing is paid: whoever asks for more is passed over. @default 0 */
  readonly maxPrice?: bigint | undefined
  /** Of an earlier one, to go on with it. @default of the newest of the same order that has failed, was cancelled or cut off; else a new one */
  readonly id?: bigint | undefined
  /** Without an id: whether one of the same order that is under way will do, with this `localFirst` and no greater price. @default false */
  readonly join?: boolean | undefined
  /** @default 'file' */
  readonly into?: RetrievalInto | undefined
}

export interface Retrieval {
  /** A u64. */
  readonly id: bigint
  readonly root: CID
  readonly pieceCid: CID | undefined
  /** As it was ordered; `undefined`: all. */
  readonly selector: string | undefined
  readonly providers: readonly string[]
  readonly localFirst: boolean
  /** attoFIL. */
  readonly maxPrice: bigint
  readonly into: RetrievalInto
  readonly state: RetrievalDealState
  /** For people: why it is in this state, where that is not plain; else empty. */
  readonly message: string
  /** Why it failed; `undefined`: it did not. */
  readonly code: string | undefined
  /** `import`, or the URL of who gives the blocks now; `undefined`: nobody yet. */
  readonly from: string | undefined
  /** Of the data of blocks: what is in the file. */
  readonly receivedBytes: number
  /** Known at the end. */
  readonly totalBytes: number | undefined
  /** attoFIL, as its present provider asks. */
  readonly pricePerByte: bigint
  /** attoFIL. */
  readonly unsealPrice: bigint
  /** Name of the file in the folder of retrievals; `undefined`: nothing of it is in a file. */
  readonly file: string | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

/** `dropped`, to one consumer only: it did not keep up and has missed so many before the next one. */
export type RetrievalUpdate =
  | { readonly type: 'retrieval', readonly retrieval: Retrieval }
  | { readonly type: 'dropped', readonly count: number }
