/** A tree of files written to disk: whole or not at all, and nowhere but under its target. */
import { type FileHandle, mkdir, open, symlink } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import type { CallOptions, TreeEntry } from '@dagstore/io'
import { RetrievalError } from '../errors.ts'
import { filed, syncFolder, withDraft } from './draft.ts'

export interface ExportOptions extends CallOptions {
  /** Bytes of file data written so far. */
  readonly onProgress?: ((progress: { readonly doneBytes: number, readonly totalBytes: undefined }) => void) | undefined
}

export interface ExportReport {
  readonly files: number
  readonly directories: number
  readonly links: number
  /** Of file data. */
  readonly bytes: number
}

/**
 * Write the entry to `path`, which must not exist; its folder must. Everything is written beside it under a temporary name
 * and synced, then renamed: on failure or abort nothing stays. The entry's own name does not matter.
 *
 * @throws {RetrievalError} `RETRIEVAL_TARGET_EXISTS`; `RETRIEVAL_UNSAFE_NAME`: a name with a separator, `.`, `..`, empty, or
 *   twice in one folder; `RETRIEVAL_UNSAFE_LINK`: a symbolic link that leads out of the tree, or has `..` behind a name
 * @throws {IoError} `IO_NOT_FOUND` (no such folder), `IO_FORBIDDEN`, `IO_FULL`, `IO_FAILED`; what reading the entry throws
 */
export const exportTo = (entry: TreeEntry, path: string, options: ExportOptions = {}): Promise<ExportReport> => withDraft(path, options, async (draft) => {
  const writer = new Writer(options)
  await writer.write(entry, draft, [])
  return writer.report
})

class Writer {
  readonly #options: ExportOptions
  #files = 0
  #directories = 0
  #links = 0
  #bytes = 0

  constructor (options: ExportOptions) {
    this.#options = options
  }

  get report (): ExportReport { return { files: this.#files, directories: this.#directories, links: this.#links, bytes: this.#bytes } }

  /** @param names - of the folders between the tree's root and this entry, and its own */
  async write (entry: TreeEntry, path: string, names: readonly string[]): Promise<void> {
    const { signal } = this.#options
    signal?.throwIfAborted()
    switch (entry.kind) {
      case 'file':
        this.#files++
        return this.#writeFile(entry.read({ signal }), path, names)
      case 'link':
        this.#links++
        checkLink(entry.target, names)
        return filed('link', names.join('/'), () => symlink(entry.target, path))
      case 'directory': {
        this.#directories++
        await filed('mkdir', names.join('/'), () => mkdir(path))
        const taken = new Set<string>()
        for await (const child of entry.entries({ signal })) {
          checkName(child.name, names)
          if (taken.has(child.name)) throw unsafe('two entries of one name', child.name, names)
          taken.add(child.name)
          await this.write(child, join(path, child.name), [...names, child.name])
        }
        return syncFolder(path)
      }
    }
  }

  async #writeFile (content: AsyncIterable<Uint8Array>, path: string, names: readonly string[]): Promise<void> {
    const label = names.join('/')
    // never over anything: names may differ only for us, and be one for the file system
    const file: FileHandle = await filed('create', label, () => open(path, 'wx'))
    try {
      for await (const chunk of content) {
        this.#options.signal?.throwIfAborted()
        await filed('write', label, () => file.appendFile(chunk))
        this.#bytes += chunk.byteLength
        this.#options.onProgress?.({ doneBytes: this.#bytes, totalBytes: undefined })
      }
      await filed('sync', label, () => file.sync())
    } finally {
      await file.close()
    }
  }
}

const checkName = (name: string, parents: readonly string[]): void => {
  if (name === '' || name === '.' || name === '..' || /[/\0]/u.test(name) || (sep === '\\' && /[\\:]/u.test(name))) throw unsafe('name cannot be a file name', name, parents)
}

const unsafe = (why: string, name: string, parents: readonly string[]): RetrievalError =>
  new RetrievalError('RETRIEVAL_UNSAFE_NAME', `${why}; name=${JSON.stringify(name)} in=${JSON.stringify(parents.join('/'))}`)

/**
 * It may lead to anything in the tree, whether that is there or not: up through the folders it stands in, then down. What it
 * comes through on the way down may be another link, and `..` behind that would lead up from wherever that one leads.
 */
const checkLink = (target: string, names: readonly string[]): void => {
  const parts = target.split(sep === '\\' ? /[/\\]/u : '/').filter((part) => part !== '' && part !== '.')
  const down = parts.findIndex((part) => part !== '..')
  const ups = down < 0 ? parts.length : down
  if (target !== '' && !isAbsolute(target) && ups < names.length && !parts.includes('..', ups)) return
  throw new RetrievalError('RETRIEVAL_UNSAFE_LINK', `link leads out of the tree; name=${JSON.stringify(names.join('/'))} target=${JSON.stringify(target)}`)
}
