/** Which shards may hold a block: the top-level index, in shard keys. */
import type { CallOptions } from '@dagstore/io'
import { type Candidates, shardNumber, type ShardNumber, type TopLevelIndex } from '@dagstore/top-level-index'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'

export interface Candidate { readonly key: string, readonly number: number }

const FIRST_LIMIT = 16
const GROWTH = 16
/** Shards that are looked at for one block at most. */
const MAX_CANDIDATES = 65_536
const REMEMBERED = 4096

export interface CandidateFinder {
  /** Each shard once; `preferred` ones first. Ends early when the consumer stops, so a hit costs one lookup. */
  candidates(multihash: Uint8Array, options?: CallOptions & { readonly prefer?: readonly number[] }): AsyncGenerator<Candidate, void, undefined>
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
    if (keys.size >= REMEMBERED) keys.clear()
    keys.set(number, key)
    return key
  }
  return {
    candidates: async function * (multihash, { signal, prefer = [] } = {}) {
      const seen = new Set<ShardNumber>()
      const unknown = new Set<ShardNumber>()
      for (let limit = FIRST_LIMIT; ;) {
        const found: Candidates = await top.find(multihash, { limit, prefer: prefer.map(shardNumber), signal })
        let again = false
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
        if (found.more && limit < MAX_CANDIDATES) limit *= GROWTH
        else if (!again) return
      }
    },
  }
}
