/** Reads that the end of their source waits for. */

export interface ReadsUnderWay {
  /** The same, and counted as long as it lasts. */
  add<T> (read: Promise<T>): Promise<T>
  /** Resolves when those that were begun have ended, well or not. */
  ended (): Promise<void>
}

export const createReadsUnderWay = (): ReadsUnderWay => {
  const reads = new Set<Promise<unknown>>()
  return {
    add: async (read) => {
      reads.add(read)
      try {
        return await read
      } finally {
        reads.delete(read)
      }
    },
    ended: async () => { await Promise.allSettled(reads) },
  }
}
