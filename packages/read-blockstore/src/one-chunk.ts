/// <reference lib="esnext.disposable" preserve="true" />
/** What `get` gives: an async generator of one chunk, without what a generator function costs. */

const PROTOTYPE: object = Object.getPrototypeOf(Object.getPrototypeOf(async function * () {}).prototype) as object
const END: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

type Answer = () => Promise<IteratorResult<Uint8Array, void>>

class OneChunk implements AsyncGenerator<Uint8Array, void, undefined> {
  /** `undefined` once it was asked for, or is not wanted any more. */
  #read: (() => Promise<Uint8Array>) | undefined
  /** The answer to the last question. */
  #last: Promise<unknown> | undefined

  constructor (read: () => Promise<Uint8Array>) {
    this.#read = read
  }

  next (): Promise<IteratorResult<Uint8Array, void>> {
    const read = this.#read
    if (read === undefined) return this.#ended(async () => END)
    this.#read = undefined
    const result = read().then(asResult)
    this.#last = result
    return result
  }

  return (value?: void | PromiseLike<void>): Promise<IteratorResult<Uint8Array, void>> {
    this.#read = undefined
    return this.#ended(async () => ({ done: true, value: await value }))
  }

  throw (error: unknown): Promise<IteratorResult<Uint8Array, void>> {
    this.#read = undefined
    return this.#ended(() => Promise.reject(error))
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator] (): this {
    return this
  }

  /** Answers come in the order of the questions. */
  #ended (answer: Answer): ReturnType<Answer> {
    const answered = answerAfter(this.#last, answer)
    this.#last = answered
    return answered
  }
}
Object.setPrototypeOf(OneChunk.prototype, PROTOTYPE)

const answerAfter = async (before: Promise<unknown> | undefined, answer: Answer): ReturnType<Answer> => {
  await before?.catch(() => {}) // whoever asked before has the failure
  return answer()
}

const asResult = (value: Uint8Array): IteratorYieldResult<Uint8Array> => ({ done: false, value })

/**
 * An async generator of the one chunk that `read` gives; `read` is called when it is first asked for, at most once, and
 * must not throw. To a consumer it is what `async function * () { yield await read() }` gives. For those who write blockstores.
 */
export const oneChunk = (read: () => Promise<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> => new OneChunk(read)
