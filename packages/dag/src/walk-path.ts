/** The blocks that a trustless gateway answers a path with. */
import { type AnyCid, type BlockMemory, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { EntityBytes } from './file-range.ts'
import { type DagPath, followPath, segmentsOf } from './path.ts'
import { ALL, ONLY, type Task } from './tasks.ts'
import { Traversal } from './traversal.ts'
import type { BlockGetter, DagBlock, WalkOptions } from './walk-options.ts'

/**
 * `block`: the block at the end of the path. `entity`: of a file all its blocks, of a directory those that list it, of
 * anything else the one block. `all`: everything below.
 */
export type DagScope = 'block' | 'entity' | 'all'

export interface WalkPathOptions extends WalkOptions {
  /** From the root. @default the root itself */
  readonly path?: DagPath
  /** @default 'all'; 'entity' with `entityBytes` */
  readonly scope?: DagScope
  /** Of a file only the blocks that hold these bytes; of anything else it counts for nothing. Needs scope 'entity'. @default all */
  readonly entityBytes?: EntityBytes | undefined
  /**
   * What becomes of `entityBytes` that lie wholly outside of a file that has a byte. `throw`: `DAG_OUTSIDE`, before the file's
   * first block is yielded.
   *
   * @default 'first-block'
   */
  readonly outside?: 'first-block' | 'throw'
  /** Called when the path has been followed and the block in which it ends has been read, before that is yielded. */
  readonly onEnd?: ((cid: CID) => void) | undefined
  /** As in {@link WalkOptions}, but a gateway never sends identity CIDs. @default 'skip' */
  readonly identity?: 'yield' | 'skip'
}

/**
 * The blocks on the way along `path`, then those that `scope` says, in depth-first order, each CID once unless `duplicates`.
 *
 * A range beyond the end of a file is cut to it; an empty one, or one that starts behind the end, needs the file's first block
 * only. Of a missing block on the way `missing: 'report'` and `'stop'` are the same: the walk ends.
 *
 * Source: trustless gateway specification, "dag-scope", "entity-bytes" and "CAR dups"; boxo `gateway.BlocksBackend.GetCAR`.
 * As the specification and unlike boxo: a range that ends before it starts is no error, data in the inner nodes of a file
 * counts, and a block in which the path ends is yielded once with `duplicates` too.
 *
 * @throws {DagError} what `resolvePath` and {@link walkDag} throw, after the blocks before it; `DAG_OUTSIDE`
 * @throws {MissingBlockError} the store has not got a block; its other errors pass through
 * @throws {RangeError} a limit below its least value, `entityBytes` that are not integers
 * @throws {TypeError} `entityBytes` with another scope than 'entity'
 */
export async function * walkPath (store: BlockGetter, root: AnyCid, options: WalkPathOptions = {}): AsyncGenerator<DagBlock, void, undefined> {
  const walk = startWalk(store, root, options, false)
  const { traversal } = walk
  try {
    if (!(yield * walk.way())) return
    for (let block = await traversal.next(); block !== undefined; block = await traversal.next()) yield block
  } finally {
    await traversal.close()
  }
}

export interface WalkBatchesOptions extends WalkPathOptions {
  /**
   * Long blocks without links may come in memory from here, each in one piece of its own, which neither walk nor store look at
   * any more. @default memory of its own
   */
  readonly memory?: BlockMemory | undefined
}

/**
 * As {@link walkPath}, with blocks together that are at hand at the same moment: at least one, and some hundred kilobytes at most.
 * With `lookAhead`, of a store that can read stretches, whole ones come that lie in the order of the walk. Then blocks are views
 * of memory that they share, and that lives as long as one of them.
 *
 * @throws as {@link walkPath}, after the blocks before it
 */
export async function * walkPathInBatches (store: BlockGetter, root: AnyCid, options: WalkBatchesOptions = {}): AsyncGenerator<readonly DagBlock[], void, undefined> {
  const walk = startWalk(store, root, options, true)
  const { traversal } = walk
  try {
    const way = walk.way()
    let step = await way.next()
    for (; step.done !== true; step = await way.next()) yield [step.value]
    if (!step.value) return
    for (let batch = await traversal.nextBatch(); batch.length > 0; batch = await traversal.nextBatch()) yield batch
  } finally {
    await traversal.close()
  }
}

interface PathWalk {
  readonly traversal: Traversal
  /** The blocks on the way, and the one at the end of it. @returns whether there may be blocks below it, which the traversal has next */
  way(): AsyncGenerator<DagBlock, boolean, undefined>
}

const startWalk = (store: BlockGetter, root: AnyCid, options: WalkBatchesOptions, shared: boolean): PathWalk => {
  const { path = [], maxLinks = Infinity, identity = 'skip' } = options
  const cid = toCid(root)
  const task = taskOf(options)
  const traversal = new Traversal(store, { ...options, identity }, shared)
  return {
    traversal,
    way: async function * () {
      const end = yield * followPath(traversal, cid, segmentsOf(path, cid), maxLinks)
      if (end === undefined) return false
      if (end.bytes !== undefined) {
        options.onEnd?.(end.cid)
        if (task === ALL) traversal.startBelow(end, end.bytes, task)
        return true
      }
      const bytes = await traversal.read(end, true)
      if (bytes === undefined) return false
      traversal.startBelow(end, bytes, task)
      options.onEnd?.(end.cid)
      const block = traversal.yielded(end, bytes)
      if (block !== undefined) yield block
      return true
    },
  }
}

const taskOf = ({ scope, entityBytes, outside }: WalkPathOptions): Task => {
  if (entityBytes !== undefined && scope !== undefined && scope !== 'entity') throw new TypeError(`entityBytes with another scope; scope=${scope}`)
  if (scope === 'block') return ONLY
  if (scope !== 'entity' && entityBytes === undefined) return ALL
  return { kind: 'entity', range: checkRange(entityBytes ?? { from: 0 }), mustBeFile: false, mustMeet: outside === 'throw' }
}

/** @throws {RangeError} not integers */
export const checkRange = (range: EntityBytes): EntityBytes => {
  if (!Number.isSafeInteger(range.from) || !Number.isSafeInteger(range.to ?? 0)) throw new RangeError(`entityBytes; from=${range.from} to=${range.to ?? '*'}`)
  return range
}
