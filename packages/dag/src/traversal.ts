/** The walk itself: a stack of links still to be followed, and the rules by which blocks are read, counted and told apart. */
import { IDENTITY } from '@dagstore/hashes'
import type { CID } from 'multiformats/cid'
import { DagError, MissingBlockError } from './errors.ts'
import { type Frame, taskAt } from './look-ahead.ts'
import { MetCids } from './met-cids.ts'
import { Supply, type SupplyOptions } from './supply.ts'
import { expand, type Expansion, type ExpandRules, type Task } from './tasks.ts'
import { type BlockGetter, checkOptions, type DagBlock, type WalkOptions } from './walk-options.ts'

/** Where a block is met. */
export interface Place {
  readonly cid: CID
  readonly depth: number
  /** `undefined` for the root. */
  readonly parent: CID | undefined
  /** As `DagError.where`. */
  readonly where?: string | undefined
}

interface PlacedFrame extends Frame {
  readonly depth: number
  readonly parent: CID | undefined
}

/** A link that the walk has come to. */
interface Visit {
  readonly cid: CID
  readonly task: Task
  readonly met: 'first' | 'in part'
  readonly depth: number
  readonly parent: CID | undefined
}

type Limits = Required<Pick<WalkOptions, 'maxBlocks' | 'maxBytes' | 'maxDepth' | 'maxOpenLinks'>>

const EMPTY = new Uint8Array(0)
/** The next block is not at hand. */
const WAITING = Symbol('a block to wait for')
/** Blocks, and bytes of blocks, that are taken together at most: so long nobody else has a turn. */
const BATCH_BLOCKS = 128
const BATCH_BYTES = 1 << 18

export class Traversal {
  readonly #options: WalkOptions
  readonly #limits: Limits
  readonly #met: MetCids
  readonly #frames: PlacedFrame[] = []
  readonly #supply: Supply
  /** What has to be waited for before the walk goes on. */
  #awaited: Visit | undefined
  /** What was thrown behind blocks that came before it. */
  #failure: { readonly error: unknown } | undefined
  readonly #rules: ExpandRules
  #doneBlocks = 0
  #doneBytes = 0
  #ended = false
  /** Of all frames: not followed yet. */
  #openLinks = 0
  /** Of the block that came last: the part of a file that stands in it. */
  content: Uint8Array = EMPTY

