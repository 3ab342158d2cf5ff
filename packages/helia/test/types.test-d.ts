/** Compiled, never run: what fits where. That Helia's types are met is checked beside the real Helia, `tooling/helia`. */
import type { Dagstore } from '@dagstore/dagstore'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import { createReadThroughBlockstore, type DagstoreBlockBroker, dagstoreBlockBroker, type DagstoreSessionBroker } from '../src/index.ts'

declare const own: Blockstore
declare const dagstore: Dagstore
declare const readable: ReadBlockstore

export const blockstore: Blockstore = createReadThroughBlockstore(own, dagstore.blockstore)
export const again: Blockstore = createReadThroughBlockstore(own, blockstore)
export const broker: DagstoreBlockBroker = dagstoreBlockBroker(dagstore)
export const session: DagstoreSessionBroker = dagstoreBlockBroker({ blockstore: readable }).createSession()

// @ts-expect-error a read blockstore cannot take the writes
createReadThroughBlockstore(readable, dagstore.blockstore)
