/** Blocks in the order asked for, several reads under way at once. */
import { withdrawable } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** Reads under way or finished and not yet taken. */
const WINDOW_BLOCKS = 32
/** The same in bytes, by the longest block met so far; one read is always allowed. */
const WINDOW_BYTES = 16 << 20
/** What a block is taken for before one was met. */
const FIRST_GUESS_BYTES = 1 << 20

export interface LookAheadOptions<T> {
  readonly toCid: (item: T) => CID
  readonly read: (cid: CID) => Promise<Uint8Array>
  readonly check: () => void
  readonly signal: AbortSignal | undefined
}

interface Ahead {
  readonly cid: CID
  readonly bytes: Promise<Uint8Array>
}

/**
 * Pairs in the order of the source, which is asked for at most {@link WINDOW_BLOCKS} CIDs ahead, and let go of when the
 * consumer stops or it gives what is no CID. A failed read is reported when its bytes are taken; a failed source, and what
 * is no CID, when all before it are yielded.
 *
 * @param options.check - called before each pair is yielded; what it throws ends the iteration, as does the signal
 */
export async function * lookAhead<T> (source: Iterable<T> | AsyncIterable<T>, options: LookAheadOptions<T>): AsyncGenerator<{ cid: CID, bytes: AsyncGenerator<Uint8Array> }, void, undefined> {
  const { toCid, read, check, signal } = options
  const items: AsyncIterator<T> | Iterator<T> = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  const queue: Ahead[] = []
  let longest = FIRST_GUESS_BYTES
  let ended = false
  /** Nothing more will come of the source, which ended or failed by itself. */
  let exhausted = false
  let failed: { readonly error: unknown } | undefined
  let pulling: Promise<void> | undefined

  const start = (item: T): void => {
    const cid = toCid(item)
    const bytes = read(cid)
    bytes.then(({ byteLength }) => { longest = Math.max(longest, byteLength) }, () => {}) // reported when taken
    queue.push({ cid, bytes })
  }
  const fail = (error: unknown): void => {
    ended = true
    failed = { error }
  }
  const failSource = (error: unknown): void => {
    exhausted = true
    fail(error)
  }
  const take = (result: IteratorResult<T>): void => {
    if (result.done === true) {
      ended = exhausted = true
    } else if (!ended) {
      try {
        start(result.value)
      } catch (error) {
        fail(error) // no CID; the source has more
      }
    }
  }
  /** Ask the source for as much as fits; one request at a time, as iterators want it. */
  const pull = (): void => {
    while (!ended && pulling === undefined && (queue.length === 0 || (queue.length < WINDOW_BLOCKS && (queue.length + 1) * longest <= WINDOW_BYTES))) {
      try {
        const result = items.next()
        // told by its method: a promise may be of another realm
        if ('then' in result) pulling = Promise.resolve(result).then(take, failSource).then(() => { pulling = undefined; pull() })
        else take(result)
      } catch (error) {
        failSource(error)
      }
    }
  }

  try {
    for (;;) {
      signal?.throwIfAborted()
      check()
      pull()
      if (queue.length === 0 && pulling !== undefined) {
        await withdrawable(pulling, signal)
        continue
      }
      const next = queue.shift()
      if (next === undefined) break
      yield { cid: next.cid, bytes: chunkOf(next.bytes) }
    }
    if (failed !== undefined) throw failed.error
  } finally {
    ended = true
    if (!exhausted) {
      const returned = Promise.resolve(items.return?.())
      // a source that is still asked for its next item lets go after that; an aborted caller does not wait for it
      if (signal?.aborted === true) returned.catch(() => {})
      else if (failed !== undefined) await returned.catch(() => {}) // the first failure is the one to tell
      else await returned
    }
  }
}

async function * chunkOf (bytes: Promise<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield await bytes
}
