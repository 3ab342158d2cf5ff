/** A folder on disk in which changes are atomic and durable. */
import type { Dirent, Stats } from 'node:fs'
import { readdir, rename, stat, statfs, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Directory, type FileStat, splitName } from '../directory.ts'
import { IoError } from '../errors.ts'
import { compareNames, DRAFTS, isListed } from '../names.ts'
import { completeDraft, openDraft } from './atomic.ts'
import { classifyNodeError, kindOf, systemCode } from './errors.ts'
import { openSource } from './file-source.ts'
import { Folders, syncFolder } from './folders.ts'
import { openWritable } from './writable-file.ts'

export interface DirectoryOptions {
  /**
   * Folders directly below this one in which atomic writes have their temporary files in `.drafts`, for `removeDrafts`: one file
   * system each, which may be another one than that of this folder. @default none: beside their targets
   */
  readonly draftsIn?: readonly string[]
}

/** The folder at `path`. Nothing is looked at or made before the first call; reading makes nothing. */
export const openDirectory = (path: string, { draftsIn = [] }: DirectoryOptions = {}): Directory => {
  const root = resolve(path)
  return createDirectory({ root, folders: new Folders(root, path), draftsIn }, path, [])
}

interface Tree {
  readonly root: string
  readonly folders: Folders
  readonly draftsIn: readonly string[]
}

const createDirectory = (tree: Tree, label: string, base: readonly string[]): Directory => {
  const { root, folders, draftsIn } = tree
  const home = join(root, ...base)
  const pathOf = (name: string): string => join(home, ...splitName(name))
  /** Where the temporary file of `path` stands. */
  const draftFolder = (path: string): string => {
    const top = draftsIn.find((folder) => path.startsWith(join(root, folder, '/')))
    return top === undefined ? dirname(path) : join(root, top, DRAFTS)
  }
  const labelOf = (name: string): string => name === '' ? label : `${label}/${name}`

  /** Run with the folder of `path` in place; once more if what was known of folders is no longer true. */
  const within = async <T>(path: string, work: () => Promise<T>, beside: string = dirname(path)): Promise<T> => {
    const ensure = async (): Promise<void> => {
      await folders.ensure(dirname(path))
      await folders.ensure(beside)
    }
    try {
      await ensure()
      return await work()
    } catch (error) {
      if (!(error instanceof IoError && error.code === 'IO_NOT_FOUND')) throw error
      folders.forget()
      await ensure()
      return work()
    }
  }

  return {
    label,
    openSource: async (name, options = {}) => (await openSource(pathOf(name), labelOf(name), { ...options, isOurs: true })).source,
    openWritable: async (name, mode) => {
      const path = pathOf(name)
      const open = (): ReturnType<typeof openWritable> => openWritable(path, labelOf(name), mode)
      return mode === 'open' ? open() : within(path, open)
    },
    writeAtomic: async (name, content, options = {}) => {
      const path = pathOf(name)
      options.signal?.throwIfAborted()
      const drafts = draftFolder(path)
      return completeDraft(await within(path, () => openDraft(path, drafts, labelOf(name)), drafts), content, options)
    },
    stat: async (name) => {
      const found = await statOrNothing(pathOf(name), labelOf(name))
      return found === undefined ? undefined : fileStat(found, labelOf(name))
    },
    list: async (name) => {
      const path = name === '' ? home : pathOf(name)
      const children: { name: string, kind: FileStat['kind'] }[] = []
      for (const child of await entriesOf(path, labelOf(name))) {
        const kind = isListed(child.name) ? await childKind(path, child) : undefined
        if (kind !== undefined) children.push({ name: child.name, kind })
      }
      return children.sort((a, b) => compareNames(a.name, b.name))
    },
    rename: async (from, to) => {
      const source = pathOf(from)
      const target = pathOf(to)
      const moved = await statOrNothing(source, labelOf(from))
      if (moved === undefined) throw new IoError('IO_NOT_FOUND', `no such file; path=${labelOf(from)}`)
      if (target.startsWith(join(source, '/'))) throw new IoError('IO_FAILED', `a folder cannot go into itself; path=${labelOf(from)}`)
      if (source === target) return
      await within(target, () => rename(source, target).catch((error: unknown) => { throw renameError(error, labelOf(to)) }))
      if (moved.isDirectory()) folders.forget()
      await syncFolder(dirname(target), labelOf(to))
      if (dirname(source) !== dirname(target)) await syncFolder(dirname(source), labelOf(from))
    },
    remove: async (name) => {
      const path = pathOf(name)
      const found = await statOrNothing(path, labelOf(name))
      if (found?.isDirectory() === true) throw new IoError('IO_FAILED', `not a regular file; path=${labelOf(name)} kind=directory`)
      try {
        await unlink(path)
      } catch (error) {
        const code = systemCode(error)
        if (code !== 'ENOENT' && code !== 'ENOTDIR') throw classifyNodeError(error, `remove failed; path=${labelOf(name)}`)
        // another caller's removal may not be durable yet
        if ((await statOrNothing(dirname(path)))?.isDirectory() !== true) return
      }
      await syncFolder(dirname(path), labelOf(name))
    },
    freeBytes: async () => {
      for (let at = home; ; at = dirname(at)) {
        try {
          const { bavail, bsize } = await statfs(at)
          return bavail * bsize
        } catch (error) {
          if (systemCode(error) !== 'ENOENT' || at === dirname(at)) throw classifyNodeError(error, `free space unknown; path=${label}`)
        }
      }
    },
    child: (name) => createDirectory(tree, labelOf(name), [...base, ...splitName(name)]),
  }
}

const statOrNothing = async (path: string, label: string = path): Promise<Stats | undefined> => {
  try {
    return await stat(path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw classifyNodeError(error, `stat failed; path=${label}`)
  }
}

const fileStat = (found: Stats, label: string): FileStat => {
  const kind = kindOf(found)
  if (kind === 'file') return { kind, sizeBytes: found.size, allocatedBytes: found.blocks * 512, modifiedAt: found.mtimeMs }
  if (kind === 'directory') return { kind, sizeBytes: 0, allocatedBytes: found.blocks * 512 }
  throw new IoError('IO_FAILED', `neither file nor folder; path=${label} kind=${kind}`)
}

const entriesOf = async (path: string, label: string): Promise<readonly Dirent[]> => {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return []
    // below a file there is nothing; a file itself cannot be listed
    if (code === 'ENOTDIR' && await statOrNothing(path) === undefined) return []
    const failure = classifyNodeError(error, `list failed; path=${label}`)
    throw code === 'ENOTDIR' ? new IoError('IO_FAILED', `not a folder; path=${label}`, { cause: error }) : failure
  }
}

/** What a child is, links followed; `undefined` for what is neither file nor folder, or vanished. */
const childKind = async (folder: string, child: Dirent): Promise<FileStat['kind'] | undefined> => {
  const kind = child.isSymbolicLink() || kindOf(child) === 'unknown' ? kindOfStat(await statOrNothing(join(folder, child.name))) : kindOf(child)
  return kind === 'file' || kind === 'directory' ? kind : undefined
}

const kindOfStat = (found: Stats | undefined): string => found === undefined ? 'nothing' : kindOf(found)

/** A target in the way is a failure, whatever the system calls it. */
const renameError = (error: unknown, label: string): IoError => {
  const code = systemCode(error)
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'ENOTEMPTY' || code === 'EISDIR') {
    return new IoError('IO_FAILED', `the target is in the way; path=${label}`, { cause: error })
  }
  return classifyNodeError(error, `rename failed; path=${label}`)
}
