/** Files and folders on disk as a tree. */
import type { Stats } from 'node:fs'
import { readdir, readlink, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { CallOptions } from '../calls.ts'
import { IoError } from '../errors.ts'
import { borrowChunks, readChunks } from '../memory.ts'
import { compareNames } from '../names.ts'
import type { TreeDirectory, TreeEntry, TreeFile, TreeReadOptions } from '../tree.ts'
import { withdrawable } from '../withdrawable.ts'
import { type Descriptor, settling } from './descriptor.ts'
import { classifyNodeError, kindOf, systemCode } from './errors.ts'
import { openSource } from './file-source.ts'
import { ReadAhead, type Turn } from './read-ahead.ts'

/**
 * The file or folder at `path`, whose link is followed; links below it are entries of their own. Folders are read when they
 * are walked, files when they are read; while those of a folder are read one after another, up to 32 that come next and are at most
 * 64 KiB long are read ahead, about 1 MiB of them. A file whose length or time changes meanwhile rejects with `IO_SOURCE_CHANGED`; a
 * fifo, socket or device, a file of the kernel that has bytes but no length, or a name that is not UTF-8, with `IO_FAILED`.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED`
 */
export const openTree = async (path: string): Promise<TreeEntry> => {
  let found: Stats
  try {
    found = await stat(path)
  } catch (error) {
    throw classifyNodeError(error, `no tree; path=${path}`)
  }
  return entryOf(path, basename(resolve(path)), found)
}

const entryOf = async (path: string, name: string, found: Stats): Promise<TreeEntry> => {
  const kind = kindOf(found)
  switch (kind) {
    case 'file': return fileAt(path, name, found.size)
    case 'directory': return folderAt(path, name)
    case 'link': return { kind: 'link', name, target: await linkTarget(path) }
    default: throw new IoError('IO_FAILED', `neither file, folder nor link; path=${path} kind=${kind}`)
  }
}

const folderAt = (path: string, name: string): TreeDirectory => ({
  kind: 'directory',
  name,
  entries: async function * ({ signal }: CallOptions = {}) {
    signal?.throwIfAborted()
    const names = await namesIn(path)
    const ahead = new ReadAhead((at) => join(path, names[at]!), names.length)
    try {
      for (const child of names) {
        signal?.throwIfAborted()
        const at = join(path, child)
        let turn: Turn
        try {
          const reached = ahead.reach()
          turn = reached instanceof Promise ? await withdrawable(reached, signal) : reached
        } catch (error) {
          signal?.throwIfAborted()
          if (systemCode(error) === 'ENOENT') throw new IoError('IO_SOURCE_CHANGED', `file vanished; path=${at}`, { cause: error, retry: 'later' })
          throw classifyNodeError(error, `stat failed; path=${at}`)
        }
        yield turn.facts.isFile() ? fileAt(at, child, turn.facts.size, turn) : entryOf(at, child, turn.facts)
      }
    } finally {
      const ended = ahead.end()
      // a read that does not end must not hold up an abort; its descriptor is closed when it does
      if (signal?.aborted !== true) await ended
    }
  },
})

const fileAt = (path: string, name: string, sizeBytes: number, turn?: Turn): TreeFile => ({
  kind: 'file',
  name,
  sizeBytes,
  readAll: ({ signal } = {}) => {
    signal?.throwIfAborted()
    const bytes = turn?.bytes()
    return bytes instanceof Promise ? withdrawable(bytes, signal) : bytes
  },
  read: async function * (options: TreeReadOptions = {}) {
    const { signal, isBorrowed = false } = options
    signal?.throwIfAborted()
    const given = turn?.bytes()
    const all = given instanceof Promise ? await withdrawable(given, signal) : given
    if (all !== undefined) {
      if (all.byteLength > 0) yield all
      return
    }
    const { source, file, stat: atOpen } = await openSource(path, path, options)
    const changed = (cause?: unknown): IoError => new IoError('IO_SOURCE_CHANGED', `file changed while it was read; path=${path}`, { cause, retry: 'later' })
    try {
      if (source.sizeBytes !== sizeBytes) throw changed()
      if (sizeBytes === 0 && await hasBytes(file, signal)) {
        if ((await file.stat()).size !== atOpen.size) throw changed()
        throw new IoError('IO_FAILED', `no length, but bytes, as files of the kernel have them: to be read as a stream; path=${path}`)
      }
      yield * (isBorrowed ? borrowChunks : readChunks)(source, 0, sizeBytes, { signal })
      const now = await file.stat()
      if (now.size !== atOpen.size || now.mtimeNs !== atOpen.mtimeNs) throw changed()
      turn?.wasRead()
    } catch (error) {
      throw error instanceof IoError && error.code === 'IO_TRUNCATED' ? changed(error) : error
    } finally {
      await source.close()
    }
  },
})

const hasBytes = async (file: Descriptor, signal: AbortSignal | undefined): Promise<boolean> =>
  (await new Promise<Uint8Array>((resolve, reject) => { file.fetch(0, 1, settling(resolve, reject), signal) })).byteLength > 0

/** Names of the children in the order of their bytes. Only names are held, however many there are. */
const namesIn = async (path: string): Promise<string[]> => {
  let raw: Buffer[]
  try {
    raw = await readdir(path, { encoding: 'buffer' })
  } catch (error) {
    throw classifyNodeError(error, `list failed; path=${path}`)
  }
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const names = raw.map((bytes) => {
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw new IoError('IO_FAILED', `name is not UTF-8; path=${path} nameHex=${bytes.toString('hex')}`, { cause })
    }
  })
  return names.sort(compareNames)
}

const linkTarget = async (path: string): Promise<string> => {
  try {
    return await readlink(path)
  } catch (error) {
    throw classifyNodeError(error, `link not read; path=${path}`)
  }
}
