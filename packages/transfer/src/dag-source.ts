/** What blocks of a DAG are fetched from: a trustless gateway, or anything that gives CARs and blocks. */
import type { DagPath, DagScope, EntityBytes } from '@dagstore/dag'
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { CutSection } from './section-cutter.ts'

/** A part of a DAG, as trustless gateways take it. The blocks on the way along the path belong to it. */
export interface DagPart {
  /** From the root. @default the root itself */
  readonly path?: DagPath
  /** @default 'all'; 'entity' with `entityBytes` */
  readonly scope?: DagScope
  /** Of a file only the blocks that hold these bytes. Needs scope 'entity'. @default all */
  readonly entityBytes?: EntityBytes
}

/** A CAR as it comes; nothing of it is verified. The caller closes it. */
export interface CarSections {
  /** Whether its sender has said that the order is depth first. */
  readonly ordered: boolean
  /** The next section, a view of memory of the sender; `undefined`: the stream has ended, which does not mean that it was whole. */
  next(): Promise<CutSection | undefined>
  close(): Promise<void>
}

export interface DagSource {
  /** For events and errors; holds no secret. */
  readonly name: string
  /**
   * The part below `root` as a CARv1, depth first, each block once. Resolves when the head of the answer is there.
   *
   * @throws {TransferError} `TRANSFER_NOT_FOUND`; `TRANSFER_REFUSED`, `TRANSFER_BAD_ANSWER`: not to be had in this form; what is the
   *   matter with the source, `retry` says for how long
   */
  car(root: CID, part: DagPart, options?: CallOptions): Promise<CarSections>
  /** The bytes of one block, unverified. @throws {TransferError} as `car` */
  block(cid: CID, options?: CallOptions): Promise<Uint8Array>
}
