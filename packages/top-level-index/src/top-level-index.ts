/// <reference lib="esnext.disposable" preserve="true" />
/** From a multihash to the shards that may hold its block: the interface of every form. */
import type { CallOptions } from '@dagstore/io'
import type { Multihashes } from './multihashes.ts'
import type { PurgeProgress, PurgeReport } from './purge.ts'

/** u32, given out by the catalogue, one per published index generation, never used twice: retiring it retires its entries. */
export type ShardNumber = number & { readonly __brand: 'ShardNumber' }

/** @throws {RangeError} not a whole number in [0, 2^32) */
export const shardNumber = (value: number): ShardNumber => {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw new RangeError(`shard number out of range; got=${value}`)
  return value as ShardNumber
}

export interface Candidates {
  /** Preferred ones first, each once; hints, to be confirmed in the shard's own index: a form may shorten its keys. */
  readonly shards: readonly ShardNumber[]
  /** True when there are more than `limit`: the block may be in a shard that is not listed. */
  readonly more: boolean
}

export interface FindOptions extends CallOptions {
  /** Listed first, and listed even where the limit cuts others. */
  readonly prefer?: readonly ShardNumber[] | undefined
  /** Most shards in one answer; from 1. @default 16 */
  readonly limit?: number | undefined
}

export interface PurgeOptions extends CallOptions {
  readonly onProgress?: ((progress: PurgeProgress) => void) | undefined
}

/** One form is an embedded database; a shared engine is another form of the same interface. */
export interface TopLevelIndex extends AsyncDisposable {
  /**
   * All or nothing: no entry is found before this resolves, all are durable and found after. A repeat for the same number
   * replaces what an earlier try left, and what an earlier success published. The order of the multihashes does not matter;
   * sorted ones are written faster, and equal neighbours count once.
   *
   * @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_RETIRED`: retired while it was being published. `TOP_LEVEL_INDEX_FAILED`,
   *   `TOP_LEVEL_INDEX_CLOSED`. What the source threw passes through unchanged.
   */
  publish(shard: ShardNumber, multihashes: Multihashes, options?: CallOptions): Promise<{ readonly entryCount: number }>
  /**
   * Never throws for a miss: no shards and `more` false prove that no published shard holds the block. Where it cannot be
   * read which shard that is, `more` is true, or, with no other shard to list, the call rejects.
   *
   * @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_DAMAGED`, `TOP_LEVEL_INDEX_FAILED`, `TOP_LEVEL_INDEX_CLOSED`
   */
  find(multihash: Uint8Array, options?: FindOptions): Promise<Candidates>
  /** One answer per key, in order; one round trip for a shared form. */
  findMany(multihashes: readonly Uint8Array[], options?: FindOptions): Promise<readonly Candidates[]>
  /**
   * Whether one shard is published for each of the keys, in order. What a check of a shard asks: it looks at no other shard, and a
   * form that shortens its keys may say yes of a key it was not given.
   *
   * @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_FAILED`, `TOP_LEVEL_INDEX_CLOSED`
   */
  holds(shard: ShardNumber, multihashes: readonly Uint8Array[], options?: CallOptions): Promise<readonly boolean[]>
  /**
   * Every number that is published, in no order; of what is published or retired meanwhile, some. For who looks for numbers that
   * nobody knows any more.
   *
   * @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_FAILED`, `TOP_LEVEL_INDEX_CLOSED`
   */
  published(options?: CallOptions): AsyncIterable<ShardNumber>
  /** Constant time; durable on return; space comes back later, in the background. An unknown number is no error. */
  retire(shard: ShardNumber): Promise<void>
  /**
   * Give back the space of all that is retired, replaced or was never finished, for all of it together. Lookups and publishes
   * go on. Stopping it loses nothing: the next one goes on there.
   *
   * @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_FAILED`, `TOP_LEVEL_INDEX_CLOSED`
   */
  purge(options?: PurgeOptions): Promise<PurgeReport>
  /** Entries that `purge` would remove, about; costs as much as there are shards retired since the last one. */
  deadEntries(options?: CallOptions): Promise<number>
  /** Idempotent; later calls reject with `TOP_LEVEL_INDEX_CLOSED`. What it was opened on stays open. */
  close(): Promise<void>
}
