/// <reference lib="esnext.disposable" preserve="true" />
/** The body of a CAR, written while its blocks are found: small sections are joined, large ones passed on without a copy. */
import type { DagBlock } from '@dagstore/dag'
import type { CID } from 'multiformats/cid'
import { carHeader } from './car-bytes.ts'
import { SectionWriter } from './section-writer.ts'

/** So much goes out, and the very first bytes, when the next block is not at hand; what is less waits for it, since each chunk has its cost. */
const ENOUGH_BYTES = 1 << 14
/** How many turns of the microtask queue a block takes that is at hand, with some to spare. */
const TURNS = 24

export interface CarSource {
  readonly root: CID
  /** Those that have been taken of `blocks` already. */
  readonly first: readonly DagBlock[]
  readonly blocks: Batches
  /** Called once for each block of `blocks` before it goes into the body; what it throws ends that. */
  readonly admit: (block: DagBlock) => void | Promise<void>
}

type Batches = AsyncGenerator<readonly DagBlock[], void, undefined>
type Next = IteratorResult<Uint8Array, void>

const END: IteratorReturnResult<void> = Object.freeze({ done: true, value: undefined })

/** One call of `next` at a time. Ending it ends `blocks`, whether or not it was begun. */
export class CarBody implements AsyncGenerator<Uint8Array, void, undefined> {
  /** Not with its first blocks, which would stay in memory to the end. */
  readonly #source: Pick<CarSource, 'blocks' | 'admit'>
  readonly #sections = new SectionWriter()
  #asked: ReturnType<Batches['next']> | undefined
  #isThere = false
  #hasBegun = false
  #end: { readonly error: unknown } | 'reached' | undefined

  constructor ({ root, first, blocks, admit }: CarSource) {
    this.#source = { blocks, admit }
    this.#sections.add(carHeader(root))
    for (const block of first) this.#sections.addSection(block)
  }

  async next (): Promise<Next> {
    const sections = this.#sections
    while (!sections.hasChunk && this.#end === undefined) {
      const isEnough = this.#hasBegun ? sections.openBytes >= ENOUGH_BYTES : sections.openBytes > 0
      if (isEnough && !await this.#isNear()) sections.flush()
      else await this.#take()
    }
    if (!sections.hasChunk) sections.flush()
    this.#hasBegun = true
    const value = sections.shift()
    if (value !== undefined) return { done: false, value }
    const end = this.#end
    this.#end = 'reached'
    if (typeof end === 'object') throw end.error
    return END
  }

  async return (): Promise<Next> {
    this.#end = 'reached'
    this.#sections.clear()
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
      for (const block of value) {
        const admitted = this.#source.admit(block)
        if (admitted !== undefined) await admitted
        if (this.#end !== undefined) return
        this.#sections.addSection(block)
      }
    } catch (error) {
      this.#end ??= { error }
    }
  }
}
