/** What tests import. */
import type { TreeDirectory, TreeEntry, TreeFile } from '@dagstore/io'

export const file = (name: string, bytes: Uint8Array, partBytes = 60_000): TreeFile => ({
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
