/** Files that references name, in memory, and CARs of references made from them. */
import { createHashes } from '@dagstore/hashes'
import { type ByteSource, createBytesSource, createMemoryDirectory, IoError, type TreeEntry } from '@dagstore/io'
import { buildTree, type Profile } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'
import { createRefCar, openRefCar, type RefCar, type RefCarFacts, type ReferencedFiles } from '../src/index.ts'

export const MIB: number = 1 << 20
/** Blake2b in plain JavaScript is slow; tests use small trees, and this where it does not matter. */
export const hashes: ReturnType<typeof createHashes> = createHashes()

export interface MemoryFiles extends ReferencedFiles {
  readonly contents: Map<string, Uint8Array>
  /** Instead of the content. */
  readonly failures: Map<string, unknown>
  /** Paths, as they were opened. */
  readonly opened: string[]
  /** Files that are open. */
  readonly open_: Set<ByteSource>
}

export const memoryFiles = (contents: Readonly<Record<string, Uint8Array>> = {}): MemoryFiles => {
  const files: MemoryFiles = {
    contents: new Map(Object.entries(contents)),
    failures: new Map(),
    opened: [],
    open_: new Set(),
    open: async (path) => {
      files.opened.push(path)
      if (files.failures.has(path)) throw files.failures.get(path)
      const bytes = files.contents.get(path)
      if (bytes === undefined) throw new IoError('IO_NOT_FOUND', `no such file; path=${path}`)
      const source = createBytesSource(bytes)
      // read as from a disk: nothing is at hand
      const opened: ByteSource = { ...source, peek: () => undefined, close: async () => { files.open_.delete(opened); await source.close() } }
      files.open_.add(opened)
      return opened
    },
  }
  return files
}

export interface MadeCar {
  readonly bytes: Uint8Array
  readonly root: CID
  readonly facts: RefCarFacts
}

/** A tree whose files lie below `folder`. */
export const makeRefCar = async (tree: TreeEntry, folder: string, options: { profile?: Profile, pathOf?: (path: string) => string | undefined } = {}): Promise<MadeCar> => {
  const file = await createMemoryDirectory().openWritable('made.car', 'new')
  const writer = await createRefCar(file, { hashes, pathOf: options.pathOf ?? ((path) => path === '' ? folder : `${folder}/${path}`) })
  const { cid } = await buildTree(tree, writer, { hashes, profile: options.profile ?? 'unixfs-v1-2025' })
  const facts = await writer.finalize([cid])
  return { bytes: await file.read(0, file.sizeBytes), root: cid, facts }
}

export const openBytes = (bytes: Uint8Array, files: ReferencedFiles): Promise<RefCar> => openRefCar(createBytesSource(bytes), { files, hashes })

export const allOf = async (car: RefCar): Promise<Map<string, Uint8Array>> => {
  const blocks = new Map<string, Uint8Array>()
  for await (const { cid, bytes } of car.blockstore.getAll()) for await (const chunk of bytes) blocks.set(cid.toString(), chunk)
  return blocks
}
