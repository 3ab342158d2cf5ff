import { IndexRepoError, type IndexRepo, openIndexRepo } from '@dagstore/index-repo'
import { createMemoryDirectory } from '@dagstore/io'

export const firstUse = async (content: Uint8Array): Promise<readonly string[]> => {
  const repo: IndexRepo = openIndexRepo(createMemoryDirectory())
  const names: string[] = []
  try {
    await repo.write('shard', 1, [content])
    for await (const { key, generation } of repo.list()) names.push(repo.name(key, generation))
  } catch (error) {
    if (!(error instanceof IndexRepoError && error.code === 'INDEX_EXISTS')) throw error
  }
  return names
}
