/** A directory that lives in memory: for tests, browsers and edge workers. Nothing in it survives the process. */
import { type Directory, type FileStat, splitName } from './directory.ts'
import { IoError } from './errors.ts'
import { MemoryFile, openMemoryFile } from './memory-file.ts'
import { compareNames, isListed } from './names.ts'

interface MemoryFolder {
  readonly kind: 'directory'
  readonly children: Map<string, MemoryFolder | MemoryFile>
}

/** An empty directory. @param label - for messages */
export const createMemoryDirectory = (label: string = 'memory'): Directory => openFolder({ kind: 'directory', children: new Map() }, label, [])

const openFolder = (root: MemoryFolder, label: string, base: readonly string[]): Directory => {
  const fail = (code: 'IO_NOT_FOUND' | 'IO_EXISTS' | 'IO_FAILED', what: string, name: string): IoError => new IoError(code, `${what}; in=${label} name=${name}`)

  const find = (parts: readonly string[]): MemoryFolder | MemoryFile | undefined => {
    let at: MemoryFolder | MemoryFile | undefined = root
    for (const part of parts) at = at?.kind === 'directory' ? at.children.get(part) : undefined
    return at
  }
  /** The folder in which the last of `parts` stands, made if need be, and that last part. */
  const parentOf = (parts: readonly string[], name: string): { readonly folder: MemoryFolder, readonly last: string } => {
    let folder = root
    for (const part of parts.slice(0, -1)) {
      const next: MemoryFolder | MemoryFile = folder.children.get(part) ?? { kind: 'directory', children: new Map() }
      if (next.kind === 'file') throw fail('IO_FAILED', 'a file stands where a folder is needed', name)
      folder.children.set(part, next)
      folder = next
    }
    return { folder, last: parts.at(-1) as string }
  }
  const pathOf = (name: string): string[] => [...base, ...splitName(name)]

  return {
    label,
    openSource: async (name, { signal } = {}) => {
      signal?.throwIfAborted()
      const file = find(pathOf(name))
      if (file === undefined) throw fail('IO_NOT_FOUND', 'no such file', name)
      if (file.kind === 'directory') throw fail('IO_FAILED', 'not a regular file', name)
      return file.openSource()
    },
    openWritable: async (name, mode) => {
      const parts = pathOf(name)
      const found = find(parts)
      if (found !== undefined && mode === 'new') throw fail('IO_EXISTS', 'file exists', name)
      if (found?.kind === 'directory') throw fail('IO_FAILED', 'not a regular file', name)
      if (found !== undefined) return openMemoryFile(found)
      if (mode === 'open') throw fail('IO_NOT_FOUND', 'no such file', name)
      const { folder, last } = parentOf(parts, name)
      const file = new MemoryFile()
      folder.children.set(last, file)
      return openMemoryFile(file)
    },
    writeAtomic: async (name, content, { signal } = {}) => {
      const parts = pathOf(name)
      signal?.throwIfAborted()
      const file = new MemoryFile()
      for await (const chunk of content) {
        signal?.throwIfAborted()
        file.write(file.sizeBytes, chunk)
      }
      signal?.throwIfAborted()
      const { folder, last } = parentOf(parts, name)
      if (folder.children.get(last)?.kind === 'directory') throw fail('IO_FAILED', 'a folder stands where the file should go', name)
      folder.children.set(last, file)
      return { sizeBytes: file.sizeBytes }
    },
    stat: async (name) => {
      const found = find(pathOf(name))
      if (found === undefined) return undefined
      const sizeBytes = found.kind === 'file' ? found.sizeBytes : 0
      return { kind: found.kind, sizeBytes, allocatedBytes: sizeBytes }
    },
    list: async (name) => {
      const found = find(name === '' ? base : pathOf(name))
      if (found === undefined) return []
      if (found.kind === 'file') throw fail('IO_FAILED', 'not a folder', name)
      return Array.from(found.children, ([child, { kind }]): { name: string, kind: FileStat['kind'] } => ({ name: child, kind }))
        .filter((child) => isListed(child.name))
        .sort((a, b) => compareNames(a.name, b.name))
    },
    rename: async (from, to) => {
      const source = pathOf(from)
      const target = pathOf(to)
      const moved = find(source)
      if (moved === undefined) throw fail('IO_NOT_FOUND', 'no such file', from)
      if (source.every((part, at) => target[at] === part)) {
        if (target.length === source.length) return
        throw fail('IO_FAILED', 'a folder cannot go into itself', from)
      }
      const { folder, last } = parentOf(target, to)
      const replaced = folder.children.get(last)
      const free = replaced === undefined || (replaced.kind === 'file' ? moved.kind === 'file' : moved.kind === 'directory' && replaced.children.size === 0)
      if (!free) throw fail('IO_FAILED', 'the target is in the way', to)
      const { folder: left, last: leaving } = parentOf(source, from)
      left.children.delete(leaving)
      folder.children.set(last, moved)
    },
    remove: async (name) => {
      const parts = pathOf(name)
      const found = find(parts)
      if (found?.kind === 'directory') throw fail('IO_FAILED', 'not a regular file', name)
      if (found === undefined) return
      const { folder, last } = parentOf(parts, name)
      folder.children.delete(last)
    },
    freeBytes: async () => undefined,
    child: (name) => openFolder(root, `${label}/${name}`, pathOf(name)),
  }
}
