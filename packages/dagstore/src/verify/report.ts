/** What a verification of a shard says. */
import type { ByteProgress, CallOptions } from '@dagstore/io'

/**
 * `structure`: each section and each entry of the index, and some 1000 entries of the top-level index; nothing is hashed. `sampled`:
 * 64 blocks hashed besides. `full`: all blocks hashed, all entries of the top-level index looked up.
 */
export type VerifyMode = 'structure' | 'sampled' | 'full'

export interface VerifyOptions extends CallOptions {
  /** @default 'sampled' */
  readonly mode?: VerifyMode | undefined
  /** Which blocks `sampled` takes: the same ones for the same number. @default from the clock */
  readonly seed?: number | undefined
  /** Of the payload; may be called many times. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** A fault of the shard's bytes: nothing the store can repair. */
export interface VerifyFault {
  /** `CARV2_…` of a section, `BLOCKSTORE_HASH_MISMATCH`, `BLOCKSTORE_UNKNOWN_HASH`. */
  readonly code: string
  /** In the source, of the section; `undefined` where there is no single place. */
  readonly offset: number | undefined
  readonly cid?: string
  readonly message: string
}

/** A fault of what the store made itself, and that it was put right. */
export interface VerifyRepair {
  /** `index`: the index file was built anew. `entries`: its entries in the top-level index were written again. */
  readonly part: 'index' | 'entries'
  /** Of the first fault: `INDEX_MISSING`, `CARV2_INDEX_DAMAGED`, `CARV2_BAD_INDEX`, `CARV2_INDEX_INCOMPLETE`, `TOP_LEVEL_INDEX_INCOMPLETE`, … */
  readonly code: string
  readonly message: string
}

export interface VerifyReport {
  readonly key: string
  readonly mode: VerifyMode
  /** Sections, repeats included; up to a fault of the structure. */
  readonly blocks: number
  /** Of the payload, zero padding not counted. */
  readonly bytes: number
  /** Blocks that were hashed. */
  readonly checked: number
  /** The first {@link MAX_FAULTS}. */
  readonly bad: readonly VerifyFault[]
  readonly badCount: number
  readonly repaired: readonly VerifyRepair[]
}

export const MAX_FAULTS = 100
export const SAMPLES = 64

/** Keeps the first ones, counts all. */
export class Faults {
  readonly list: VerifyFault[] = []
  count = 0

  add (fault: VerifyFault): void {
    if (this.list.length < MAX_FAULTS) this.list.push(fault)
    this.count++
  }
}
