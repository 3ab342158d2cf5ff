/** The walk itself: a stack of links still to be followed, and the rules by which blocks are read, counted and told apart. */
import { createHashes, type Hashes, IDENTITY } from '@dagstore/hashes'
import { type BlockCallOptions, hasBytes, readBlock } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { cidKey, type CidSet, createCidSet } from './cid-set.ts'
import { DagError, MissingBlockError } from './errors.ts'
import { DAG_PB } from './links.ts'
import { type Frame, LookAhead, taskAt } from './look-ahead.ts'
import { expand, type Expansion, type ExpandRules, isWhole, type Task } from './tasks.ts'
import { type BlockGetter, checkOptions, type DagBlock, WALK_DEFAULTS, type WalkOptions } from './walk-options.ts'

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

type Limits = Required<Pick<WalkOptions, 'maxBlocks' | 'maxBytes' | 'maxCids' | 'maxDepth' | 'maxBlockBytes' | 'maxOpenLinks'>>

const EMPTY = new Uint8Array(0)

export class Traversal {
  readonly #store: BlockGetter
  readonly #options: WalkOptions
  readonly #limits: Limits
  readonly #call: BlockCallOptions
  readonly #hashes: Hashes | undefined
  readonly #met: CidSet | undefined
  /** Met, but not with all that is below them. */
  readonly #inPart = new Set<string>()
  readonly #frames: PlacedFrame[] = []
  readonly #ahead: LookAhead | undefined
  readonly #rules: ExpandRules
  /** Those for blocks that nobody has asked for yet. */
  readonly #quietRules: ExpandRules
  #doneBlocks = 0
  #doneBytes = 0
  #ended = false
  /** Of all frames: not followed yet. */
  #openLinks = 0
  /** Of the block that came last: the part of a file that stands in it. */
  content: Uint8Array = EMPTY

  /** @throws {RangeError} a limit below its least value */
  constructor (store: BlockGetter, options: WalkOptions) {
    checkOptions(options)
    const { lookAhead = WALK_DEFAULTS.lookAhead, lookAheadBytes = WALK_DEFAULTS.lookAheadBytes, maxLinks = Infinity, signal } = options
    const asLeaf = options.unknownCodec === 'leaf'
    this.#store = store
    this.#options = options
    this.#limits = { maxBlocks: Infinity, maxBytes: Infinity, maxCids: Infinity, maxDepth: Infinity, maxBlockBytes: Infinity, maxOpenLinks: Infinity, ...options }
    this.#call = { signal }
    this.#hashes = options.verify === 'never' ? undefined : options.hashes ?? createHashes()
    this.#met = options.duplicates === true ? undefined : createCidSet()
    this.#rules = { maxLinks, onUnknownCodec: asLeaf ? (cid) => options.onUnknownCodec?.(cid) : undefined }
    this.#quietRules = { maxLinks, onUnknownCodec: asLeaf ? () => {} : undefined }
    this.#ahead = lookAhead === 0 ? undefined : new LookAhead({
      fetch: (cid, aborting) => this.#fetch(cid, aborting),
      expand: (cid, bytes, task) => expand(cid, bytes, task, this.#quietRules),
      isKnown: (cid) => this.#met?.has(cid) === true,
    }, { width: lookAhead, maxBytes: lookAheadBytes, signal })
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
    for (let frame = this.#frames.at(-1); frame !== undefined && !this.#ended; frame = this.#frames.at(-1)) {
      const n = frame.next++
      this.#openLinks--
      const cid = frame.links[n]!
      // a frame without links left is gone before its last one is followed, so that a chain of any length needs one frame
      if (frame.next === frame.links.length) this.#frames.pop()
      const task = taskAt(frame, n)
      const met = this.#meet(cid, task)
      if (met === 'before') continue
      this.#check(cid, frame.depth, undefined)
      let bytes: Uint8Array | undefined
      try {
        bytes = this.#accept(cid, await this.#ask(cid))
      } catch (error) {
        bytes = this.#failed({ cid, depth: frame.depth, parent: frame.parent }, error)
      }
      if (bytes === undefined) continue
      const expansion = expand(cid, bytes, task, this.#rules)
      this.#push(cid, frame.depth, expansion)
      if (met === 'in part') continue
      const block = this.#count(cid, bytes, frame.depth)
      this.content = expansion.content ?? EMPTY
      if (block !== undefined) return block
    }
    return undefined
  }

