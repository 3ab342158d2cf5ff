/** Files and directories to UnixFS blocks. */
import { type ByteProgress, type CallOptions, type TreeDirectory, type TreeEntry, type TreeFile, type TreeLink, type WritableFile, withdrawable } from '@dagstore/io'
import type { Hashes } from '@dagstore/hashes'
import { encode } from '@ipld/dag-pb'
import { type BlockSink, type BlockWriter, type BuiltNode, createBlockWriter, DAG_PB } from './block-writer.ts'
import { DirectoryBuilder, type Overflow } from './directory.ts'
import { Scratch } from './entry-runs.ts'
import { badName, pathOf, UnixfsError } from './errors.ts'
import { writeFile, writeSmallFile } from './file.ts'
import { DEFAULT_PROFILE, type Profile, rulesOf } from './profile.ts'
import { encodeUnixfs } from './unixfs-data.ts'

export interface BuildFileOptions extends CallOptions {
  /** Must know the hash function of the profile (Lotus's is blake2b-256) and the identity. */
  readonly hashes: Hashes
  /** @default 'lotus-2021' */
  readonly profile?: Profile | undefined
  /** Whether blocks with identity CIDs are given to the sink too, although their CID holds them. @default 'put' */
  readonly identity?: 'put' | 'skip' | undefined
  /** File bytes whose leaves were put; after each leaf. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface BuildTreeOptions extends BuildFileOptions {
  /** What becomes of symbolic links: an error, nothing, or a UnixFS symlink node. @default 'refuse' */
  readonly links?: 'refuse' | 'skip' | 'keep' | undefined
  /**
   * An empty file for this tree alone, for the entries of directories that are larger than memory: opened when it is needed
   * first, at most once, and not synced. Whoever opened it closes and removes it when the tree is built or has failed. The
   * blocks are the same with it and without. @default none, entries are held in memory, whatever their number
   */
  readonly scratch?: (() => Promise<WritableFile>) | undefined
  /**
   * Bytes of entries that a sharded directory holds before they go to `scratch`, without which it is refused; while they are
   * sorted, a fifth more is needed. @default 8 MiB
   */
  readonly memoryBytes?: number | undefined
}

/**
 * Write one file. Blocks reach `sink` one after another, leaves before the nodes that link to them; memory does not depend
 * on the file's length.
 *
 * @throws what `content` and `sink` throw
 * @throws {HashError} `HASH_UNKNOWN`: `hashes` lacks the profile's hash function
 * @throws {TypeError} no such profile
 */
export const buildFile = async (content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, sink: BlockSink, options: BuildFileOptions): Promise<BuiltNode> => {
  const walk = startWalk(sink, options, undefined)
  return writeFile(walk.writer, content, '', { signal: options.signal }, walk.onBytes)
}

/**
 * Write a file or a directory with all that is in it, in the order of its entries. Memory: of each directory from
 * the root to the entry at hand, names, CIDs and sizes of the entries before, as bytes; with `scratch` at most `memoryBytes`
 * of them, or what the profile lets a directory have in one node. Two entries of one name may be found when part of the
 * nodes of their directory were put.
 *
 * @throws {UnixfsError} `UNIXFS_LINK`: a symbolic link, and `links` is `refuse`, or the tree is a link that is skipped; or
 *   its target is no well-formed text.
 *   `UNIXFS_BAD_NAME`: empty, `.`, `..`, with `/` or NUL, not well-formed text, or twice in one directory. `UNIXFS_DIRECTORY_TOO_LARGE`.
 * @throws what the entries, `sink` and the scratch file throw
 * @throws {HashError} `HASH_UNKNOWN`: `hashes` lacks the profile's hash function
 * @throws {TypeError} no such profile; `memoryBytes` without `scratch`
 * @throws {RangeError} `memoryBytes`
 */
export const buildTree = async (entry: TreeEntry, sink: BlockSink, options: BuildTreeOptions): Promise<BuiltNode> => {
  const walk = startWalk(sink, options, entry.kind === 'file' ? entry.sizeBytes : undefined)
  const built = await writeEntry(walk, entry, '')
  if (built === undefined) throw new UnixfsError('UNIXFS_LINK', 'nothing but a symbolic link, which is to be skipped', { path: '' })
  return built
}

const textEncoder = new TextEncoder()