  /**
   * @param shared - whether blocks may be views of memory that others are in too
   * @throws {RangeError} a limit below its least value
   */
  constructor (store: BlockGetter, options: WalkOptions & Pick<SupplyOptions, 'memory'>, shared: boolean = false) {
    checkOptions(options)
    const { maxLinks = Infinity } = options
    const asLeaf = options.unknownCodec === 'leaf'
    this.#options = options
    this.#limits = { maxBlocks: Infinity, maxBytes: Infinity, maxDepth: Infinity, maxOpenLinks: Infinity, ...options }
    this.#met = new MetCids(options)
    this.#rules = { maxLinks, onUnknownCodec: asLeaf ? (cid) => options.onUnknownCodec?.(cid) : undefined }
    // for blocks that nobody has asked for yet
    const quietRules: ExpandRules = { maxLinks, onUnknownCodec: asLeaf ? () => {} : undefined }
    this.#supply = new Supply(store, { ...options, shared }, {
      expand: (cid, bytes, task) => expand(cid, bytes, task, quietRules),
      isKnown: (cid) => this.#met.has(cid),
    })
  }

  /** Go on at a block. */
  start ({ cid, depth, parent }: Place, task: Task): void {
    this.#openLinks++
    this.#frames.push({ links: [cid], tasks: task, next: 0, depth, parent })
  }

  /** Go on below a block that was read already. */
  startBelow ({ cid, depth }: Place, bytes: Uint8Array, task: Task): void {
    this.#push(cid, depth, expand(cid, bytes, task, this.#rules))
  }

  /** The next block; `undefined` at the end. */
  async next (): Promise<DagBlock | undefined> {
    for (;;) {
      const block = this.#advance()
      if (block !== WAITING) return block
      const visit = this.#awaited!
      this.#awaited = undefined
      let bytes: Uint8Array | undefined
      try {
        bytes = await this.#supply.ask(visit.cid, this.#frames)
      } catch (error) {
        bytes = this.#failed(visit, error)
      }
      if (bytes === undefined) continue
      this.#options.signal?.throwIfAborted()
      const met = this.#enter(visit, bytes)
      if (met !== undefined) return met
    }
  }

  /** The next block, and those behind it that are at hand without waiting; none at the end. */
  async nextBatch (): Promise<readonly DagBlock[]> {
    if (this.#failure !== undefined) throw this.#failure.error
    const first = await this.next()
    if (first === undefined) return []
    const batch = [first]
    let bytes = first.bytes.byteLength
    try {
      while (batch.length < BATCH_BLOCKS && bytes < BATCH_BYTES) {
        const block = this.#advance()
        if (block === undefined || block === WAITING) break
        batch.push(block)
        bytes += block.bytes.byteLength
      }
    } catch (error) {
      // told when those before it are taken
      this.#failure = { error }
    }
    return batch
  }

  /** Goes on as far as blocks are at hand. */
  #advance (): DagBlock | typeof WAITING | undefined {
    if (this.#awaited !== undefined) return WAITING
    for (let frame = this.#frames.at(-1); frame !== undefined && !this.#ended; frame = this.#frames.at(-1)) {
      const n = frame.next++
      this.#openLinks--
      const cid = frame.links[n]!
      // a frame without links left is gone before its last one is followed, so that a chain of any length needs one frame
      if (frame.next === frame.links.length) this.#frames.pop()
      const task = taskAt(frame, n)
      const met = this.#met.meet(cid, task)
      if (met === 'before') continue
      this.#check(cid, frame.depth, undefined)
      const visit: Visit = { cid, task, met, depth: frame.depth, parent: frame.parent }
      const bytes = this.#supply.atHand(cid)
      if (bytes === undefined) {
        this.#awaited = visit
        return WAITING
      }
      const block = this.#enter(visit, bytes)
      if (block !== undefined) return block
    }
    return undefined
  }

  /** Goes on below the block; `undefined`: it is not to be yielded. */
  #enter ({ cid, task, met, depth }: Visit, bytes: Uint8Array): DagBlock | undefined {
    const expansion = expand(cid, bytes, task, this.#rules)
    this.#push(cid, depth, expansion)
    if (met === 'in part') return undefined
    const block = this.#count(cid, bytes, depth)
    this.content = expansion.content ?? EMPTY
    return block
  }

  /** A block met outside of {@link next}; `undefined` if it is not to be yielded. */
  yielded ({ cid, depth }: Place, bytes: Uint8Array): DagBlock | undefined {
    return this.#met.remember(cid) ? this.#count(cid, bytes, depth) : undefined
  }

  /**
   * The bytes of a block, verified; `undefined`: missing and told so.
   *
   * @param isStart - whether the walk goes on below it; others on the way there are read alone, since they may be kept for long
   */
  async read (place: Place, isStart: boolean = false): Promise<Uint8Array | undefined> {
    this.#check(place.cid, place.depth, place.where)
    try {
      const bytes = this.#supply.atHand(place.cid) ?? await (isStart ? this.#supply.ask(place.cid, this.#frames) : this.#supply.alone(place.cid))
      this.#options.signal?.throwIfAborted()
      return bytes
    } catch (error) {
      return this.#failed(place, error)
    }
  }

  #check (cid: CID, depth: number, where: string | undefined): void {
    this.#options.signal?.throwIfAborted()
    if (depth > this.#limits.maxDepth) throw new DagError('DAG_TOO_DEEP', `block is too deep; max=${this.#limits.maxDepth}`, cid, { where })
  }

  #failed ({ cid, depth, parent, where }: Place, error: unknown): undefined {
    const { missing = 'throw', onMissing, signal } = this.#options
    signal?.throwIfAborted()
    if (!isNotFound(error)) throw error
    if (missing === 'throw') throw new MissingBlockError(cid, { cause: error, unindexedShards: unindexedShardsOf(error), parent, depth, where })
    this.#ended = missing === 'stop'
    onMissing?.(cid, depth, parent)
  }

  /** Nothing is under way after it. */
  async close (): Promise<void> {
    await this.#supply.close()
  }

  #push (cid: CID, depth: number, { links, tasks }: Expansion): void {
    if (links.length === 0) return
    this.#openLinks += links.length
    if (this.#openLinks > this.#limits.maxOpenLinks) throw new DagError('DAG_TOO_MANY_LINKS', `more links to follow than allowed; max=${this.#limits.maxOpenLinks}`, cid)
    this.#frames.push({ links, tasks, next: 0, depth: depth + 1, parent: cid })
  }

  #count (cid: CID, bytes: Uint8Array, depth: number): DagBlock | undefined {
    const { maxBlocks, maxBytes } = this.#limits
    const { identity, onProgress } = this.#options
    if (identity === 'skip' && cid.multihash.code === IDENTITY) return undefined
    if (this.#doneBlocks === maxBlocks) throw new DagError('DAG_TOO_MANY_BLOCKS', `more blocks than allowed; max=${maxBlocks}`, cid)
    if (this.#doneBytes + bytes.byteLength > maxBytes) throw new DagError('DAG_TOO_MANY_BYTES', `more bytes than allowed; max=${maxBytes}`, cid)
    this.#doneBlocks++
    this.#doneBytes += bytes.byteLength
    onProgress?.({ doneBlocks: this.#doneBlocks, doneBytes: this.#doneBytes })
    return { cid, bytes, depth }
  }
}

/** By name, as js-stores and Helia tell it: the store may be a foreign one. */
const isNotFound = (error: unknown): error is Error => error instanceof Error && error.name === 'NotFoundError'

const unindexedShardsOf = (error: Error): number => ('unindexedShards' in error && typeof error.unindexedShards === 'number' ? error.unindexedShards : 0)
