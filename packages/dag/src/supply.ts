/** Where the blocks of a walk come from: one after another, ahead of their turn, or by stretches; all of them verified. */
import { createHashes, type Hashes, IDENTITY } from '@dagstore/hashes'
import { type BlockBytesOptions, type BlockCallOptions, type BlockMemory, hasBytes, hasStretches, readBlock } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { DagError } from './errors.ts'
import { RAW } from './links.ts'
import { type Frame, LookAhead, type LookAheadParts } from './look-ahead.ts'
import { Stretches } from './stretches.ts'
import { type BlockGetter, type LookAheadOptions, type ReadOptions, WALK_DEFAULTS } from './walk-options.ts'

export interface SupplyOptions extends ReadOptions, LookAheadOptions {
  /** Whether blocks may be views of memory that others are in too. */
  readonly shared: boolean
  /** Long blocks without links may be read into memory from here. */
  readonly memory?: BlockMemory | undefined
}

const NO_FRAMES: readonly Frame[] = []

export class Supply {
  readonly #store: BlockGetter
  readonly #call: BlockCallOptions
  readonly #memory: BlockMemory | undefined
  readonly #hashes: Hashes | undefined
  readonly #maxBlockBytes: number
  readonly #ahead: LookAhead | undefined
  readonly #stretches: Stretches | undefined

  constructor (store: BlockGetter, options: SupplyOptions, walk: Pick<LookAheadParts, 'expand' | 'isKnown'>) {
    const { lookAhead = WALK_DEFAULTS.lookAhead, lookAheadBytes = WALK_DEFAULTS.lookAheadBytes, maxBlockBytes = Infinity, signal } = options
    this.#store = store
    this.#call = { signal }
    this.#memory = options.memory
    this.#hashes = options.verify === 'never' ? undefined : options.hashes ?? createHashes()
    this.#maxBlockBytes = maxBlockBytes
    if (lookAhead === 0) return
    if (options.shared && hasStretches(store)) this.#stretches = new Stretches(store, lookAheadBytes, this.#call)
    this.#ahead = new LookAhead({ ...walk, fetch: (cid, aborting) => this.#fetch(cid, aborting) }, { width: lookAhead, maxBytes: lookAheadBytes, signal })
  }

  /** The block where no wait is needed for it. @throws {DagError} as {@link ask} */
  atHand (cid: CID): Uint8Array | undefined {
    if (cid.multihash.code === IDENTITY) return cid.multihash.digest.slice()
    const stretches = this.#stretches
    // what was asked for already is taken as that, or it would wait for ever
    if (stretches === undefined || stretches.isEmpty || this.#ahead?.has(cid) === true) return undefined
    const bytes = stretches.take(cid)
    if (bytes !== undefined) this.#verify(cid, bytes)
    return bytes
  }

  /**
   * The block.
   *
   * @param frames - as {@link LookAhead.take}
   * @throws {DagError} `DAG_BLOCK_TOO_LARGE`, `DAG_UNKNOWN_HASH`, `DAG_HASH_MISMATCH`; what the store does
   */
  async ask (cid: CID, frames: readonly Frame[]): Promise<Uint8Array> {
    const ahead = this.#ahead
    const stretches = this.#stretches
    if (ahead === undefined) return this.alone(cid)
    if (stretches?.isDue() !== true) {
      const bytes = await ahead.take(cid, frames)
      stretches?.passed(bytes.byteLength)
      return bytes
    }
    // before a stretch is read what was asked for has to be taken; no more is
    return ahead.has(cid) ? ahead.take(cid, NO_FRAMES) : this.#checked(cid, await stretches.read(cid))
  }

  /** The block, and no other with it. @throws as {@link ask} */
  async alone (cid: CID): Promise<Uint8Array> { return this.#checked(cid, await this.#get(cid, this.#call.signal)) }

  /** Nothing is under way after it. */
  async close (): Promise<void> {
    await this.#ahead?.close()
  }

  /** For the look-ahead: verified when it arrives, since its links will be asked for. */
  async #fetch (cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#get(cid, signal)
    if (!signal.aborted) this.#verify(cid, bytes)
    return bytes
  }

  #get (cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array> {
    // of a block with links the walk may look at parts later
    const call: BlockBytesOptions = { signal, memory: cid.code === RAW ? this.#memory : undefined }
    return hasBytes(this.#store) ? this.#store.bytes(cid, call) : readBlock(this.#store, cid, call)
  }

  #checked (cid: CID, bytes: Uint8Array): Uint8Array {
    this.#call.signal?.throwIfAborted()
    this.#verify(cid, bytes)
    return bytes
  }

  #verify (cid: CID, bytes: Uint8Array): void {
    const { code, digest } = cid.multihash
    if (bytes.byteLength > this.#maxBlockBytes) throw new DagError('DAG_BLOCK_TOO_LARGE', `block is too long; max=${this.#maxBlockBytes} got=${bytes.byteLength}`, cid)
    if (this.#hashes === undefined) return
    if (!this.#hashes.has(code)) throw new DagError('DAG_UNKNOWN_HASH', `no hasher for the block; hash=0x${code.toString(16)}`, cid)
    if (!this.#hashes.matches(code, digest, bytes)) throw new DagError('DAG_HASH_MISMATCH', `block does not match its hash; length=${bytes.byteLength}`, cid)
  }
}
