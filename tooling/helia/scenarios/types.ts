/** Compiled, never run: ours in the places of Helia's. */
import type { createReadThroughBlockstore, DagstoreBlockBroker, DagstoreSessionBroker } from '@dagstore/helia'
import type { IpfsNode } from '@dagstore/ipfs-blockstore'
import type { BlockBroker, SessionBlockBroker } from '@helia/interface'
import type { Helia, HeliaInit } from 'helia'

declare const broker: DagstoreBlockBroker
declare const session: DagstoreSessionBroker
declare const blockstore: ReturnType<typeof createReadThroughBlockstore>

export const asBroker: BlockBroker = broker
export const asSession: SessionBlockBroker = session
export const init: HeliaInit = { blockstore, blockBrokers: [broker, () => broker] }

declare const helia: Helia
export const asNode: IpfsNode = helia
