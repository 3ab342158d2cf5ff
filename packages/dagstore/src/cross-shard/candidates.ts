/** Which shards may hold a block: the top-level index, in shard keys. */
import type { CallOptions } from '@dagstore/io'
import { type Candidates, shardNumber, type ShardNumber, type TopLevelIndex } from '@dagstore/top-level-index'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'

export interface Candidate { readonly key: string, readonly number: number }

const FIRST_LIMIT = 16
const GROWTH = 16
/** Shards that are looked at for one block at most. */
const MAX_CANDIDATES = 1_048_576
/** Keys by number; some hundred bytes each. */
const REMEMBERED = 32_768

export interface CandidateOptions extends CallOptions {
  /** Numbers of shards that come first. */
  readonly prefer?: readonly number[] | undefined
  /** What the index said a while ago; where nothing comes of it, it is asked again. */
  readonly looked?: (() => Promise<Candidates>) | undefined
  /** Called at the end when there may be shards that were not given. */
  readonly onCut?: (() => void) | undefined
}

export interface CandidateFinder {
  /**
   * Each shard once; `prefer` first. Ends early when the consumer stops, so a hit costs one lookup.
   *
   * @throws {TopLevelIndexError} the index cannot say; never for a block that no shard holds
   */
  candidates(multihash: Uint8Array, options?: CandidateOptions): AsyncGenerator<Candidate, void, undefined>
  /** For many blocks at once, in their order, what `candidates` takes as `looked`. */
  look(multihashes: readonly Uint8Array[], options?: CallOptions & { readonly prefer?: readonly number[] }): Promise<readonly Candidates[]>
}

export const createCandidateFinder = (top: TopLevelIndex, catalogue: ShardCatalogue): CandidateFinder => {
  /** A number never changes its shard; one that is retired is not found any more. */
  const keys = new Map<number, string>()
  const keyOf = async (number: number): Promise<string | undefined> => {
    const known = keys.get(number)
    if (known !== undefined) return known
    const key = await catalogue.keyOf(number)
    // published and not committed: not to be read yet; or replaced
    if (key === undefined) return undefined
    keys.set(number, key)
    const [oldest] = keys.keys()
    if (keys.size > REMEMBERED && oldest !== undefined) keys.delete(oldest)
    return key
  }
  return {
    look: (multihashes, { signal, prefer = [] } = {}) => top.findMany(multihashes, { limit: FIRST_LIMIT, prefer: prefer.map(shardNumber), signal }),
    candidates: async function * (multihash, { signal, prefer = [], looked, onCut } = {}) {
      const seen = new Set<ShardNumber>()
      const unknown = new Set<ShardNumber>()
      let earlier = looked
      for (let limit = FIRST_LIMIT; ;) {
        const found: Candidates = earlier === undefined ? await top.find(multihash, { limit, prefer: prefer.map(shardNumber), signal }) : await earlier()
        let again = earlier !== undefined
        earlier = undefined
        for (const number of found.shards) {
          if (seen.has(number)) continue
          const key = await keyOf(number)
          if (key !== undefined) {
            seen.add(number)
            yield { key, number }
          } else if (!unknown.has(number)) {
            // an index that took its place since the lookup was published before that: the next lookup finds it
            unknown.add(number)
            again = true
          }
        }
        // fewer than the limit, and still more: those cannot be read
        if (found.more && found.shards.length >= limit && limit < MAX_CANDIDATES) {
          limit *= GROWTH
        } else if (!again) {
          if (found.more) onCut?.()
          return
        }
      }
    },
  }
}