/** Half a surrogate pair, which would be written as another character. */
const HALF_PAIR = /\p{Surrogate}/u
/** Empty, `.`, `..`, with `/` or NUL, or no well-formed text. */
const NO_NAME = /^\.{0,2}$|[/\0]|\p{Surrogate}/u

interface Walk {
  readonly writer: BlockWriter
  readonly signal: AbortSignal | undefined
  /** The sink keeps no bytes. */
  readonly isBorrowed: boolean
  readonly links: 'refuse' | 'skip' | 'keep'
  readonly onBytes: (bytes: number) => void
  readonly overflow: Overflow | undefined
}

const MEMORY_BYTES = 1 << 23

const startWalk = (sink: BlockSink, options: BuildTreeOptions, totalBytes: number | undefined): Walk => {
  const { hashes, profile = DEFAULT_PROFILE, identity = 'put', links = 'refuse', signal, onProgress, scratch, memoryBytes = MEMORY_BYTES } = options
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < 0) throw new RangeError(`memoryBytes; want=safe integer from 0 got=${memoryBytes}`)
  if (scratch === undefined && options.memoryBytes !== undefined) throw new TypeError('memoryBytes goes with a scratch file')
  let doneBytes = 0
  return {
    writer: createBlockWriter(rulesOf(profile), sink, hashes, { identity, signal }),
    signal,
    isBorrowed: sink.keepsBytes === false,
    links,
    onBytes: (bytes) => {
      doneBytes += bytes
      onProgress?.({ doneBytes, totalBytes })
    },
    overflow: scratch && { scratch: new Scratch(scratch), memoryBytes },
  }
}

/** `undefined`: skipped. */
const writeEntry = async (walk: Walk, entry: TreeEntry, path: string): Promise<BuiltNode | undefined> => {
  walk.signal?.throwIfAborted()
  switch (entry.kind) {
    case 'file': return writeTreeFile(walk, entry, path)
    case 'directory': return writeEntries(walk, entry, path)
    case 'link': return writeLink(walk, entry, path)
  }
}

const writeTreeFile = async ({ writer, signal, isBorrowed, onBytes }: Walk, file: TreeFile, path: string): Promise<BuiltNode> => {
  if (file.sizeBytes <= writer.rules.chunkBytes) {
    const given = file.readAll?.({ signal })
    const bytes = given instanceof Promise ? await withdrawable(given, signal) : given
    if (bytes !== undefined && bytes.byteLength <= writer.rules.chunkBytes) return writeSmallFile(writer, bytes, path, signal, onBytes)
  }
  return writeFile(writer, file.read({ signal, isBorrowed }), path, { signal, owned: true }, onBytes)
}

const writeEntries = async (walk: Walk, directory: TreeDirectory, path: string): Promise<BuiltNode> => {
  const { writer, signal, overflow } = walk
  const builder = new DirectoryBuilder(writer, path, overflow)
  let [fileBytes, blocks] = [0, 0]
  for await (const entry of directory.entries({ signal })) {
    const { name } = entry
    if (NO_NAME.test(name)) throw badName(path, name, 'not a name of an entry')
    const node = await writeEntry(walk, entry, pathOf(path, name))
    if (node === undefined) continue
    const room = builder.add(name, node, { signal })
    if (room !== undefined) await room
    fileBytes += node.fileBytes
    blocks += node.blocks
  }
  signal?.throwIfAborted()
  const nodes = await builder.finish({ signal })
  return { ...nodes, fileBytes, blocks: blocks + nodes.blocks }
}

const writeLink = async (walk: Walk, link: TreeLink, path: string): Promise<BuiltNode | undefined> => {
  if (walk.links === 'skip') return undefined
  if (walk.links === 'refuse') throw new UnixfsError('UNIXFS_LINK', `symbolic link; path=${JSON.stringify(path)}`, { path })
  if (HALF_PAIR.test(link.target)) throw new UnixfsError('UNIXFS_LINK', `target is no well-formed text; path=${JSON.stringify(path)}`, { path })
  const bytes = encode({ Data: encodeUnixfs({ type: 'symlink', data: textEncoder.encode(link.target) }), Links: [] })
  return { ...await walk.writer.write(DAG_PB, bytes), fileBytes: 0, dagBytes: bytes.byteLength }
}
