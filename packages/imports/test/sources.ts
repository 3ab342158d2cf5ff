/** Files that are imported, referred to or used in place, in memory. */
import { type ByteSource, createBytesSource, IoError, type TreeEntry } from '@dagstore/io'
import { RefCarError } from '@dagstore/ref-carv2'
import { treeFile } from '@dagstore-tooling/testkit'
import type { SourceFiles } from '../src/index.ts'

export interface MemorySources extends SourceFiles {
  /** By absolute path. Folders are what paths have in common. */
  readonly contents: Map<string, Uint8Array>
  /** What a path is refused with. */
  readonly failures: Map<string, unknown>
  /** Sources that are open. */
  readonly opened: Set<ByteSource>
  /** Paths whose bytes were read as a tree, once for each time. */
  readonly reads: string[]
}

export const memorySources = (contents: Readonly<Record<string, Uint8Array>> = {}): MemorySources => {
  const fail = (path: string): void => { if (sources.failures.has(path)) throw sources.failures.get(path) }
  const treeAt = (path: string): TreeEntry | undefined => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    const bytes = sources.contents.get(path)
    if (bytes !== undefined) {
      const file = treeFile(name, bytes)
      return { ...file, read: (options) => { sources.reads.push(path); fail(`read ${path}`); return file.read(options) } }
    }
    const names = new Set([...sources.contents.keys()].filter((other) => other.startsWith(`${path}/`)).map((other) => other.slice(path.length + 1).split('/')[0]!))
    return names.size === 0 ? undefined : { kind: 'directory', name, async * entries () { for (const child of [...names].sort()) yield treeAt(`${path}/${child}`)! } }
  }
  const missing = (path: string): IoError => new IoError('IO_NOT_FOUND', `no such file; path=${path}`)
  const sources: MemorySources = {
    contents: new Map(Object.entries(contents)),
    failures: new Map(),
    opened: new Set(),
    reads: [],
    open: async (path, { signal } = {}) => {
      signal?.throwIfAborted()
      fail(path)
      const bytes = sources.contents.get(path)
      if (bytes === undefined) throw missing(path)
      const source = createBytesSource(bytes, { identity: { kind: 'version', tag: tagOf(bytes), sizeBytes: bytes.byteLength } })
      // read as from a disk: nothing is at hand
      const opened: ByteSource = { ...source, peek: () => undefined, close: async () => { sources.opened.delete(opened); await source.close() } }
      sources.opened.add(opened)
      return opened
    },
    openTree: async (path) => {
      fail(path)
      const tree = treeAt(path)
      if (tree === undefined) throw missing(path)
      return tree
    },
    stat: async (path) => {
      fail(path)
      const bytes = sources.contents.get(path)
      return bytes === undefined ? treeAt(path) && { kind: 'directory', sizeBytes: 0 } : { kind: 'file', sizeBytes: bytes.byteLength }
    },
    fingerprint: async (path) => {
      fail(path)
      const below = [...sources.contents].filter(([other]) => other === path || other.startsWith(`${path}/`))
      if (below.length === 0) throw missing(path)
      return below.map(([other, bytes]) => `${other}:${tagOf(bytes)}`).join()
    },
  }
  return sources
}

/** Another one for other bytes. */
const tagOf = (bytes: Uint8Array): string => `${bytes.byteLength}:${bytes.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 7)}`

export const forbidden = (path: string): RefCarError => new RefCarError('REF_CAR_FORBIDDEN', `not to be read; path=${path}`)
