/// <reference lib="esnext.disposable" preserve="true" />
/** The store over one file: its table says where sections lie, its tail takes new ones. */
import { encodeCarV1Header } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { WritableFile } from '@dagstore/io'
import { type AnyCid, type Awaitable, type BlockCallOptions, createGate, ReadOnlyError, type ShardBlockstore, type StoreCallOptions, toCid } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import { type BlockInput, joinInput } from './block-input.ts'
import { Durability } from './durability.ts'
import { WritableCarError } from './errors.ts'
import { rootsHeader, writeSlot } from './file-head.ts'
import { checkFinalizeOptions, type Finish, writeEnd, writeHeader, writeIndex, writeReserve } from './finish.ts'
import { type CarFileLayout, checkRoots, rootsOf } from './options.ts'
import { Puts } from './puts.ts'
import { createReads } from './reads.ts'
import type { ResumeSlot } from './resume-slot.ts'
import { SectionHeads } from './section-heads.ts'
import type { SectionTable } from './section-table.ts'
import { createTail, type Tail } from './tail.ts'
import type { BlockPair, FinalizedFacts, FinalizeOptions, WritableCar } from './writable-car.ts'

/** What opening has found or made. */
export interface Opened {
  readonly layout: CarFileLayout
  /** In the `resumable` layout the one that stands on disk. */
  readonly slot: ResumeSlot
  readonly roots: readonly CID[] | undefined
  readonly table: SectionTable
}

export interface CarParts extends Opened {
  readonly file: WritableFile
  readonly hashes: Hashes
  readonly verifyPuts: boolean
  /** What is put, here or by the caller. */
  readonly hashed: boolean
  readonly verifyReads: boolean
  readonly owns: boolean
  readonly indexMemoryBytes: number | undefined
}

export const createCar = (parts: CarParts): WritableCar => new CarOnFile(parts)

