/** DAGs that are here: of imports, with an IPFS node behind them where one is used. */
import type { Imports, ImportRecord } from '@dagstore/imports'
import type { CallOptions } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { IpfsNode } from './ipfs-node.ts'

export interface OpenDag {
  readonly store: ReadBlockstore
  /** `undefined`: no import has it; the IPFS node does. */
  readonly record: ImportRecord | undefined
  close (): Promise<void>
}

export interface Dags {
  /** `undefined`: nobody here has its root. @throws why the import that has it cannot be read, or why the node does not say */
  open (root: CID, options: CallOptions): Promise<OpenDag | undefined>
}

/** @param ipfs - `undefined`: none is used */
export const createDags = (imports: Pick<Imports, 'openRoot'>, ipfs: IpfsNode | undefined): Dags => ({
  open: async (root, { signal }) => {
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
    if (await store.has(root, signal === undefined ? {} : { signal })) return { store, record: undefined, close: async () => {} }
    if (failure !== undefined) throw failure
    return undefined
  },
})
