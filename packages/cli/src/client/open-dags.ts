/** DAGs that are here: of imports, with an IPFS node behind them where one is used. */
import type { Imports, ImportRecord } from '@dagstore/imports'
import type { CallOptions } from '@dagstore/io'
import type { IpfsBlockstore } from '@dagstore/ipfs-blockstore'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { codeOf } from '../failure.ts'
import type { IpfsNode } from './ipfs-node.ts'

export interface OpenDag {
  readonly store: ReadBlockstore
  /** `undefined`: no import has it; the IPFS node does. */
  readonly record: ImportRecord | undefined
  close (): Promise<void>
}

export interface Dags {
  /** What is said of data that {@link open} has not found. */
  readonly nowhere: string
  /** `undefined`: nobody has its root; a node that looks in the network has been asked to. @throws why the import that has it cannot be read, or why the node does not say */
  open (root: CID, options: CallOptions): Promise<OpenDag | undefined>
  /** As {@link open}, of roots that are on this side of the network: what is only to be had elsewhere is no answer to whether it is here. */
  openHere (root: CID, options: CallOptions): Promise<OpenDag | undefined>
}

export interface DagsOptions {
  /** Behind the imports. @default none */
  readonly ipfs?: IpfsNode | undefined
  /** Whether it looks in the network. @default false */
  readonly online?: boolean | undefined
}

export const createDags = (imports: Pick<Imports, 'openRoot'>, { ipfs, online = false }: DagsOptions): Dags => {
  const open = async (root: CID, { signal }: CallOptions, far: boolean): Promise<OpenDag | undefined> => {
    const [found, failure] = await imports.openRoot(root, { signal }).then((opened) => [opened, undefined] as const, (error: unknown) => [undefined, error] as const)
    signal?.throwIfAborted()
    if (ipfs === undefined) {
      if (failure !== undefined) throw failure
      return found === undefined ? undefined : { store: found.blockstore, record: found.record, close: () => found.close() }
    }
    if (found !== undefined) {
      // what an import lacks may be there; a node that is not answers when it is asked, and then only for what the import lacks
      try {
        const [{ layered }, behind] = await Promise.all([import('@dagstore/ipfs-blockstore'), ipfs.store().catch(() => undefined)])
        return { store: behind === undefined ? found.blockstore : layered([found.blockstore, behind]), record: found.record, close: () => found.close() }
      } catch (error) {
        await found.close()
        throw error
      }
    }
    const store = await ipfs.store()
    const call = signal === undefined ? {} : { signal }
    if (await store.has(root, call) || (far && await hasByReading(store, root, call))) return { store, record: undefined, close: async () => {} }
    if (failure !== undefined) throw failure
    return undefined
  }
  return { nowhere: ipfs === undefined ? 'no import has it' : 'neither an import nor the IPFS node has it', open: (root, options) => open(root, options, online), openHere: (root, options) => open(root, options, false) }
}

/** Whether there is a block is asked of the node alone; to read it makes the node look elsewhere. @throws why it does not say */
const hasByReading = async (store: Pick<IpfsBlockstore, 'bytes'>, root: CID, options: CallOptions): Promise<boolean> => {
  try {
    await store.bytes(root, options)
    return true
  } catch (error) {
    if (codeOf(error) === 'BLOCKSTORE_NOT_FOUND') return false
    throw error
  }
}