class CarOnFile implements WritableCar {
  readonly #parts: CarParts & { readonly tail: Tail }
  readonly #gate = createGate()
  readonly #disk: Durability
  readonly #puts: Puts
  readonly #reads: ShardBlockstore
  #slot: ResumeSlot
  #roots: readonly CID[] | undefined
  #state: 'open' | 'finalizing' | 'finalized' = 'open'
  #turn: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor (opened: CarParts) {
    const disk = this.#disk = new Durability(opened.file)
    const parts = this.#parts = { ...opened, tail: createTail(opened.file, opened.table.end, (bytes) => { disk.written(bytes) }) }
    const heads = new SectionHeads(parts, 'one')
    this.#puts = new Puts({ ...parts, heads, rules: parts.slot })
    this.#reads = createReads({ ...parts, heads, inline: parts.slot.identity.inline }, this.#gate)
    this.#slot = parts.slot
    this.#roots = parts.roots
  }

  get blockCount (): number { return this.#parts.table.count }
  get roots (): readonly CID[] | undefined { return this.#roots }
  get payloadBytes (): number {
    const { layout, tail, slot: { start, header } } = this.#parts
    const headerBytes = layout === 'resumable' ? encodeCarV1Header(this.#roots ?? []).byteLength : start - (header?.offset ?? 0)
    return headerBytes + tail.end - start
  }

  // ---- writing

  /** The usual case makes one promise and waits for nothing, so that closing has nothing to wait for. */
  put (cid: AnyCid, bytes: BlockInput, options?: StoreCallOptions): Promise<CID> {
    try {
      options?.signal?.throwIfAborted()
      this.#gate.check()
      this.#checkOpen()
      const own = toCid(cid)
      if (bytes instanceof Uint8Array && !this.#parts.tail.isFull && (!this.#puts.check(own, bytes) || this.#puts.store(own, bytes))) return Promise.resolve(own)
      return this.#gate.pass(() => this.#putSlowly(own, bytes, options?.signal))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** What comes in chunks, has to wait for writes, or may be there already. */
  async #putSlowly (cid: CID, input: BlockInput, signal: AbortSignal | undefined): Promise<CID> {
    const { tail } = this.#parts
    const puts = this.#puts
    const data = await joinInput(cid, input, puts.maxBytes(cid), signal)
    if (!puts.check(cid, data)) return cid
    const cleared = new Set<number>()
    for (let isThere = false; ;) {
      // those who wait go on one after another, and what they put may be too much again
      while (tail.isFull) await tail.drain()
      signal?.throwIfAborted()
      this.#checkOpen()
      if (isThere) {
        puts.repeat(cid, data)
        return cid
      }
      if (puts.store(cid, data, cleared)) return cid
      isThere = await puts.isThere(cid, cleared)
    }
  }

  async * putMany (source: Iterable<BlockPair> | AsyncIterable<BlockPair>, options: StoreCallOptions = {}): AsyncGenerator<CID, void, undefined> {
    options.signal?.throwIfAborted()
    this.#gate.check()
    for await (const { cid, bytes } of source) yield this.put(cid, bytes, options)
  }

  async delete (_cid: AnyCid, options: StoreCallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#gate.check()
    throw new ReadOnlyError('delete called, but blocks can not be taken out of a CAR')
  }

  async * deleteMany (_source: Iterable<AnyCid> | AsyncIterable<AnyCid>, options: StoreCallOptions = {}): AsyncGenerator<CID, void, undefined> {
    options.signal?.throwIfAborted()
    this.#gate.check()
    yield * []
    throw new ReadOnlyError('deleteMany called, but blocks can not be taken out of a CAR')
  }

  // ---- reading

  has (cid: AnyCid, options?: StoreCallOptions): Awaitable<boolean> { return this.#reads.has(cid, options) }
  size (cid: AnyCid, options?: BlockCallOptions): Awaitable<number> { return this.#reads.size(cid, options) }
  bytes (cid: AnyCid, options?: BlockCallOptions): Promise<Uint8Array> { return this.#reads.bytes(cid, options) }
  bytesAt (cid: AnyCid, from: number, length: number, options?: BlockCallOptions): Promise<Uint8Array> { return this.#reads.bytesAt(cid, from, length, options) }
  get (cid: AnyCid, options?: StoreCallOptions): ReturnType<Blockstore['get']> { return this.#reads.get(cid, options) }
  getMany (cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options?: StoreCallOptions): ReturnType<Blockstore['getMany']> { return this.#reads.getMany(cids, options) }
  getAll (options?: StoreCallOptions): ReturnType<Blockstore['getAll']> { return this.#reads.getAll(options) }

  // ---- durability

  checkpoint (): Promise<void> {
    return this.#gate.pass(() => this.#inTurn(() => {
      this.#checkOpen()
      return this.#checkpoint()
    }))
  }

  finalize (options: FinalizeOptions = {}): Promise<FinalizedFacts> {
    return this.#gate.pass(() => this.#inTurn(async () => {
      options.signal?.throwIfAborted()
      this.#checkOpen()
      const { layout, table, tail, file } = this.#parts
      checkFinalizeOptions(options, layout)
      const asked = rootsOf(options)
      const roots = asked ?? this.#roots
      if (roots === undefined) throw new WritableCarError('WRITABLE_CAR_ROOTS_UNKNOWN', 'a change of the roots was cut short; give them')
      if (layout !== 'resumable') checkRoots(asked, this.#roots ?? [])
      const { start, syncedEnd, identity } = this.#slot
      // in the layouts of go-car it stands already, perhaps in another's encoding
      const standsAt = this.#slot.header?.offset ?? 0
      const carV1Header = layout === 'resumable' ? rootsHeader(roots, start) : await file.read(standsAt, start - standsAt)
      const dataOffset = start - carV1Header.byteLength
      this.#state = 'finalizing'
      const finish: Finish = { ...this.#parts, sync: () => this.#disk.sync(), start, end: tail.end, syncedEnd, carV1Header, dataOffset, identity, ...options }
      try {
        await tail.flush()
        await writeIndex(finish)
      } catch (error) {
        await this.#undo()
        this.#state = 'open'
        throw error
      }
      try {
        await writeHeader(finish)
      } catch (cause) {
        throw this.#disk.fail('the header may be on disk or not', cause)
      }
      this.#state = 'finalized'
      this.#roots = roots
      await writeEnd(finish)
      return { roots, payloadBytes: tail.end - dataOffset, blockCount: table.count, sizeBytes: file.sizeBytes }
    }))
  }

  /**
   * After a finalize that failed: the roots that the slot is about, and nothing behind the sections, where a crash could leave it
   * among those to come.
   */
  async #undo (): Promise<void> {
    const { file, tail, layout } = this.#parts
    const { start, header } = this.#slot
    if (this.#disk.failed) return
    try {
      if (layout === 'resumable' && header !== undefined && this.#roots !== undefined) await writeReserve(file, start, rootsHeader(this.#roots, start))
      if (file.sizeBytes > tail.end) await file.truncate(tail.end)
      await this.#disk.sync()
    } catch {
      // the first failure is the one to tell, and the next finalize does the same
    }
  }

  close (): Promise<void> { return this.#close(true) }
  discard (): Promise<void> { return this.#close(false) }
  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  #close (keep: boolean): Promise<void> {
    this.#closed ??= (async () => {
      await this.#gate.shut()
      await this.#turn
      await this.#parts.tail.idle()
      await this.#disk.idle()
      try {
        if (keep && this.#disk.failedUntold) this.#disk.check()
        if (keep && this.#state === 'open' && !this.#disk.failed) await this.#checkpoint()
      } finally {
        if (this.#parts.owns) await this.#parts.file.close()
      }
    })()
    return this.#closed
  }

  async #checkpoint (): Promise<void> {
    const { tail, table, file, hashed, layout } = this.#parts
    const slot: ResumeSlot = { ...this.#slot, sequence: this.#slot.sequence + 1, syncedEnd: tail.end, blockCount: table.count }
    if (slot.syncedEnd === this.#slot.syncedEnd) return
    await tail.flush()
    await this.#disk.sync()
    if (layout === 'resumable') {
      await writeSlot(file, slot)
      // sections behind the synced end are taken again by their hash; what was not verified must not depend on that
      if (!hashed) await this.#disk.sync()
    }
    this.#slot = slot
  }

  #checkOpen (): void {
    this.#disk.check()
    if (this.#state !== 'open') throw new WritableCarError('WRITABLE_CAR_FINALIZED', 'the file is finalized')
  }

  /** Checkpoints and finalizing, one after another. */
  #inTurn<T> (work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => {})
    return run
  }
}
