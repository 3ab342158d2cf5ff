/** The index file of one generation, as it is on disk. */
import { CarV2Error, type IndexView, openIndex } from '@dagstore/carv2'
import { IndexRepoError } from '@dagstore/index-repo'
import type { ByteSource } from '@dagstore/io'
import { codeOf } from '../failure.ts'
import type { Unusable } from './join-parts.ts'
import type { StoreParts } from './parts.ts'

/**
 * The caller closes it.
 *
 * @returns that it is lost, or is no whole index
 * @throws what the storage of the indices rejects with; the signal's reason
 */
export const openIndexFile = async ({ repo, pages }: StoreParts, key: string, generation: number, signal: AbortSignal): Promise<IndexView | Unusable> => {
  let file: ByteSource
  try {
    file = await repo.open(key, generation, { signal })
  } catch (error) {
    if (error instanceof IndexRepoError && error.code === 'INDEX_MISSING') return { unusable: 'index', reason: error }
    throw error
  }
  try {
    return await openIndex(file, { pages, owns: true, signal })
  } catch (error) {
    await file.close()
    if (error instanceof CarV2Error || codeOf(error) === 'IO_TRUNCATED') return { unusable: 'index', reason: error }
    throw error
  }
}
