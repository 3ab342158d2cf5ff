/** Where a path leads. */
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { type Entity, entityOf } from './entity.ts'
import { type DagPath, followPath, segmentsOf, type Terminus } from './path.ts'
import { Traversal } from './traversal.ts'
import type { BlockGetter, DagBlock, ReadOptions } from './walk-options.ts'

export type ResolveOptions = ReadOptions

export interface ResolvedPath extends Entity {
  /** The block in which the path ends. */
  readonly cid: CID
  /** Segments that lead on inside that block, to a value without a link; else empty. */
  readonly remainder: readonly string[]
  /** All blocks on the way from the root to that block, both included, identity CIDs too. */
  readonly blocks: readonly DagBlock[]
}

/** Where a path leads, as far as that is known without the block there. */
export interface LocatedPath {
  /** The block in which the path ends. */
  readonly cid: CID
  /** As in {@link ResolvedPath}. */
  readonly remainder: readonly string[]
  /** Whether that block had to be read, since the path ends inside it. */
  readonly isRead: boolean
  /** Of the blocks that were read, from the root on. */
  readonly way: readonly CID[]
}

/**
 * As {@link resolvePath}, without reading the block in which the path ends, so that it need not be there.
 *
 * @throws as {@link resolvePath}, but for what is wrong with that block
 */
export const locatePath = async (store: BlockGetter, root: AnyCid, path: DagPath, options: ResolveOptions = {}): Promise<LocatedPath> => {
  const way: CID[] = []
  const { end } = await follow(store, toCid(root), path, options, ({ cid }) => { way.push(cid) })
  return { cid: end.cid, remainder: end.remainder, isRead: end.bytes !== undefined, way }
}

/**
 * Follow a path from a block. Segments are names in UnixFS directories (sharded ones included), names of links in other
 * dag-pb, keys and list indices in DAG-CBOR and DAG-JSON, over links from block to block. Not percent-decoded here. Symlinks
 * are not followed: one at the end is told by its kind, one on the way is `DAG_NOT_DIRECTORY`. An identity CID's content
 * is not asked of the store.
 *
 * @param path - segments, or text in which `/` separates them
 * @throws {DagError} `DAG_NO_LINK`: a directory, map or list has no such entry; `DAG_NOT_DIRECTORY`: a file, symlink or raw
 *   block on the way; both with `cid` and `where`. `DAG_BAD_PATH`, `DAG_BAD_UNIXFS`, `DAG_BAD_BLOCK`, `DAG_TOO_DEEP`,
 *   `DAG_TOO_MANY_LINKS`, `DAG_BLOCK_TOO_LARGE`, `DAG_UNKNOWN_CODEC` (on the way only), `DAG_HASH_MISMATCH`, `DAG_UNKNOWN_HASH`
 * @throws {MissingBlockError} the store has not got a block; its other errors pass through
 */
export const resolvePath = async (store: BlockGetter, root: AnyCid, path: DagPath, options: ResolveOptions = {}): Promise<ResolvedPath> => {
  const blocks: DagBlock[] = []
  const { end, traversal } = await follow(store, toCid(root), path, options, (block) => { blocks.push(block) })
  const bytes = end.bytes ?? (await traversal.read(end))!
  if (end.bytes === undefined) blocks.push({ cid: end.cid, bytes, depth: end.depth })
  return { cid: end.cid, remainder: end.remainder, blocks, ...entityOf(end.cid, bytes, options.maxLinks ?? Infinity) }
}

const follow = async (store: BlockGetter, root: CID, path: DagPath, options: ResolveOptions, met: (block: DagBlock) => void): Promise<{ readonly end: Terminus, readonly traversal: Traversal }> => {
  const segments = segmentsOf(path, root)
  const traversal = new Traversal(store, { ...options, duplicates: true, identity: 'yield', missing: 'throw', lookAhead: 0 })
  const way = followPath(traversal, root, segments, options.maxLinks ?? Infinity)
  let step = await way.next()
  for (; step.done !== true; step = await way.next()) met(step.value)
  return { end: step.value!, traversal }
}
