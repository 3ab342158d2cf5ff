/** Requests of the background: a few at a time. */
import { createLane } from '@dagstore/io'
import type { Parts } from './parts.ts'

export const asked = async <T>({ requests, ending }: Pick<Parts, 'requests' | 'ending'>, call: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  await requests.enter(createLane(), { signal: ending })
  try {
    return await call(ending)
  } finally {
    requests.leave()
  }
}
