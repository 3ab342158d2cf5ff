/** Index files of shards, kept open between lookups; no mount is needed for them. */
import { type IndexView, openIndex, type PageCache } from '@dagstore/carv2'
import type { IndexRepo } from '@dagstore/index-repo'
import type { CallOptions } from '@dagstore/io'
import { isRoot } from '../runner/multihashes.ts'
import { SharedCache } from './shared-cache.ts'

export interface IndexViews {
  /** Whether the index lists the block, or the CAR names it as a root. What is wrong with the file is an error, and forgotten: the next call opens it again. */
  holds(key: string, generation: number, multihash: Uint8Array, options?: CallOptions): Promise<boolean>
  /** The file is going to be deleted. */
  drop(key: string, generation: number): void
  /** Close all. */
  clear(): Promise<void>
}

/** @param max - idle files that stay open at the most */
export const createIndexViews = ({ repo, pages }: { readonly repo: IndexRepo, readonly pages: PageCache }, max: number): IndexViews => {
  const open = async ({ key, number }: IndexFile, { signal }: CallOptions): Promise<IndexView> =>
    openIndex(await repo.open(key, number, { signal }), { pages, owns: true, signal })
  const views = new SharedCache<IndexView, IndexFile>(open, ({ key, number }) => repo.name(key, number), max)
  return {
    holds: async (key, generation, multihash, { signal } = {}) => {
      try {
        return await views.use({ key, number: generation }, async (view) => (await view.find(multihash, { signal, limit: 1 })).length > 0 || isRoot(view.facts, multihash), { signal })
      } catch (error) {
        if (signal?.aborted !== true) views.drop(repo.name(key, generation))
        throw error
      }
    },
    drop: (key, generation) => { views.drop(repo.name(key, generation)) },
    clear: () => views.clear(),
  }
}

interface IndexFile {
  readonly key: string
  /** Its generation. */
  readonly number: number
}
