/** Walking a DAG depth first, parents before children, children in the order of their links. */
import { createHashes, type Hashes, IDENTITY } from '@dagstore/hashes'
import { type AnyCid, readBlock, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { createCidSet } from './cid-set.ts'
import { DagError } from './errors.ts'
import { linksOf } from './links.ts'

/** What a walk needs of a store; `bytes` is used where the store has it. */
export type BlockGetter = Pick<ReadBlockstore, 'get'>

export interface DagBlock {
  readonly cid: CID
  /** The block; for an identity CID what its digest holds. Belongs to the consumer. */
  readonly bytes: Uint8Array
  /** Links between it and the root on the way by which it was met. */
  readonly depth: number
}

/** So far: blocks yielded, and the bytes of their data. Neither ever decreases. */
export interface DagProgress {
  readonly doneBlocks: number
  readonly doneBytes: number
}

export interface WalkOptions {
  /** Yield a block each time it is met, and walk below it again; such a walk may be exponentially long. @default false */
  readonly duplicates?: boolean
  /** Whether identity CIDs are yielded; their links are followed in either case. @default 'yield' */
  readonly identity?: 'yield' | 'skip'
  /** What blocks are verified with. @default createHashes() */
  readonly hashes?: Hashes
  /** `never`: for a store that has verified already. @default 'always' */
  readonly verify?: 'always' | 'never'
  /** `report`: a missing block goes to `onMissing` and the walk goes on beside it. @default 'throw' */
  readonly missing?: 'throw' | 'report'
  /** Called once per missing CID (with `duplicates`: once per link to it), in walk order. */
  readonly onMissing?: (cid: CID, depth: number) => void
  /** The most blocks to yield, at least 1. @default no limit */
  readonly maxBlocks?: number
  /** The greatest depth of a block; the root has 0. @default no limit */
  readonly maxDepth?: number
  readonly signal?: AbortSignal | undefined
  /** Called before each block is yielded. */
  readonly onProgress?: (progress: DagProgress) => void
}

interface Frame {
  readonly links: readonly CID[]
  next: number
}

/**
 * Every block below and including `root`, depth first and parents before children (the order of a go-car selective CAR),
 * each whole CID once. Identity CIDs are decoded from themselves and never asked of the store. Memory grows with the CIDs
 * met and the links of the blocks on the current path, not with depth of recursion. Holds nothing open between blocks.
 *
 * @throws {DagError} `DAG_HASH_MISMATCH`, `DAG_UNKNOWN_HASH`; `DAG_BAD_BLOCK`, `DAG_UNKNOWN_CODEC`: the block is not
 *   yielded; `DAG_TOO_DEEP`, `DAG_TOO_MANY_BLOCKS`: more than the limits allow. The store's own errors pass through, among
 *   them its not-found error for a missing block.
 * @throws {RangeError} a limit below its least value
 */
export async function * walkDag (store: BlockGetter, root: AnyCid, options: WalkOptions = {}): AsyncGenerator<DagBlock, void, undefined> {
  const { duplicates = false, identity = 'yield', missing = 'throw', onMissing, maxBlocks = Infinity, maxDepth = Infinity, signal, onProgress } = options
  if (!(maxBlocks >= 1)) throw new RangeError(`maxBlocks; want>=1 got=${maxBlocks}`)
  if (!(maxDepth >= 0)) throw new RangeError(`maxDepth; want>=0 got=${maxDepth}`)
  const hashes = options.verify === 'never' ? undefined : options.hashes ?? createHashes()
  const met = duplicates ? undefined : createCidSet()
  const path: Frame[] = [{ links: [toCid(root)], next: 0 }]
  let doneBlocks = 0
  let doneBytes = 0

  for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
    const cid = frame.links[frame.next++]
    if (cid === undefined) {
      path.pop()
      continue
    }
    signal?.throwIfAborted()
    if (met?.add(cid) === false) continue
    const depth = path.length - 1
    if (depth > maxDepth) throw new DagError('DAG_TOO_DEEP', `block is too deep; max=${maxDepth}`, cid)

    const inline = cid.multihash.code === IDENTITY
    let bytes: Uint8Array
    if (inline) {
      bytes = cid.multihash.digest.slice()
    } else {
      try {
        bytes = await readBlock(store, cid, { signal })
      } catch (error) {
        signal?.throwIfAborted()
        if (missing === 'throw' || !isNotFound(error)) throw error
        onMissing?.(cid, depth)
        continue
      }
      signal?.throwIfAborted()
      if (hashes !== undefined) verify(hashes, cid, bytes)
    }
    const links = linksOf(cid, bytes)
    if (!inline || identity === 'yield') {
      if (doneBlocks === maxBlocks) throw new DagError('DAG_TOO_MANY_BLOCKS', `more blocks than allowed; max=${maxBlocks}`, cid)
      doneBlocks++
      doneBytes += bytes.byteLength
      onProgress?.({ doneBlocks, doneBytes })
      yield { cid, bytes, depth }
    }
    if (links.length > 0) path.push({ links, next: 0 })
  }
}

const verify = (hashes: Hashes, cid: CID, bytes: Uint8Array): void => {
  const { code, digest } = cid.multihash
  if (!hashes.has(code)) throw new DagError('DAG_UNKNOWN_HASH', `no hasher for the block; hash=0x${code.toString(16)}`, cid)
  if (!hashes.matches(code, digest, bytes)) throw new DagError('DAG_HASH_MISMATCH', `block does not match its hash; length=${bytes.byteLength}`, cid)
}

/** By name, as js-stores and Helia tell it: the store may be a foreign one. */
const isNotFound = (error: unknown): boolean => error instanceof Error && error.name === 'NotFoundError'
