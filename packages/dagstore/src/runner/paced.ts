/// <reference lib="esnext.disposable" preserve="true" />
/** Bytes that are read for an index, no faster than they may be. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import type { Mount } from '@dagstore/mounts'
import type { Budget } from '../budget.ts'

export type Pace = Pick<Budget, 'take'>

/** At most so many are paid for at once, so that shards take turns. */
const STEP_BYTES = 1 << 20

const pay = async (pace: Pace, bytes: number, options?: CallOptions): Promise<void> => {
  for (let done = 0; done < bytes; done += STEP_BYTES) await pace.take(Math.min(STEP_BYTES, bytes - done), options)
}

/** Closing it closes `source`. */
export const pacedSource = (source: ByteSource, pace: Pace): ByteSource => ({
  sizeBytes: source.sizeBytes,
  identity: source.identity,
  get cost () { return source.cost },
  read: async (at, length, options) => {
    // refused before it is paid for
    if (at >= 0 && length > 0 && at + length <= source.sizeBytes) await pay(pace, length, options)
    return source.read(at, length, options)
  },
  peek: () => undefined, // what lies in memory need not be paid for, and what does is not known
  close: () => source.close(),
  [Symbol.asyncDispose]: () => source.close(),
})

/** The same mount, whose streams come at that pace; what can be read in place is left as it is. */
export const pacedStreams = (mount: Mount, pace: Pace): Mount => ({
  ...mount,
  open: async (options) => {
    const opened = await mount.open(options)
    if (opened.access === 'random') return opened
    return {
      ...opened,
      stream: async function * (from, call) {
        for await (const chunk of opened.stream(from, call)) {
          await pay(pace, chunk.byteLength, call)
          yield chunk
        }
      },
    }
  },
})
