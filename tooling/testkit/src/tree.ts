/** Trees of files in memory, for whatever walks one. */
import type { TreeDirectory, TreeEntry, TreeFile, TreeLink } from '@dagstore/io'

/** @param partBytes - length of the chunks that a read gives */
export const treeFile = (name: string, bytes: Uint8Array, partBytes = 10_000): TreeFile => ({
  kind: 'file',
  name,
  sizeBytes: bytes.byteLength,
  async * read () {
    for (let at = 0; at < bytes.byteLength; at += partBytes) yield bytes.slice(at, at + partBytes)
  },
})

/** Entries in the order given. */
export const treeDirectory = (name: string, ...entries: readonly TreeEntry[]): TreeDirectory => ({
  kind: 'directory',
  name,
  async * entries () { yield * entries },
})

export const treeLink = (name: string, target: string): TreeLink => ({ kind: 'link', name, target })
