import type { Hashes } from '@dagstore/hashes'
import type { Directory } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import { openRetrievals, RetrievalError, type Retrievals, type Retrieved } from '@dagstore/retrievals'
import { exportTo } from '@dagstore/retrievals/node'
import type { CID } from 'multiformats/cid'

export const firstUse = async (directory: Directory, hashes: Hashes, from: ReadBlockstore, root: CID, path: string): Promise<number> => {
  const retrievals: Retrievals = openRetrievals({ directory, hashes })
  try {
    const { name, blocks, missing }: Retrieved = await retrievals.retrieve({ id: 'first', root, from, missing: 'report' })
    const { tree, close } = await retrievals.export(name, root)
    await exportTo(tree, path)
    await close()
    return blocks + missing.length
  } catch (error) {
    if (error instanceof RetrievalError) return -1
    throw error
  }
}
