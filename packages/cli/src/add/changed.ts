/** Whether a file is another one than its index was made of. */
import { stat } from 'node:fs/promises'
import { openIndex } from '@dagstore/carv2'
import type { ShardInfo } from '@dagstore/dagstore'
import type { ShardBackend } from '../backend/shard-backend.ts'

/** By size and time of modification. What cannot be told is no change: reading the shard will tell. */
export const hasChanged = async ({ indices }: Pick<ShardBackend, 'indices'>, { key, indexGeneration }: ShardInfo, path: string): Promise<boolean> => {
  if (indexGeneration === 0) return false
  try {
    const view = await openIndex(await indices.open(key, indexGeneration), { owns: true })
    try {
      const { source } = view.facts
      if (source?.kind !== 'file') return false
      const facts = await stat(path, { bigint: true })
      return BigInt(source.sizeBytes) !== facts.size || source.mtimeNs !== facts.mtimeNs
    } finally {
      await view.close()
    }
  } catch {
    return false
  }
}
