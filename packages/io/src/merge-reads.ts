/** Reads that are asked for at the same time and lie close together, made by one. */
import { onAbort } from './on-abort.ts'

export interface MergeOptions {
  /** Exactly these bytes, in memory of their own. The signal aborts when nobody wants them any more. */
  readonly read: (at: number, length: number, signal: AbortSignal) => Promise<Uint8Array>
  /** A gap up to this is read along. */
  readonly gapBytes: number
  /** Reads are merged up to this length; one that is longer is made alone. */
  readonly maxBytes: number
  /** When a merged read fails, each is made alone, so that none fails for another. */
  readonly splitOnFailure: boolean
}

interface Caller {
  readonly at: number
  readonly length: number
  readonly signal: AbortSignal | undefined
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: unknown) => void
  /** Has its answer, or has withdrawn. */
  settled: boolean
  unwatch: (() => void) | undefined
}

/** One read, and those who wait for a part of it. */
interface Merged {
  readonly at: number
  readonly end: number
  readonly callers: Caller[]
  readonly controller: AbortController
}

/**
 * Makes a function that reads. Calls of one turn wait for its end, are sorted and merged; a later call for what is on its
 * way already waits for that. A caller who aborts is told at once; what was asked for him goes on for others, and is aborted
 * when there are none.
 */
export const createMergedReads = ({ read, gapBytes, maxBytes, splitOnFailure }: MergeOptions): (at: number, length: number, signal?: AbortSignal) => Promise<Uint8Array> => {
  /** A reader that throws rejects. */
  const readOnce: typeof read = async (at, length, signal) => read(at, length, signal)
  let waiting: Caller[] = []
  const underWay = new Set<Merged>()

  const start = (callers: Caller[], at: number, end: number): void => {
    const merged: Merged = { at, end, callers, controller: new AbortController() }
    underWay.add(merged)
    for (const caller of callers) watch(caller, merged)
    readOnce(at, end - at, merged.controller.signal).then(
      (bytes) => {
        underWay.delete(merged)
        const wanted = callers.filter(({ settled }) => !settled)
        for (const caller of wanted) {
          const from = caller.at - at
          settle(caller)
          caller.resolve(wanted.length === 1 && caller.length === bytes.byteLength ? bytes : copyOf(bytes, from, caller.length))
        }
      },
      (error: unknown) => {
        underWay.delete(merged)
        const wanted = callers.filter(({ settled }) => !settled)
        for (const caller of wanted) {
          settle(caller)
          if (!splitOnFailure || callers.length === 1) caller.reject(error)
          else start([{ ...caller, settled: false, unwatch: undefined }], caller.at, caller.at + caller.length)
        }
      },
    )
  }
  const watch = (caller: Caller, merged: Merged): void => {
    const { signal } = caller
    if (signal === undefined) return
    if (signal.aborted) return withdraw(caller, merged)
    caller.unwatch = onAbort(signal, () => { withdraw(caller, merged) })
  }
  const withdraw = (caller: Caller, merged: Merged): void => {
    settle(caller)
    caller.reject(caller.signal?.reason)
    if (!merged.callers.every(({ settled }) => settled)) return
    underWay.delete(merged)
    merged.controller.abort(caller.signal?.reason)
  }
  const settle = (caller: Caller): void => {
    caller.settled = true
    caller.unwatch?.()
  }
  const flush = (): void => {
    const callers = waiting.filter((caller) => {
      if (caller.signal?.aborted !== true) return true
      caller.reject(caller.signal.reason)
      return false
    }).sort((a, b) => a.at - b.at)
    waiting = []
    for (let i = 0; i < callers.length;) {
      const first = callers[i]!
      const group = [first]
      let end = first.at + first.length
      for (i++; i < callers.length; i++) {
        const next = callers[i]!
        const nextEnd = Math.max(end, next.at + next.length)
        // what lies inside costs nothing more, however long that is
        if (nextEnd > end && (next.at - end > gapBytes || nextEnd - first.at > maxBytes)) break
        group.push(next)
        end = nextEnd
      }
      start(group, first.at, end)
    }
  }

  return (at, length, signal) => new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const caller: Caller = { at, length, signal, resolve, reject, settled: false, unwatch: undefined }
    for (const merged of underWay) {
      if (at < merged.at || at + length > merged.end) continue
      merged.callers.push(caller)
      return watch(caller, merged)
    }
    if (waiting.push(caller) === 1) queueMicrotask(flush)
  })
}

/** Not `slice`: of a Buffer that would be a view. */
const copyOf = (bytes: Uint8Array, from: number, length: number): Uint8Array => new Uint8Array(bytes.subarray(from, from + length))
