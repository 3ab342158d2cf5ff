/// <reference lib="esnext.disposable" preserve="true" />
/** A DAG at one or several sources, as a store that a walk reads in its own order. */
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import { type CallOptions, type Clock, createKeyLock, systemClock, withdrawable } from '@dagstore/io'
import { type AnyCid, type BlockBytes, BlockstoreError, oneChunk, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import type { CarSections, DagPart, DagSource } from './dag-source.ts'
import { TransferError } from './errors.ts'
import { type FetchPlan, planBlocks, planFetch } from './fetch-plan.ts'
import { FetchedAhead } from './fetched-ahead.ts'
import { isEqual } from './section-bytes.ts'
import type { CutSection } from './section-cutter.ts'
import { type FetchEvent, type RingMember, SourceRing } from './source-ring.ts'
import { WalkMirror } from './walk-mirror.ts'

export interface FetchingStoreOptions extends CallOptions {
  readonly root: AnyCid
  /** What of the DAG will be walked. @default all of it */
  readonly selector?: DagPart | undefined
  /** In the order in which they are asked: each until it fails. */
  readonly sources: readonly DagSource[]
  readonly hashes: Hashes
  readonly clock?: Clock | undefined
  /** Rounds through all sources in a row that bring nothing, before it gives up; 4 at most before anything has come. @default 8 */
  readonly attempts?: number | undefined
  /** How long sources may say "later", as while a sector is unsealed, milliseconds. @default 6 hours */
  readonly patienceMs?: number | undefined
  /** Single blocks asked for ahead of the walk, where no CAR is to be had. @default 6 */
  readonly lookAhead?: number | undefined
  readonly onEvent?: ((event: FetchEvent) => void) | undefined
}

/** One `get` at a time, in the order of a walk without look-ahead. */
export interface FetchingStore extends Pick<ReadBlockstore, 'get'>, BlockBytes, AsyncDisposable {
  /** What each block was hashed with. */
  readonly verifiedBy: Hashes
  /** A walk begins, of which these blocks need not come from here. Not needed before the first one. */
  begin(held: Pick<ReadBlockstore, 'has'> | undefined): void
  /** The walk has had this block from elsewhere. */
  passed(cid: CID, bytes: Uint8Array): void
  /** Of blocks that came and were of use. */
  readonly fetchedBytes: number
  /** The walk is over: a CAR that has nothing more of use is read to its end, so that its source knows that it was taken whole. Never rejects. */
  finish(options?: CallOptions): Promise<void>
  /** Ends what is under way. Idempotent. */
  close(): Promise<void>
}

/** Sections of one CAR that the walk has had already: so many bytes more than those of use, and it is not gone on with. */
const MAX_SKIPPED_BYTES = 8 << 20
const PATIENCE_MS = 6 * 3_600_000

/**
 * Gets stream in from a CAR of what is wanted, as long as that brings what the walk asks for next; after a cut only what is missing is asked
 * for: the rest of a file, what is below a block, or single blocks. Every block is hashed. A source that fails is left for the next one and
 * asked again later; one that lies is left for good.
 *
 * Gets reject with {@link TransferError}: what the last source was dropped for, or what was the matter in too many rounds; with
 * `BlockNotFoundError` where every source says so; `BLOCKSTORE_UNKNOWN_HASH`.
 */
export const fetchingStore = (options: FetchingStoreOptions): FetchingStore => new Fetching(options)

class Fetching implements FetchingStore {
  readonly #options: FetchingStoreOptions
  readonly #root: CID
  readonly #part: DagPart
  readonly #mirror: WalkMirror
  readonly #ring: SourceRing
  readonly #turn = createKeyLock()
  readonly #leaving = new AbortController()
  readonly #ending: AbortSignal
  #stream: { readonly of: RingMember, readonly sections: CarSections, given: number, skippedBytes: number } | undefined
  readonly #ahead: FetchedAhead
  #held: Pick<ReadBlockstore, 'has'> | undefined
  /** Came last: a second walk begins with asking for it again. */
  #last: { readonly cid: CID, readonly bytes: Uint8Array } | undefined
  readonly verifiedBy: Hashes
  fetchedBytes = 0

  constructor (options: FetchingStoreOptions) {
    const { clock = systemClock, attempts = 8, patienceMs = PATIENCE_MS, lookAhead = 6, selector = {}, onEvent } = options
    this.#options = options
    this.#ending = options.signal === undefined ? this.#leaving.signal : AbortSignal.any([this.#leaving.signal, options.signal])
    this.verifiedBy = options.hashes
    this.#root = toCid(options.root)
    this.#part = selector
    this.#mirror = new WalkMirror(this.#root, selector)
    this.#ring = new SourceRing(options.sources, { clock, attempts, patienceMs, tell: (type, { source }, cid, code) => { onEvent?.({ type, source: source.name, cid, what: undefined, code, bytes: this.fetchedBytes }) } })
    this.#ahead = new FetchedAhead(lookAhead, async (cid) => this.#mirror.has(cid) || cid.multihash.code === IDENTITY || await this.#held?.has(cid) === true)
  }

  get (any: AnyCid, { signal }: CallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const cid = toCid(any)
    return oneChunk(() => this.bytes(cid, { signal }))
  }

  bytes (any: AnyCid, { signal }: CallOptions = {}): Promise<Uint8Array> {
    const cid = toCid(any)
    return cid.multihash.code === IDENTITY ? Promise.resolve(cid.multihash.digest.slice()) : this.#turn('get', () => this.#get(cid, signal), signal)
  }

  begin (held: Pick<ReadBlockstore, 'has'> | undefined): void {
    this.#held = held
    this.#mirror.reset()
    void this.#closeStream()
  }

  passed (cid: CID, bytes: Uint8Array): void { this.#mirror.passed(cid, bytes) }

  async finish ({ signal }: CallOptions = {}): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) return
    const next = (): Promise<CutSection | undefined> => withdrawable(stream.sections.next(), signal)
    try {
      for (let section = await next(); section !== undefined && this.#isHad(section); section = await next()) {
        stream.skippedBytes += section.data.byteLength
        if (stream.skippedBytes > MAX_SKIPPED_BYTES) return
      }
    } catch {
      // whatever it is: everything is here
    }
  }

  async close (): Promise<void> {
    this.#leaving.abort(new TransferError('TRANSFER_REFUSED', 'the store is closed'))
    this.#ahead.clear()
    await this.#closeStream()
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  async #get (cid: CID, leaving: AbortSignal | undefined): Promise<Uint8Array> {
    // joined once: signals that live long keep those that are joined to them
    const signal = leaving === undefined || leaving === this.#options.signal ? this.#ending : AbortSignal.any([this.#ending, leaving])
    signal.throwIfAborted()
    const again = this.#last
    if (again?.cid.equals(cid) === true && this.#options.hashes.matches(cid.multihash.code, cid.multihash.digest, again.bytes)) return this.#given(cid, again.bytes)
    this.#ring.begin()
    for (;;) {
      const member = this.#ring.current
      try {
        const bytes = await this.#from(member, cid, signal)
        this.#ring.worked()
        this.fetchedBytes += bytes.byteLength
        return this.#given(cid, bytes)
      } catch (error) {
        await this.#closeStream()
        this.#ahead.clear()
        signal.throwIfAborted()
        if (!(error instanceof TransferError)) throw error
        await this.#ring.failed(member, cid, error, { signal })
      }
    }
  }

  #given (cid: CID, bytes: Uint8Array): Uint8Array {
    this.#mirror.passed(cid, bytes)
    this.#last = { cid, bytes }
    return bytes
  }

  async #from (member: RingMember, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const streamed = await this.#nextOf(member, cid)
    if (streamed !== undefined) return streamed
    if (!member.carless) {
      const plan = await planFetch(cid, this.#root, this.#part, this.#mirror)
      if (plan.what === 'block') return this.#block(member, cid, plan.next, signal)
      if (!this.#ahead.has(cid) && await this.#openStream(member, plan, cid)) {
        const first = await this.#nextOf(member, cid)
        if (first !== undefined) return first
        if (!member.carless) throw new TransferError('TRANSFER_TRUNCATED', `a CAR without the block that comes next; source=${member.source.name}`)
      }
    }
    return this.#block(member, cid, planBlocks(cid, this.#part, this.#mirror).next, signal)
  }

  /** False: it has none; single blocks may be had all the same. */
  async #openStream (member: RingMember, { root, part }: FetchPlan & { readonly what: 'car' }, cid: CID): Promise<boolean> {
    this.#tellAsked(member, cid, 'car')
    try {
      // for longer than one call of `get`
      const sections = await member.source.car(root, part, { signal: this.#ending })
      this.#stream = { of: member, sections, given: 0, skippedBytes: 0 }
      return true
    } catch (error) {
      if (!(error instanceof TransferError)) throw error
      // a path that leads nowhere is absent too: the walk finds that out from the blocks on the way
      if (error.code === 'TRANSFER_NOT_FOUND') return false
      if (error.code !== 'TRANSFER_REFUSED' && error.code !== 'TRANSFER_BAD_ANSWER') throw error
      member.carless = true
      return false
    }
  }

  /** The block, if the CAR under way has it next; `undefined`: there is none, or it has ended. */
  async #nextOf (member: RingMember, cid: CID): Promise<Uint8Array | undefined> {
    const stream = this.#stream
    if (stream === undefined) return undefined
    for (let section = stream.of === member ? await stream.sections.next() : undefined; section !== undefined; section = await stream.sections.next()) {
      if (isEqual(section.cid, cid.bytes)) {
        stream.given += section.data.byteLength
        return this.#verified(cid, section.data, member)
      }
      if (!this.#isHad(section)) {
        if (stream.sections.ordered) throw new TransferError('TRANSFER_UNREQUESTED', `another block than the one that comes next; want=${cid.toString()} source=${member.source.name}`)
        member.carless = true
        break
      }
      stream.skippedBytes += section.cid.byteLength + section.data.byteLength
      if (stream.skippedBytes > MAX_SKIPPED_BYTES + stream.given) break
    }
    await this.#closeStream()
    return undefined
  }

  #isHad ({ cid: bytes }: CutSection): boolean {
    const cid = CID.decode(bytes)
    return cid.multihash.code === IDENTITY || this.#mirror.has(cid)
  }

  async #block (member: RingMember, cid: CID, next: readonly CID[], signal: AbortSignal): Promise<Uint8Array> {
    const { source } = member
    if (!this.#ahead.has(cid)) this.#tellAsked(member, cid, 'block')
    const bytes = await this.#ahead.take(source, cid, next, signal)
    return this.#verified(cid, bytes, member)
  }

  #verified (cid: CID, bytes: Uint8Array, { source }: RingMember): Uint8Array {
    const { code, digest } = cid.multihash
    const { hashes } = this.#options
    if (!hashes.has(code)) throw new BlockstoreError('BLOCKSTORE_UNKNOWN_HASH', `no hasher; code=0x${code.toString(16)}`, { cid })
    if (hashes.matches(code, digest, bytes)) return bytes
    throw new TransferError('TRANSFER_HASH_MISMATCH', `block does not match its hash; cid=${cid.toString()} source=${source.name}`, { source: source.name })
  }

  #tellAsked ({ source }: RingMember, cid: CID, what: 'car' | 'block'): void {
    this.#options.onEvent?.({ type: 'asked', source: source.name, cid, what, code: undefined, bytes: this.fetchedBytes })
  }

  async #closeStream (): Promise<void> {
    const stream = this.#stream
    this.#stream = undefined
    await stream?.sections.close()
  }
}
