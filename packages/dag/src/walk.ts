/** Walking a DAG depth first, parents before children, children in the order of their links. */
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import { ALL } from './tasks.ts'
import { Traversal } from './traversal.ts'
import type { BlockGetter, DagBlock, WalkOptions } from './walk-options.ts'

/**
 * Every block below and including `root`, depth first and parents before children (the order of a go-car selective CAR),
 * each whole CID once. Identity CIDs are decoded from themselves and never asked of the store. Memory grows with the CIDs
 * met and the links of the blocks on the current path, not with depth of recursion. Holds nothing open between blocks
 * without `lookAhead`; with it, what is under way is aborted and waited for when the consumer stops.
 *
 * @throws {DagError} `DAG_HASH_MISMATCH`, `DAG_UNKNOWN_HASH`, `DAG_BLOCK_TOO_LARGE`; `DAG_BAD_BLOCK`, `DAG_UNKNOWN_CODEC`,
 *   `DAG_TOO_MANY_LINKS`: the block is not yielded; `DAG_TOO_DEEP`, `DAG_TOO_MANY_BLOCKS`, `DAG_TOO_MANY_BYTES`,
 *   `DAG_TOO_MANY_CIDS`: more than the limits allow
 * @throws {MissingBlockError} the store has not got a block; its other errors pass through
 * @throws {RangeError} a limit below its least value
 */
export async function * walkDag (store: BlockGetter, root: AnyCid, options: WalkOptions = {}): AsyncGenerator<DagBlock, void, undefined> {
  const traversal = new Traversal(store, options)
  try {
    traversal.start({ cid: toCid(root), depth: 0, parent: undefined }, ALL)
    for (let block = await traversal.next(); block !== undefined; block = await traversal.next()) yield block
  } finally {
    await traversal.close()
  }
}
