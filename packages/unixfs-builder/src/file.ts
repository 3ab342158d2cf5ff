/**
 * A file as a balanced tree: leaves of equal length, each inner node with as many links as the profile allows before the
 * next one begins, every leaf equally far from the root. A file of one chunk is its leaf.
 *
 * Source: boxo ipld/unixfs/importer/balanced/builder.go `Layout`.
 */
import { encode } from '@ipld/dag-pb'
import { type BlockWriter, type BuiltNode, DAG_PB, type LeafPlace, RAW } from './block-writer.ts'
import { rechunk, type RechunkOptions } from './chunks.ts'
import { encodeUnixfs } from './unixfs-data.ts'

/**
 * Write the blocks of a file, leaves first, as its content arrives. Memory: one chunk, and for each level of the tree the
 * links of one node.
 *
 * @param path - of the file in the tree, for the places of its leaves
 * @param options.owned - whether `content` gives its parts away
 * @param onBytes - called with the length of each chunk after its leaf was put
 */
export const writeFile = async (writer: BlockWriter, content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, path: string, options: RechunkOptions, onBytes: (bytes: number) => void): Promise<BuiltNode> => {
  const levels = new Levels(writer)
  let offset = 0
  for await (const chunk of rechunk(content, writer.rules.chunkBytes, options)) {
    await levels.add(await writeLeaf(writer, chunk, { path, offset }))
    offset += chunk.byteLength
    onBytes(chunk.byteLength)
  }
  options.signal?.throwIfAborted()
  return await levels.finish() ?? await writeLeaf(writer, new Uint8Array(0), { path, offset })
}

/** As {@link writeFile}, of at most one chunk, which is given away. */
export const writeSmallFile = async (writer: BlockWriter, chunk: Uint8Array, path: string, signal: AbortSignal | undefined, onBytes: (bytes: number) => void): Promise<BuiltNode> => {
  const leaf = await writeLeaf(writer, chunk, { path, offset: 0 })
  if (chunk.byteLength > 0) onBytes(chunk.byteLength)
  signal?.throwIfAborted()
  return leaf
}

const writeLeaf = async (writer: BlockWriter, chunk: Uint8Array, place: LeafPlace): Promise<BuiltNode> => {
  const fileBytes = chunk.byteLength
  if (writer.rules.rawLeaves) return { ...await writer.write(RAW, chunk, place), fileBytes, dagBytes: fileBytes }
  const bytes = encode({ Data: encodeUnixfs({ type: 'file', ...(chunk.byteLength > 0 && { data: chunk }), fileBytes }), Links: [] })
  return { ...await writer.write(DAG_PB, bytes), fileBytes, dagBytes: bytes.byteLength }
}

const writeInner = async (writer: BlockWriter, children: readonly BuiltNode[]): Promise<BuiltNode> => {
  const fileBytes = sumOf(children, 'fileBytes')
  const data = encodeUnixfs({ type: 'file', fileBytes, blockSizes: children.map((child) => child.fileBytes) })
  const links = children.map(({ cid, dagBytes }) => ({ Hash: cid, Name: '', Tsize: dagBytes }))
  const bytes = encode({ Data: data, Links: links })
  const { cid, blocks } = await writer.write(DAG_PB, bytes)
  return {
    cid,
    fileBytes,
    dagBytes: sumOf(children, 'dagBytes') + bytes.byteLength,
    blocks: sumOf(children, 'blocks') + blocks,
  }
}

const sumOf = (nodes: readonly BuiltNode[], what: 'fileBytes' | 'dagBytes' | 'blocks'): number => nodes.reduce((sum, node) => sum + node[what], 0)

/** The unfinished node of each level, leaves' parents first. */
class Levels {
  readonly #writer: BlockWriter
  readonly #levels: BuiltNode[][] = []

  constructor (writer: BlockWriter) {
    this.#writer = writer
  }

  /** A full node is written when its successor begins, so that the last one of a level may still be the root. */
  async add (node: BuiltNode, level = 0): Promise<void> {
    const links = this.#levels[level] ??= []
    if (links.length === this.#writer.rules.maxLinks) {
      await this.add(await writeInner(this.#writer, links), level + 1)
      links.length = 0
    }
    links.push(node)
  }

  /** `undefined`: nothing was added. */
  async finish (): Promise<BuiltNode | undefined> {
    for (let level = 0; level < this.#levels.length; level++) {
      const links = this.#levels[level]!
      const isTop = level === this.#levels.length - 1
      if (isTop && links.length === 1) return links[0]
      const node = await writeInner(this.#writer, links)
      if (isTop) return node
      await this.add(node, level + 1)
    }
    return undefined
  }
}
