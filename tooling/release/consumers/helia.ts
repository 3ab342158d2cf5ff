import { createReadThroughBlockstore, type DagstoreBlockBroker, dagstoreBlockBroker, type DagstoreSessionBroker } from '@dagstore/helia'
import { BlockNotFoundError, type ReadBlockstore } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

export const firstUse = async (own: Blockstore, dagstore: { readonly blockstore: ReadBlockstore }, root: CID): Promise<Blockstore | undefined> => {
  const broker: DagstoreBlockBroker = dagstoreBlockBroker(dagstore)
  const session: DagstoreSessionBroker = broker.createSession()
  try {
    await session.retrieve(root, { maxSize: 2 ** 21 })
  } catch (error) {
    if (error instanceof BlockNotFoundError) return undefined
    throw error
  }
  return createReadThroughBlockstore(own, dagstore.blockstore)
}
