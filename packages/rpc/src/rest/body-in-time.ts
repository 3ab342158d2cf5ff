/** The body of a request, as long as something of it comes. */
import type { Clock } from '@dagstore/io'

export interface InTime {
  /** From when bytes are asked for to when there are some. */
  readonly idleMs: number
  readonly clock: Clock
  /** Aborted when the body is left for its silence. */
  readonly stalled: AbortController
}

/** Its chunks; the body is left at the end, however that comes. Fails when nothing comes for too long, or the body breaks off. */
export async function * bodyInTime (body: ReadableStream<Uint8Array> | null, inTime: InTime): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body?.getReader()
  if (reader === undefined) return
  try {
    for (;;) {
      const { done, value } = await next(reader, inTime)
      if (done) return
      yield value
    }
  } finally {
    reader.cancel().catch(() => {}) // it has failed already
  }
}

const next = (reader: ReadableStreamDefaultReader<Uint8Array>, { idleMs, clock, stalled }: InTime): ReturnType<typeof reader.read> => new Promise((resolve, reject) => {
  const come = new AbortController()
  clock.sleep(idleMs, { signal: come.signal }).then(() => {
    stalled.abort(new Error('the body has stalled'))
    reject(stalled.signal.reason)
  }, () => {}) // it came
  reader.read().then(resolve, reject).finally(() => { come.abort() })
})
