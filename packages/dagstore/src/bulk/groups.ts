/** Items in groups, for whatever costs the same for many as for one. */
import type { Clock } from '@dagstore/io'
import { abortable } from '../abortable.ts'

/** How long an item of a slow source waits for others. */
const LINGER_MS = 20

/**
 * Groups of 1 to `size`, in order. What a source gives at once goes together; an item of one that pauses waits
 * {@link LINGER_MS} at most. Nothing is asked of the source while the consumer is busy, but for one item that it may owe
 * already. When the source fails, what it had given comes first.
 */
export async function * groupsOf<T> (items: Iterable<T> | AsyncIterable<T>, size: number, clock: Clock, signal: AbortSignal): AsyncGenerator<readonly T[], void, undefined> {
  if (Symbol.asyncIterator in items) yield * asyncGroups(items, size, clock, signal)
  else yield * syncGroups(items, size)
}

function * syncGroups<T> (items: Iterable<T>, size: number): Generator<readonly T[], void, undefined> {
  const iterator = items[Symbol.iterator]()
  let open = true
  try {
    while (open) {
      const group: T[] = []
      let failure: { readonly error: unknown } | undefined
      while (group.length < size) {
        try {
          const next = iterator.next()
          open = next.done !== true
          if (next.done === true) break
          group.push(next.value)
        } catch (error) {
          open = false
          failure = { error }
          break
        }
      }
      if (group.length > 0) yield group
      if (failure !== undefined) throw failure.error
    }
  } finally {
    if (open) iterator.return?.()
  }
}

async function * asyncGroups<T> (items: AsyncIterable<T>, size: number, clock: Clock, signal: AbortSignal): AsyncGenerator<readonly T[], void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  /** The source has neither ended nor failed. */
  let open = true
  let owed: Promise<Asked<T>> | undefined
  const ask = (): Promise<Asked<T>> => {
    owed ??= iterator.next().then(
      (next) => {
        if (next.done === true) open = false
        return next.done === true ? { end: true } : { value: next.value }
      },
      (error: unknown) => {
        open = false
        return { error }
      }
    )
    return owed
  }
  try {
    while (open) {
      const group: T[] = []
      const stop = new AbortController()
      let late: Promise<'late'> | undefined
      let end: Asked<T> | undefined
      while (group.length < size && end === undefined) {
        const asked = await abortable<Asked<T> | 'late'>(late === undefined ? ask() : Promise.race([ask(), late]), signal)
        if (asked === 'late') break
        owed = undefined
        if ('value' in asked) group.push(asked.value)
        else end = asked
        late ??= clock.sleep(LINGER_MS, { signal: stop.signal }).then(() => 'late', () => 'late')
      }
      stop.abort()
      if (group.length > 0) yield group
      if (end !== undefined && 'error' in end) throw end.error
    }
  } finally {
    // one that hangs is not waited for
    if (open) iterator.return?.().catch(() => {})
  }
}

type Asked<T> = { readonly value: T } | { readonly end: true } | { readonly error: unknown }
