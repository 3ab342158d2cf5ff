/// <reference lib="esnext.disposable" preserve="true" />
/** The store over one file: its table says where sections lie, its tail takes new ones. */
import { type Hashes, IDENTITY } from '@dagstore/hashes'
import type { WritableFile } from '@dagstore/io'
import { type AnyCid, type Awaitable, type BlockCallOptions, createGate, ReadOnlyError, type ShardBlockstore, type StoreCallOptions, toCid, verifyBlock } from '@dagstore/read-blockstore'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import { type BlockInput, joinInput, tooLarge } from './block-input.ts'
import { WritableCarError } from './errors.ts'
import { rootsHeader, writeSlot } from './file-head.ts'
import { type Finish, writeEnd, writeHeader, writeIndex } from './finish.ts'
import { createReads } from './reads.ts'
import { MAX_CID_BYTES } from './recover.ts'
import type { ResumeSlot } from './resume-slot.ts'
import type { SectionTable } from './section-table.ts'
import type { Tail } from './tail.ts'
import type { BlockPair, FinalizedFacts, WritableCar } from './writable-car.ts'

/** What opening has found and decided. */
export interface CarParts {
  readonly file: WritableFile
  readonly table: SectionTable
  readonly tail: Tail
  /** The one that stands on disk. */
  readonly slot: ResumeSlot
  readonly roots: readonly CID[] | undefined
  readonly hashes: Hashes
  readonly verifyPuts: boolean
  readonly verifyReads: boolean
  readonly owns: boolean
}

export const createCar = (parts: CarParts): WritableCar => new CarOnFile(parts)

class CarOnFile implements WritableCar {
  readonly #parts: CarParts
  readonly #gate = createGate()
  readonly #reads: ShardBlockstore
  #slot: ResumeSlot
  #roots: readonly CID[] | undefined
  #state: 'open' | 'finalizing' | 'finalized' = 'open'
  #failure: WritableCarError | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor (parts: CarParts) {
    this.#parts = parts
    this.#reads = createReads(parts, this.#gate)
    this.#slot = parts.slot
    this.#roots = parts.roots
  }

  get blockCount (): number { return this.#parts.table.count }
  get roots (): readonly CID[] | undefined { return this.#roots }
  get payloadBytes (): number {
    const { start } = this.#slot
    return rootsHeader(this.#roots ?? [], start).byteLength + this.#parts.tail.end - start
  }

  // ---- writing

  async put (cid: AnyCid, bytes: BlockInput, options: StoreCallOptions = {}): Promise<CID> {
    const { signal } = options
    signal?.throwIfAborted()
    this.#gate.check()
    this.#checkOpen()
    const own = toCid(cid)
    if (own.bytes.byteLength > MAX_CID_BYTES) throw tooLarge(own, MAX_CID_BYTES)
    const { tail } = this.#parts
    // the usual case waits for nothing, so that closing has nothing to wait for
    if (bytes instanceof Uint8Array && !tail.isFull) return this.#store(own, bytes)
    return this.#gate.pass(async () => {
      const data = await joinInput(own, bytes, this.#maxDataBytes(own), signal)
      // those who wait go on one after another, and what they put may be too much again
      while (tail.isFull) await tail.drain()
      signal?.throwIfAborted()
      this.#checkOpen()
      return this.#store(own, data)
    })
  }

  /** Nothing is awaited in here, so two puts of one block can not both miss it. */
  #store (cid: CID, data: Uint8Array): CID {
    const { table, tail, hashes, verifyPuts } = this.#parts
    const maxData = this.#maxDataBytes(cid)
    if (data.byteLength > maxData) throw tooLarge(cid, maxData)
    if (verifyPuts) verifyBlock(hashes, cid, data)
    if (cid.multihash.code === IDENTITY && !this.#slot.storesIdentity) return cid
    if (table.has(cid)) return cid
    const at = tail.append(cid.bytes, data)
    table.add(cid, at, tail.end - at - data.byteLength, data.byteLength)
    return cid
  }

  #maxDataBytes (cid: CID): number {
    return this.#slot.maxSectionBytes - cid.bytes.byteLength
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

  finalize (options: { readonly roots?: readonly AnyCid[] | undefined } = {}): Promise<FinalizedFacts> {
    return this.#gate.pass(() => this.#inTurn(async () => {
      this.#checkOpen()
      const roots = options.roots?.map(toCid) ?? this.#roots
      if (roots === undefined) throw new WritableCarError('WRITABLE_CAR_ROOTS_UNKNOWN', 'a change of the roots was cut short; give them')
      const { start } = this.#slot
      const carV1Header = rootsHeader(roots, start)
      const { file, table, tail } = this.#parts
      this.#state = 'finalizing'
      const finish: Finish = { file, sync: () => this.#sync(), table, start, end: tail.end, carV1Header }
      try {
        await tail.flush()
        await writeIndex(finish)
      } catch (error) {
        this.#state = 'open'
        throw error
      }
      try {
        await writeHeader(finish)
      } catch (cause) {
        throw this.#fail('the header may be on disk or not', cause)
      }
      this.#state = 'finalized'
      this.#roots = roots
      await writeEnd(finish)
      return { roots, payloadBytes: carV1Header.byteLength + tail.end - start, blockCount: table.count, sizeBytes: file.sizeBytes }
    }))
  }

  close (): Promise<void> { return this.#close(true) }
  discard (): Promise<void> { return this.#close(false) }
  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  #close (keep: boolean): Promise<void> {
    this.#closed ??= (async () => {
      await this.#gate.shut()
      await this.#turn
      await this.#parts.tail.idle()
      try {
        if (keep && this.#state === 'open' && this.#failure === undefined) await this.#checkpoint()
      } finally {
        if (this.#parts.owns) await this.#parts.file.close()
      }
    })()
    return this.#closed
  }

  async #checkpoint (): Promise<void> {
    const { tail, table, file, verifyPuts } = this.#parts
    const slot: ResumeSlot = { ...this.#slot, sequence: this.#slot.sequence + 1, syncedEnd: tail.end, blockCount: table.count }
    if (slot.syncedEnd === this.#slot.syncedEnd) return
    await tail.flush()
    await this.#sync()
    await writeSlot(file, slot)
    // sections behind the synced end are taken again by their hash; what was not verified must not depend on that
    if (!verifyPuts) await this.#sync()
    this.#slot = slot
  }

  async #sync (): Promise<void> {
    try {
      await this.#parts.file.sync()
    } catch (cause) {
      throw this.#fail('sync failed, what is on disk is unknown', cause)
    }
  }

  /** From here on only reads are answered: the file must be opened again, which finds out what is there. */
  #fail (what: string, cause: unknown): WritableCarError {
    this.#failure ??= new WritableCarError('WRITABLE_CAR_FAILED', what, { cause })
    return this.#failure
  }

  #checkOpen (): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#state !== 'open') throw new WritableCarError('WRITABLE_CAR_FINALIZED', 'the file is finalized')
  }

  /** Checkpoints and finalizing, one after another. */
  #inTurn<T> (work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => {})
    return run
  }
}
