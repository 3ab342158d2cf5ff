/// <reference lib="esnext.disposable" preserve="true" />
/** A payload of which a part is missing, in a file under construction. */
import { encodeCarV1Header } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { type CallOptions, untilAborted } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import type { FinalizedFacts, WritableCar } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'
import { TransferError } from './errors.ts'
import { OrderedWalk } from './ordered-walk.ts'
import type { PayloadReceiver, WriteOptions } from './payload-receiver.ts'
import { type CutSection, SectionCutter } from './section-cutter.ts'

/** Half of what may be lost: while one checkpoint is being made as much again may come. */
const CHECKPOINT_BYTES = 32 << 20

export interface UnfinishedParts {
  readonly car: WritableCar
  readonly root: CID
  readonly totalBytes: number
  readonly hashes: Hashes
  readonly maxSectionBytes: number
  readonly close: () => Promise<void>
}

export class UnfinishedPayload implements PayloadReceiver {
  readonly root: CID
  readonly totalBytes: number
  readonly #parts: UnfinishedParts
  readonly #header: Uint8Array
  /** What the file counts as its header. */
  readonly #ownHeaderBytes: number
  /** `undefined`: none that could be gone on with. */
  #walk: OrderedWalk | undefined
  #complete = false
  #checkpointed: number
  /** Under way beside the puts; rejects with what it does. */
  #checkpointing: Promise<void> | undefined
  #writing: Promise<void> | undefined
  #facts: Promise<FinalizedFacts> | undefined
  #closed: Promise<void> | undefined

  constructor (parts: UnfinishedParts) {
    this.root = parts.root
    this.totalBytes = parts.totalBytes
    this.#parts = parts
    this.#header = encodeCarV1Header([parts.root])
    this.#ownHeaderBytes = encodeCarV1Header(parts.car.roots ?? []).byteLength
    this.#checkpointed = this.doneBytes
  }

  get doneBytes (): number { return this.#parts.car.blockCount === 0 ? 0 : this.#end }
  get complete (): boolean { return this.#complete }

  /** Of the last section, or of the header. */
  get #end (): number { return this.#header.byteLength + this.#parts.car.payloadBytes - this.#ownHeaderBytes }

  /** Find out where in the DAG the file ends. @throws {TransferError} `TRANSFER_OTHER` */
  async catchUp (options: CallOptions): Promise<OrderedWalk> {
    const { car, root, hashes, totalBytes } = this.#parts
    if (this.#end > totalBytes) throw new TransferError('TRANSFER_OTHER', `the file holds more than the payload; max=${totalBytes} got=${this.#end}`)
    const walk = new OrderedWalk(car, root, hashes)
    await walk.replay(options)
    await this.#checkComplete(walk)
    this.#walk = walk
    return walk
  }

  async write (chunks: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
    if (this.#closed !== undefined) throw new TransferError('TRANSFER_REFUSED', 'the receiver is closed')
    if (this.#writing !== undefined) throw new TransferError('TRANSFER_BUSY', 'a write is under way')
    const writing = this.#write(chunks, options)
    this.#writing = writing.catch(() => {})
    try {
      await writing
    } finally {
      this.#writing = undefined
    }
  }

  async #write (chunks: AsyncIterable<Uint8Array>, { from, signal, onProgress }: WriteOptions): Promise<void> {
    const { totalBytes, maxSectionBytes } = this.#parts
    if (!Number.isSafeInteger(from) || from < 0) throw new RangeError(`from; min=0 got=${from}`)
    if (from > this.doneBytes) throw new TransferError('TRANSFER_GAP', `bytes before these are missing; done=${this.doneBytes} from=${from}`)
    signal?.throwIfAborted()
    const walk = this.#walk ?? await this.catchUp({ signal })
    const cutter = new SectionCutter({ from, skipTo: this.#end, header: this.#header, totalBytes, maxSectionBytes, lends: true })
    try {
      for await (const chunk of untilAborted(chunks, signal)) {
        for (const section of cutter.push(chunk)) {
          signal?.throwIfAborted()
          await this.#take(walk, section)
        }
        if (this.#parts.car.payloadBytes - this.#checkpointed >= CHECKPOINT_BYTES) await this.#checkpointBeside()
        onProgress?.({ doneBytes: this.doneBytes, totalBytes })
      }
    } catch (error) {
      await this.#checkpoint().catch(() => {}) // the first failure is the one to tell
      throw error
    }
    await this.#checkpoint()
  }

  /** What has failed half-way is not gone on with: the walk would be ahead of the file. */
  async #take (walk: OrderedWalk, section: CutSection): Promise<void> {
    this.#walk = undefined
    const cid = await walk.accept(section)
    try {
      await this.#parts.car.put(cid, section.data)
    } catch (cause) {
      if (!(cause instanceof BlockstoreError) || cause.code !== 'BLOCKSTORE_TOO_LARGE') throw cause
      throw new TransferError('TRANSFER_TOO_LARGE', cause.message, { cause })
    }
    if (this.#end !== section.end) throw new TransferError('TRANSFER_OTHER', `the file has not grown by the section; want=${section.end} got=${this.#end}`)
    await this.#checkComplete(walk)
    this.#walk = walk
  }

  async #checkComplete (walk: OrderedWalk): Promise<void> {
    if (this.#end !== this.totalBytes) return
    await walk.checkEnd()
    this.#complete = true
  }

  /** Returns when the one before it is made. */
  async #checkpointBeside (): Promise<void> {
    await this.#checkpointing
    this.#checkpointed = this.#parts.car.payloadBytes
    this.#checkpointing = this.#parts.car.checkpoint()
    this.#checkpointing.catch(() => {}) // told by the next one
  }

  async #checkpoint (): Promise<void> {
    this.#checkpointing = undefined
    // waits for one under way; what that has failed to write is written by this one
    await this.#parts.car.checkpoint()
    this.#checkpointed = this.#parts.car.payloadBytes
  }

  finish (options: CallOptions = {}): Promise<FinalizedFacts> {
    this.#facts ??= this.#finish(options).catch((error: unknown) => {
      this.#facts = undefined
      throw error
    })
    return this.#facts
  }

  async #finish ({ signal }: CallOptions): Promise<FinalizedFacts> {
    if (!this.#complete) throw new TransferError('TRANSFER_TRUNCATED', `the payload is not complete; done=${this.doneBytes} total=${this.totalBytes}`)
    await this.#writing
    return this.#parts.car.finalize({ roots: [this.root], signal })
  }

  close (): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  async #close (): Promise<void> {
    await this.#writing
    await this.#facts?.catch(() => {})
    try {
      await this.#parts.car.close()
    } finally {
      await this.#parts.close()
    }
  }
}
