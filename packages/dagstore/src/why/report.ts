/** The way of one block from its CID to its bytes, step by step. */

/**
 * `key`: the multihash. `shards`: which shards hold it. Of a shard: `state`, the `source` of its bytes, the `section` that its index
 * names, and the `hash` of what stands there.
 */
export type WhyStepName = 'key' | 'shards' | 'state' | 'source' | 'section' | 'hash'

export interface WhyStep {
  readonly name: WhyStepName
  readonly ok: boolean
  /** For people. Where several shards are told of, it begins with the key of one. */
  readonly detail: string
  /**
   * Where it is not `ok`: that of the error which a read meets here. `BAD_CID`: what was asked for is none. `TOP_LEVEL_INDEX_INCOMPLETE`:
   * a shard holds the block, and reads do not find it there.
   */
  readonly code?: string
}

export interface WhyReport {
  /** As given, in its usual text form. */
  readonly cid: string
  /**
   * The block was read just now, matched its CID, and its shard answers reads. False also where a read would first fetch a copy or
   * rebuild an index; `fix` says so.
   */
  readonly retrievable: boolean
  /** In the order of the way; of each shard up to the step that failed, of a shard that gives the block all. */
  readonly steps: readonly WhyStep[]
  /** What to do, in words that may hold commands; `undefined` where there is nothing to do. */
  readonly fix: string | undefined
}

export const passed = (name: WhyStepName, detail: string): WhyStep => ({ name, ok: true, detail })
export const failed = (name: WhyStepName, detail: string, code: string): WhyStep => ({ name, ok: false, detail, code })

/** The steps of one shard, and how they end. */
export interface ShardWay {
  readonly key: string
  readonly steps: readonly WhyStep[]
  readonly retrievable: boolean
  readonly fix: string | undefined
}
