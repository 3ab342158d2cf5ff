/** What tests put blocks into and make trees of. */
import type { TreeDirectory, TreeEntry, TreeFile, TreeLink } from '@dagstore/io'
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

export const file = (name: string, bytes: Uint8Array, partBytes = 10_000): TreeFile => ({
  kind: 'file',
  name,
  sizeBytes: bytes.byteLength,
  async * read () {
    for (let at = 0; at < bytes.byteLength; at += partBytes) yield bytes.slice(at, at + partBytes)
  },
})

export const directory = (name: string, ...entries: readonly TreeEntry[]): TreeDirectory => ({
  kind: 'directory',
  name,
  async * entries () { yield * entries },
})

export const link = (name: string, target: string): TreeLink => ({ kind: 'link', name, target })