  /** A block met outside of {@link next}; `undefined` if it is not to be yielded. */
  yielded ({ cid, depth }: Place, bytes: Uint8Array): DagBlock | undefined {
    return this.#remember(cid) ? this.#count(cid, bytes, depth) : undefined
  }

  /** The bytes of a block, verified; `undefined`: missing and told so. */
  async read (place: Place): Promise<Uint8Array | undefined> {
    this.#check(place.cid, place.depth, place.where)
    try {
      return this.#accept(place.cid, await this.#ask(place.cid))
    } catch (error) {
      return this.#failed(place, error)
    }
  }

  #check (cid: CID, depth: number, where: string | undefined): void {
    this.#call.signal?.throwIfAborted()
    if (depth > this.#limits.maxDepth) throw new DagError('DAG_TOO_DEEP', `block is too deep; max=${this.#limits.maxDepth}`, cid, { where })
  }

  #ask (cid: CID): Uint8Array | Promise<Uint8Array> {
    if (cid.multihash.code === IDENTITY) return cid.multihash.digest.slice()
    return this.#ahead === undefined ? this.#get(cid, this.#call) : this.#ahead.take(cid, this.#frames)
  }

  #get (cid: CID, call: BlockCallOptions): Promise<Uint8Array> {
    return hasBytes(this.#store) ? this.#store.bytes(cid, call) : readBlock(this.#store, cid, call)
  }

  #accept (cid: CID, bytes: Uint8Array): Uint8Array {
    this.#call.signal?.throwIfAborted()
    if (cid.multihash.code !== IDENTITY && this.#ahead === undefined) this.#verify(cid, bytes)
    return bytes
  }

  #verify (cid: CID, bytes: Uint8Array): void {
    const { code, digest } = cid.multihash
    if (bytes.byteLength > this.#limits.maxBlockBytes) throw new DagError('DAG_BLOCK_TOO_LARGE', `block is too long; max=${this.#limits.maxBlockBytes} got=${bytes.byteLength}`, cid)
    if (this.#hashes === undefined) return
    if (!this.#hashes.has(code)) throw new DagError('DAG_UNKNOWN_HASH', `no hasher for the block; hash=0x${code.toString(16)}`, cid)
    if (!this.#hashes.matches(code, digest, bytes)) throw new DagError('DAG_HASH_MISMATCH', `block does not match its hash; length=${bytes.byteLength}`, cid)
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
    await this.#ahead?.close()
  }

  /** For the look-ahead: verified when it arrives, since its links will be asked for. */
  async #fetch (cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#get(cid, { signal })
    if (!signal.aborted) this.#verify(cid, bytes)
    return bytes
  }

  #push (cid: CID, depth: number, { links, tasks }: Expansion): void {
    if (links.length === 0) return
    this.#openLinks += links.length
    if (this.#openLinks > this.#limits.maxOpenLinks) throw new DagError('DAG_TOO_MANY_LINKS', `more links to follow than allowed; max=${this.#limits.maxOpenLinks}`, cid)
    this.#frames.push({ links, tasks, next: 0, depth: depth + 1, parent: cid })
  }

  /** False when it was met before. */
  #remember (cid: CID): boolean {
    // one that is not yielded is not kept either: it may be long, and what is below it costs no more than the bytes that name it
    if (this.#met === undefined || (this.#options.identity === 'skip' && cid.multihash.code === IDENTITY)) return true
    if (!this.#met.add(cid)) return false
    if (this.#met.size > this.#limits.maxCids) throw new DagError('DAG_TOO_MANY_CIDS', `more CIDs to remember than allowed; max=${this.#limits.maxCids}`, cid)
    return true
  }

  /**
   * Parts of files make it three-valued: a node of which a part was wanted may be met again for more of it. It is not yielded
   * again, but what is below it is walked. At each level of a file there are two such nodes at most, at the ends of the range.
   */
  #meet (cid: CID, task: Task): 'first' | 'in part' | 'before' {
    const isNew = this.#remember(cid)
    if (this.#met === undefined) return 'first'
    const whole = isWhole(task) || cid.code !== DAG_PB
    if (isNew) {
      if (!whole) this.#inPart.add(cidKey(cid))
      return 'first'
    }
    if (this.#inPart.size === 0 || !this.#inPart.has(cidKey(cid))) return 'before'
    if (whole) this.#inPart.delete(cidKey(cid))
    return 'in part'
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
