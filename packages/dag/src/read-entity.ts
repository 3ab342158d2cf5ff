/** The content of a UnixFS file. */
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import type { EntityBytes } from './file-range.ts'
import { Traversal } from './traversal.ts'
import type { BlockGetter, LookAheadOptions, ReadOptions } from './walk-options.ts'
import { checkRange } from './walk-path.ts'

export interface ReadEntityOptions extends ReadOptions, LookAheadOptions, Partial<EntityBytes> {
  /** The first byte; negative: counted from the end. @default 0 */
  readonly from?: number
  /** The last byte, included; negative: counted from the end, behind it: cut to it. @default the last */
  readonly to?: number | undefined
  /** As in {@link LookAheadOptions}, but not 0 when left out. @default 4 */
  readonly lookAhead?: number
}

const LOOK_AHEAD = 4

/**
 * The bytes of a file, or a range of them, verified, in chunks of one block each; none of them empty. Only blocks that hold
 * some of them are read, of a whole file all. A raw block is a file, whether the store has it or the CID itself. Holds at most one block at a time
 * and `lookAheadBytes`; a consumer that stops leaves nothing behind.
 *
 * @throws {DagError} `DAG_NOT_FILE`: a directory, a symlink or no UnixFS. `DAG_BAD_UNIXFS`: sizes in the file do not fit one
 *   another, after the bytes before that place. Else as `walkDag`
 * @throws {MissingBlockError} the store has not got a block; its other errors pass through
 * @throws {RangeError} a limit below its least value, `from` or `to` that are not integers
 */
export async function * readEntity (store: BlockGetter, cid: AnyCid, options: ReadEntityOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const { from = 0, to, lookAhead = LOOK_AHEAD, ...rest } = options
  const range = checkRange({ from, to })
  const traversal = new Traversal(store, { ...rest, lookAhead, duplicates: true, identity: 'yield', missing: 'throw' })
  try {
    traversal.start({ cid: toCid(cid), depth: 0, parent: undefined }, { kind: 'entity', range, mustBeFile: true, mustMeet: false })
    while (await traversal.next() !== undefined) {
      if (traversal.content.byteLength > 0) yield traversal.content
    }
  } finally {
    await traversal.close()
  }
}
