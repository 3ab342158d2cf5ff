/** What tests put blocks into and make trees of. */
import type { CID } from 'multiformats/cid'
import type { BlockSink } from '../src/block-writer.ts'

export interface MemorySink extends BlockSink {
  /** CIDs in the order in which they were put. */
  readonly order: readonly string[]
  readonly blocks: ReadonlyMap<string, Uint8Array>
  get(cid: CID): AsyncGenerator<Uint8Array>
}

export const memorySink = (): MemorySink => {
  const order: string[] = []
  const blocks = new Map<string, Uint8Array>()
  return {
    order,
    blocks,
    put (cid, bytes) {
      order.push(cid.toString())
      blocks.set(cid.toString(), bytes)
    },
    async * get (cid) {
      const bytes = blocks.get(cid.toString())
      if (bytes === undefined) throw new Error(`not put; cid=${cid.toString()}`)
      yield bytes
    },
  }
}

export { treeDirectory as directory, treeFile as file, treeLink as link } from '@dagstore-tooling/testkit'
