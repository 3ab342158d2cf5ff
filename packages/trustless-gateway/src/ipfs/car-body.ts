/// <reference lib="esnext.disposable" preserve="true" />
/** The body of a CAR, written while its blocks are found: small sections are joined, large ones passed on without a copy. */
import type { DagBlock } from '@dagstore/dag'
import type { CID } from 'multiformats/cid'
import { carHeader, sectionAround, sectionHead } from './car-bytes.ts'

/** Sections are joined up to this length. */
const JOINED_BYTES = 1 << 16
/** So much goes out, and the very first bytes, when the next block is not at hand; what is less waits for it, since each chunk has its cost. */
const ENOUGH_BYTES = 1 << 14
/** From here on a section costs less by itself than its copy. */
const LARGE_BYTES = 1 << 15
/** How many turns of the microtask queue a block takes that is at hand, with some to spare. */
const TURNS = 24

export interface CarSource {
  readonly root: CID
  /** Those that have been taken of `blocks` already. */
  readonly first: readonly DagBlock[]
  readonly blocks: AsyncGenerator<DagBlock, void, undefined>
  /** Called once for each block of `blocks` before it goes into the body; what it throws ends that. */
  readonly admit: (block: DagBlock) => void | Promise<void>
}

type Next = IteratorResult<Uint8Array, void>

const END: IteratorReturnResult<void> = Object.freeze({ done: true, value: undefined })

/** One call of `next` at a time. Ending it ends `blocks`, whether or not it was begun. */
export class CarBody implements AsyncGenerator<Uint8Array, void, undefined> {
  /** Not with its first blocks, which would stay in memory to the end. */
  readonly #source: Pick<CarSource, 'blocks' | 'admit'>
  /** To be sent as they are. */
  readonly #chunks: Uint8Array[] = []
  /** To be joined. */
  #parts: Uint8Array[] = []
  #partBytes = 0
  #asked: Promise<IteratorResult<DagBlock, void>> | undefined
  #isThere = false
  #hasBegun = false
  #end: { readonly error: unknown } | 'reached' | undefined

  constructor ({ root, first, blocks, admit }: CarSource) {
    this.#source = { blocks, admit }
    this.#add(carHeader(root))
    for (const block of first) this.#addSection(block)
  }

  async next (): Promise<Next> {
    while (this.#chunks.length === 0 && this.#end === undefined) {
      const isEnough = this.#hasBegun ? this.#partBytes >= ENOUGH_BYTES : this.#partBytes > 0
      if (isEnough && !await this.#isNear()) this.#join()
      else await this.#take()
    }
    if (this.#chunks.length === 0) this.#join()
    this.#hasBegun = true
    const value = this.#chunks.shift()
    if (value !== undefined) return { done: false, value }
    const end = this.#end
    this.#end = 'reached'
    if (typeof end === 'object') throw end.error
    return END
  }

  async return (): Promise<Next> {
    this.#end = 'reached'
    this.#chunks.length = 0
    this.#parts = []
    this.#partBytes = 0
    await this.#source.blocks.return()
    return END
  }

  async throw (error: unknown): Promise<Next> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator] (): this { return this }

  async [Symbol.asyncDispose] (): Promise<void> { await this.return() }

  /** Whether the next block is at hand, as one is that was read ahead. */
  async #isNear (): Promise<boolean> {
    if (this.#asked === undefined) {
      this.#isThere = false
      this.#asked = this.#source.blocks.next()
      const there = (): void => { this.#isThere = true }
      this.#asked.then(there, there)
    }
    for (let turn = 0; turn < TURNS && !this.#isThere; turn++) await undefined
    return this.#isThere
  }

  async #take (): Promise<void> {
    try {
      const { done, value } = await (this.#asked ?? this.#source.blocks.next())
      this.#asked = undefined
      if (done === true) {
        this.#end ??= 'reached'
        return
      }
      const admitted = this.#source.admit(value)
      if (admitted !== undefined) await admitted
      if (this.#end === undefined) this.#addSection(value)
    } catch (error) {
      this.#end ??= { error }
    }
  }

  #addSection ({ cid, bytes }: DagBlock): void {
    const head = sectionHead(cid, bytes.byteLength)
    if (bytes.byteLength < LARGE_BYTES) {
      if (this.#partBytes + head.byteLength + bytes.byteLength > JOINED_BYTES) this.#join()
      this.#add(head)
      this.#add(bytes)
      return
    }
    const section = sectionAround(head, bytes)
    if (section === undefined) this.#add(head)
    this.#join()
    this.#chunks.push(section ?? bytes)
  }

  #add (part: Uint8Array): void {
    this.#parts.push(part)
    this.#partBytes += part.byteLength
  }

  #join (): void {
    const parts = this.#parts
    if (parts.length === 0) return
    const chunk = new Uint8Array(this.#partBytes)
    let at = 0
    for (const part of parts) {
      chunk.set(part, at)
      at += part.byteLength
    }
    this.#chunks.push(chunk)
    this.#parts = []
    this.#partBytes = 0
  }
}
