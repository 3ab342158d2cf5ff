/** The indices of all shards as files that a Go DAG store takes. */
import { standardIndex } from '@dagstore/carv2'
import { IndexRepoError } from '@dagstore/index-repo'
import type { ByteSource, Directory } from '@dagstore/io'
import { checkVersion, flatName, writeVersion } from './flat-index-folder.ts'
import { type BulkOptions, type BulkParts, leaving, listed, task } from './parts.ts'

export type ExportIndexOutcome =
  /** `name`: in the folder. `sizeBytes`: of the file. */
  | { readonly key: string, readonly ok: true, readonly name: string, readonly sizeBytes: number }
  | { readonly key: string, readonly ok: false, readonly error: unknown }

export async function * exportIndices (bulk: BulkParts, directory: Directory, { signal, onProgress }: BulkOptions): AsyncGenerator<ExportIndexOutcome, void, undefined> {
  const leave = leaving(bulk, signal)
  leave.throwIfAborted()
  if (!await checkVersion(directory, { signal: leave })) await writeVersion(directory, { signal: leave })
  let done = 0
  let failed = 0
  for await (const { key, record } of listed(bulk, undefined, leave)) {
    if (record.destroying || record.index === undefined) continue
    const outcome = await task(bulk, leave, () => exportIndex(bulk, directory, key, leave))
    if (outcome === undefined) continue
    done++
    if (!outcome.ok) failed++
    onProgress?.({ done, failed, total: undefined })
    yield outcome
  }
}

/** `undefined`: the shard has no index any more. */
const exportIndex = async ({ parts }: BulkParts, directory: Directory, key: string, signal: AbortSignal): Promise<ExportIndexOutcome | undefined> => {
  try {
    const name = flatName(key)
    const source = await openCurrent(parts, key, signal)
    if (source === undefined) return undefined
    try {
      const { sizeBytes } = await directory.writeAtomic(name, standardIndex(source, { signal }), { signal })
      return { key, ok: true, name, sizeBytes }
    } finally {
      await source.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    return { key, ok: false, error }
  }
}

/** The file of the committed index; one that a newer index replaces meanwhile is looked for again. */
const openCurrent = async ({ catalogue, repo }: BulkParts['parts'], key: string, signal: AbortSignal): Promise<ByteSource | undefined> => {
  for (let last: number | undefined; ;) {
    const index = (await catalogue.get(key))?.record.index
    if (index === undefined) return undefined
    const { generation } = index
    try {
      return await repo.open(key, generation, { signal })
    } catch (error) {
      const missing = error instanceof IndexRepoError && error.code === 'INDEX_MISSING'
      // it lies in the source for now
      if (missing && index.foreign === true) return undefined
      if (!missing || generation === last) throw error
      last = generation
    }
  }
}
