/** One detached index per shard generation, in files that are never changed. */
import { type ByteSource, type CallOptions, type Directory, IoError, type WritableFile } from '@dagstore/io'
import { IndexRepoError } from './errors.ts'
import { indexName, parseIndexName, scratchName } from './index-name.ts'
import { MAX_PART_CHARACTERS } from './key-name.ts'

export interface StoredIndex {
  readonly key: string
  readonly generation: number
  /** Relative to the repo's directory. */
  readonly name: string
}

/** A file for one piece of work, and for its time. */
export interface Scratch {
  /** The file, empty or with what a crash left in it; made at the first call, the same at later ones. @throws {IoError} also `IO_CLOSED`: released */
  open(): Promise<WritableFile>
  /** Close and remove it, if it was ever opened. @throws {IoError} */
  release(): Promise<void>
}

/** Keeps nothing in memory. Every method that takes a key rejects with `INDEX_BAD_KEY`, and a bad generation with a RangeError. */
export interface IndexRepo {
  /**
   * Write a file, whole or not at all; on return it survives a power cut. A name is used once: what a crashed build left
   * under this generation is removed first, by the caller who knows that nothing refers to it.
   *
   * @param content - consumed once, its chunks not kept
   * @throws {IndexRepoError} `INDEX_EXISTS`: the file is there, or being written
   * @throws {IoError} `IO_FULL`, `IO_FORBIDDEN`, `IO_FAILED`; what `content` threw passes through
   */
  write(key: string, generation: number, content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options?: CallOptions): Promise<{ readonly name: string, readonly sizeBytes: number }>
  /**
   * The bytes of a file, closed by the caller; unchecked, `openIndex` of carv2 checks them.
   *
   * @throws {IndexRepoError} `INDEX_MISSING`
   * @throws {IoError} `IO_FORBIDDEN`, `IO_FAILED`
   */
  open(key: string, generation: number, options?: CallOptions): Promise<ByteSource>
  /**
   * For whoever makes the file of this generation: room for an index that memory does not hold. Nothing is made before it is
   * opened. What a crash leaves is no index, and is used again by the next build of this generation, or removed with other
   * temporary files.
   */
  scratch(key: string, generation: number): Scratch
  /** Where the file of this generation stands or would stand, relative to the repo's directory. Pure. */
  name(key: string, generation: number): string
  /** Durable on return; a missing file is no error. */
  remove(key: string, generation: number): Promise<void>
  /** Every index file, by folder, then by name; other files are passed over. One folder's names are in memory at a time. */
  list(options?: CallOptions): AsyncIterable<StoredIndex>
}

/** The repo in `directory`, which should hold nothing else. Nothing is read or written before the first call. */
export const openIndexRepo = (directory: Directory): IndexRepo => {
  const writing = new Set<string>()
  return {
    name: indexName,
    write: async (key, generation, content, { signal } = {}) => {
      const name = indexName(key, generation)
      signal?.throwIfAborted()
      if (writing.has(name)) throw new IndexRepoError('INDEX_EXISTS', `index is being written; name=${name}`)
      writing.add(name)
      try {
        if (await directory.stat(name) !== undefined) throw new IndexRepoError('INDEX_EXISTS', `index exists; name=${name}`)
        const { sizeBytes } = await directory.writeAtomic(name, content, { signal })
        return { name, sizeBytes }
      } finally {
        writing.delete(name)
      }
    },
    open: async (key, generation, { signal } = {}) => {
      const name = indexName(key, generation)
      try {
        return await directory.openSource(name, { signal })
      } catch (error) {
        if (error instanceof IoError && error.code === 'IO_NOT_FOUND') throw new IndexRepoError('INDEX_MISSING', `no such index; name=${name}`, { cause: error })
        throw error
      }
    },
    scratch: (key, generation) => createScratch(directory, scratchName(key, generation)),
    remove: async (key, generation) => directory.remove(indexName(key, generation)),
    list: ({ signal } = {}) => listBelow(directory, '', signal),
  }
}

const createScratch = (directory: Directory, name: string): Scratch => {
  let opening: Promise<WritableFile> | undefined
  let releasing: Promise<void> | undefined
  const remove = async (file: Promise<WritableFile>): Promise<void> => {
    await file.then((opened) => opened.close(), () => {}) // what failed to open may be there all the same
    await directory.remove(name)
  }
  return {
    open: async () => {
      if (releasing !== undefined) throw new IoError('IO_CLOSED', `scratch file is released; name=${name}`)
      return opening ??= directory.openWritable(name, 'any')
    },
    release: () => releasing ??= opening === undefined ? Promise.resolve() : remove(opening),
  }
}

async function * listBelow (directory: Directory, folder: string, signal: AbortSignal | undefined): AsyncGenerator<StoredIndex, void, undefined> {
  signal?.throwIfAborted()
  for (const entry of await directory.list(folder)) {
    signal?.throwIfAborted()
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.kind === 'directory') {
      if (isFolderOfNames(folder, entry.name)) yield * listBelow(directory, name, signal)
      continue
    }
    const found = parseIndexName(name)
    if (found !== undefined) yield { ...found, name }
  }
}

/** A fan-out folder, or a whole part of a long key below one; nothing else is walked. */
const isFolderOfNames = (parent: string, name: string): boolean =>
  parent === '' ? /^[0-9a-f]{2}$/u.test(name) : name.length === MAX_PART_CHARACTERS
