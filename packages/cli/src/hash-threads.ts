/** How many threads hash a piece. */
import { availableParallelism } from 'node:os'
import type { OpenCommP } from '@dagstore/piece'
import { openCommP } from '@dagstore/piece/node'

/** More are not fed: reading and copying are one thread's work. */
const MOST = 4

/** For `commpOf`, which starts them when there is enough to do; `undefined`: a second one has no processor. */
export const hashThreads = (): number | undefined => {
  const processors = availableParallelism()
  return processors < 2 ? undefined : Math.min(MOST, processors)
}

/** For those who hash several pieces at a time: the first has the threads, and those beside it this one. */
export const createThreadedCommP = (): OpenCommP => {
  let taken = false
  return (options) => {
    if (taken) return openCommP(options)
    const writer = openCommP({ ...options, workers: hashThreads() })
    taken = true
    let closing: Promise<void> | undefined
    return { ...writer, close: () => closing ??= writer.close().finally(() => { taken = false }) }
  }
}
