/** Work that tells how far it is, as a stream whose last value is its result. */
import type { ByteProgress, CallOptions } from '@dagstore/io'

/**
 * Begins when it is iterated; leaving it withdraws the work, and waits until that has ended. Of progress that nobody has taken yet only the
 * newest is kept.
 */
export async function * progressStream<R, V> (
  run: (options: CallOptions & { readonly onProgress: (progress: ByteProgress) => void }) => Promise<R>,
  { signal }: CallOptions,
  values: { readonly progress: (progress: ByteProgress) => V, readonly result: (result: R, last: ByteProgress) => V },
): AsyncGenerator<V, void, undefined> {
  const left = new AbortController()
  let newest: ByteProgress | undefined
  let last: ByteProgress = { doneBytes: 0, totalBytes: undefined }
  let wake = (): void => {}
  let over = false
  const work = run({
    signal: signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]),
    onProgress: (progress) => {
      newest = progress
      wake()
    },
  })
  const end = (): void => {
    over = true
    wake()
  }
  work.then(end, end)
  try {
    while (!over) {
      const progress = newest
      newest = undefined
      if (progress === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (over || newest !== undefined) resolve()
        })
        continue
      }
      last = progress
      yield values.progress(progress)
    }
    const result = await work
    yield values.result(result, newest ?? last)
  } finally {
    left.abort()
    await work.catch(() => {}) // it was told above, or nobody listens any more
  }
}
