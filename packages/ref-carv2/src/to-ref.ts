/** A DAG of files as a CAR of references into the files that it was made from. */
import { createHashes, type Hashes, IDENTITY } from '@dagstore/hashes'
import type { ByteProgress, CallOptions, WritableFile } from '@dagstore/io'
import { type AnyCid, readBlock, type ReadBlockstore, toCid, verifyBlock } from '@dagstore/read-blockstore'
import { decode, type PBLink } from '@ipld/dag-pb'
import type { CID } from 'multiformats/cid'
import { RefCarError } from './errors.ts'
import { textOf } from './listing.ts'
import { createRefCar, type RefCarFacts, type RefCarWriter } from './ref-car-writer.ts'
import { callOptions } from './ref-lookup.ts'
import { createLeafFiles, failure, type LeafFiles, type ReferencedFiles } from './referenced-files.ts'
import { unixfsFactsOf } from './unixfs-facts.ts'

export interface ToRefOptions extends CallOptions {
  readonly files: ReferencedFiles
  /** Of the file or folder that the root is, absolute, `/` between parts. */
  readonly path: string
  /** @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** Bytes of leaves that were found in their files. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

const RAW = 0x55
const DAG_PB = 0x70

/**
 * Each raw leaf is compared with the bytes of its file at its place, and becomes a reference to them, in an empty file that
 * stays open. Repeated subtrees are references to where they stand first. Memory: some 150 bytes for each block.
 *
 * @throws {RefCarError} `REF_CAR_UNPLACED`: bytes that are no raw leaf of a UnixFS file, as in profiles without raw leaves.
 *   `REF_CAR_FILE_CHANGED`: the file has other bytes there; `REF_CAR_FILE_GONE`, `_UNREADABLE`, `REF_CAR_FORBIDDEN`
 * @throws {BlockNotFoundError} `store` lacks a block; its other errors pass through
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_EMPTY`
 */
export const toRef = async (store: Pick<ReadBlockstore, 'get'>, root: AnyCid, file: WritableFile, options: ToRefOptions): Promise<RefCarFacts> => {
  const { path, hashes = createHashes(), signal, onProgress } = options
  const own = toCid(root)
  const writer = await createRefCar(file, { hashes, pathOf: (of) => of })
  const files = createLeafFiles(options.files)
  try {
    await new Placing(store, writer, files, hashes, signal, onProgress).place(own, path, 0)
    return await writer.finalize([own], { signal })
  } catch (error) {
    await writer.discard()
    throw error
  } finally {
    await files.close()
  }
}

class Placing {
  readonly #store: Pick<ReadBlockstore, 'get'>
  readonly #writer: RefCarWriter
  readonly #files: LeafFiles
  readonly #hashes: Hashes
  readonly #signal: AbortSignal | undefined
  readonly #onProgress: ((progress: ByteProgress) => void) | undefined
  /** Bytes of file under what has been placed, by CID. */
  readonly #placed = new Map<string, number>()
  #doneBytes = 0

  constructor (store: Pick<ReadBlockstore, 'get'>, writer: RefCarWriter, files: LeafFiles, hashes: Hashes, signal: AbortSignal | undefined, onProgress: ((progress: ByteProgress) => void) | undefined) {
    this.#store = store
    this.#writer = writer
    this.#files = files
    this.#hashes = hashes
    this.#signal = signal
    this.#onProgress = onProgress
  }

  /** Children before their parent. @param offset - in the file at `path` @returns bytes of a file, 0 of anything else */
  async place (cid: CID, path: string, offset: number): Promise<number> {
    this.#signal?.throwIfAborted()
    const text = textOf(cid.bytes)
    const before = this.#placed.get(text)
    if (before !== undefined) return before
    const bytes = await this.#block(cid)
    const fileBytes = cid.code === RAW ? await this.#leaf(cid, bytes, path, offset) : await this.#node(cid, bytes, path, offset)
    this.#placed.set(text, fileBytes)
    return fileBytes
  }

  async #block (cid: CID): Promise<Uint8Array> {
    if (cid.multihash.code === IDENTITY) return cid.multihash.digest
    const bytes = await readBlock(this.#store, cid, callOptions(this.#signal))
    verifyBlock(this.#hashes, cid, bytes)
    return bytes
  }

  async #leaf (cid: CID, bytes: Uint8Array, path: string, offset: number): Promise<number> {
    const { byteLength } = bytes
    const reference = { path, offset, size: byteLength }
    // an empty file is there all the same, but its leaf says nothing of it
    if (byteLength > 0 && cid.multihash.code !== IDENTITY && !equal(bytes, await this.#files.read(cid, reference, { signal: this.#signal }))) throw failure('REF_CAR_FILE_CHANGED', cid, reference)
    await this.#writer.put(cid, bytes, { path, offset })
    this.#doneBytes += byteLength
    this.#onProgress?.({ doneBytes: this.#doneBytes, totalBytes: undefined })
    return byteLength
  }

  async #node (cid: CID, bytes: Uint8Array, path: string, offset: number): Promise<number> {
    const { links, kind } = nodeOf(cid, bytes)
    let fileBytes = 0
    for (const link of links) {
      const below = kind === 'directory' ? childPath(path, link.Name ?? '') : kind === 'shard' ? shardPath(path, link.Name ?? '') : path
      const length = await this.place(link.Hash as CID, below, kind === 'file' ? offset + fileBytes : 0)
      if (kind === 'file') fileBytes += length
    }
    await this.#writer.put(cid, bytes)
    return fileBytes
  }
}

const nodeOf = (cid: CID, bytes: Uint8Array): { readonly links: readonly PBLink[], readonly kind: 'file' | 'directory' | 'shard' | 'link' } => {
  const unplaced = (why: string, cause?: unknown): RefCarError => new RefCarError('REF_CAR_UNPLACED', `${why}; cid=${cid.toString()}`, { cid, ...(cause === undefined ? {} : { cause }) })
  if (cid.code !== DAG_PB) throw unplaced(`neither a raw leaf nor UnixFS; codec=0x${cid.code.toString(16)}`)
  let node: ReturnType<typeof decode>
  try {
    node = decode(bytes)
  } catch (cause) {
    throw unplaced('no dag-pb node', cause)
  }
  const facts = node.Data === undefined ? undefined : unixfsFactsOf(node.Data)
  if (facts === undefined) throw unplaced('a dag-pb node that is not UnixFS')
  switch (facts.type) {
    case 1: return { links: node.Links, kind: 'directory' }
    case 4: return { links: [], kind: 'link' }
    case 5: return { links: node.Links, kind: 'shard' }
    case 0: case 2:
      if (facts.dataBytes > 0) throw unplaced('a node that holds bytes of its file, which no reference can stand for')
      return { links: node.Links, kind: 'file' }
    default: throw unplaced(`UnixFS of a type that is no file; type=${facts.type}`)
  }
}

const childPath = (path: string, name: string): string => `${path === '/' ? '' : path}/${name}`
/** Names in a shard have two digits in front; one that has nothing else leads to a further shard. */
const shardPath = (path: string, name: string): string => name.length === 2 ? path : childPath(path, name.slice(2))

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.byteLength === b.byteLength && a.every((byte, at) => byte === b[at])
