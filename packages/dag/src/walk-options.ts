/** What walks take, and what they give. */
import type { Hashes } from '@dagstore/hashes'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

/** What a walk needs of a store; `bytes` is used where the store has it. */
export type BlockGetter = Pick<ReadBlockstore, 'get'>

export interface DagBlock {
  readonly cid: CID
  /** The block; for an identity CID what its digest holds. Belongs to the consumer. */
  readonly bytes: Uint8Array
  /** Links between it and the root on the way by which it was met. */
  readonly depth: number
}

/** So far: blocks yielded, and the bytes of their data. Neither ever decreases. */
export interface DagProgress {
  readonly doneBlocks: number
  readonly doneBytes: number
}

/** How blocks are read. */
export interface ReadOptions {
  /** What blocks are verified with. @default createHashes() */
  readonly hashes?: Hashes
  /** `never`: for a store that has verified already. @default 'always' */
  readonly verify?: 'always' | 'never'
  /** The longest block in bytes; an identity CID is none. @default no limit */
  readonly maxBlockBytes?: number
  /** The most links of a block. @default no limit */
  readonly maxLinks?: number
  /** The most links that wait to be followed, of all blocks on the way to the one at hand, some 500 bytes of memory each. @default no limit */
  readonly maxOpenLinks?: number
  /** The greatest depth of a block; the root has 0. @default no limit */
  readonly maxDepth?: number
  readonly signal?: AbortSignal | undefined
}

/** Asking for blocks before they are needed. The order of what comes out is the same. */
export interface LookAheadOptions {
  /** The most `get`s under way beside that of the block which is needed now; 0: each only when it is needed. @default 0 */
  readonly lookAhead?: number
  /** No further `get` begins while blocks of this many bytes wait for their turn or are under way, which are taken to be as long as the longest before. @default 16 MiB */
  readonly lookAheadBytes?: number
}

export interface WalkOptions extends ReadOptions, LookAheadOptions {
  /**
   * Yield a block each time it is met, and walk below it again: memory is bounded by the links on the current path, but such
   * a walk may be exponentially long.
   *
   * @default false
   */
  readonly duplicates?: boolean
  /** Whether identity CIDs are yielded; their links are followed in either case. @default 'yield' */
  readonly identity?: 'yield' | 'skip'
  /**
   * `report`: a missing block goes to `onMissing`, and the walk goes on beside it. `stop`: it goes to `onMissing`, and the
   * walk ends there, as if it were complete.
   *
   * @default 'throw'
   */
  readonly missing?: 'throw' | 'report' | 'stop'
  /** Called once per missing CID (with `duplicates`: once per link to it), in walk order; `parent` links to it, the root has none. */
  readonly onMissing?: ((cid: CID, depth: number, parent: CID | undefined) => void) | undefined
  /** `leaf`: a block of a codec without a decoder goes to `onUnknownCodec` and is yielded as one without links. @default 'throw' */
  readonly unknownCodec?: 'throw' | 'leaf'
  /** Called before such a block is yielded. */
  readonly onUnknownCodec?: ((cid: CID) => void) | undefined
  /** The most blocks to yield, at least 1. @default no limit */
  readonly maxBlocks?: number
  /** The most bytes of blocks to yield. @default no limit */
  readonly maxBytes?: number
  /** The most CIDs to remember, some 60 bytes of memory each; with `duplicates` none are, nor identity CIDs that are skipped. @default no limit */
  readonly maxCids?: number
  /** Called before each block is yielded. */
  readonly onProgress?: ((progress: DagProgress) => void) | undefined
}

/** What is used where an option is left out. */
export const WALK_DEFAULTS: Readonly<Required<LookAheadOptions>> = Object.freeze({ lookAhead: 0, lookAheadBytes: 16 << 20 })

const LEAST = { maxBlocks: 1, maxBytes: 0, maxCids: 1, maxBlockBytes: 0, maxLinks: 0, maxOpenLinks: 0, maxDepth: 0, lookAhead: 0, lookAheadBytes: 0 } as const

/** @throws {RangeError} a number below its least value, or none */
export const checkOptions = (options: WalkOptions): void => {
  for (const [name, least] of Object.entries(LEAST) as [keyof typeof LEAST, number][]) {
    const value = options[name]
    if (value !== undefined && !(value >= least)) throw new RangeError(`${name}; want>=${least} got=${value}`)
  }
}
