/** Index files of shards, kept open between lookups; no mount is needed for them. The one of a shard that is open is not opened again. */
import { type IndexView, openIndex, type PageCache } from '@dagstore/carv2'
import type { IndexRepo } from '@dagstore/index-repo'
import type { CallOptions } from '@dagstore/io'
import { isRoot } from '../runner/multihashes.ts'
import { SharedCache } from './shared-cache.ts'

export interface IndexViews {
  /** Whether the index lists the block, or the CAR names it as a root. What is wrong with the file is an error, and forgotten: the next call opens it again. */
  holds(key: string, generation: number, multihash: Uint8Array, options?: CallOptions): Promise<boolean>
  /** The file is going to be deleted. Resolves when none of it is open here. */
  drop(key: string, generation: number): Promise<void>
  /** Close all. */
  clear(): Promise<void>
}

interface IndexFiles {
  readonly repo: IndexRepo
  readonly pages: PageCache
  /** The index of a lease that is kept, if it is of this generation; it may be closed at any time. */
  readonly held: (key: string, generation: number) => IndexView | undefined
}

/** @param max - idle files that stay open at the most */
export const createIndexViews = ({ repo, pages, held }: IndexFiles, max: number): IndexViews => {
  const open = async ({ key, number }: IndexFile, { signal }: CallOptions): Promise<IndexView> =>
    openIndex(await repo.open(key, number, { signal }), { pages, owns: true, signal })
  const views = new SharedCache<IndexView, IndexFile>(open, ({ key, number }) => repo.name(key, number), max)
  const lists = async (view: IndexView, multihash: Uint8Array, signal: AbortSignal | undefined): Promise<boolean> =>
    (await view.find(multihash, { signal, limit: 1 })).length > 0 || isRoot(view.facts, multihash)
  return {
    holds: async (key, generation, multihash, { signal } = {}) => {
      const open = held(key, generation)
      if (open !== undefined) {
        const answer = await lists(open, multihash, signal).catch(() => undefined) // closed meanwhile, or damaged: the file tells
        signal?.throwIfAborted()
        if (answer !== undefined) return answer
      }
      try {
        return await views.use({ key, number: generation }, (view) => lists(view, multihash, signal), { signal })
      } catch (error) {
        if (signal?.aborted !== true) void views.drop(repo.name(key, generation))
        throw error
      }
    },
    drop: (key, generation) => views.drop(repo.name(key, generation)),
    clear: () => views.clear(),
  }
}

interface IndexFile {
  readonly key: string
  /** Its generation. */
  readonly number: number
}
