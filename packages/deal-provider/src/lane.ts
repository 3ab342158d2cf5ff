/** Work on deals by name: a few at a time, each name once in the queue, in order of asking. */
import type { CID } from 'multiformats/cid'

export interface Lane {
  /** Once more after the work on it that is under way. */
  push(proposalCid: CID): void
  /** Resolves when the queue is short enough for more. */
  room(): Promise<void>
  /** Nothing is begun any more; resolves when what is under way has ended. */
  end(): Promise<void>
}

/** Names that wait before whoever lists all of them has to. */
const ROOM = 64

/** @param work - must not reject */
export const createLane = (concurrency: number, work: (proposalCid: CID) => Promise<void>): Lane => {
  const queue = new Map<string, CID>()
  const running = new Map<string, Promise<void>>()
  let ended = false
  let wakers: (() => void)[] = []

  const start = (): void => {
    for (const [key, proposalCid] of queue) {
      if (ended || running.size >= concurrency) return
      if (running.has(key)) continue
      queue.delete(key)
      running.set(key, work(proposalCid).finally(() => {
        running.delete(key)
        start()
        if (queue.size >= ROOM) return
        for (const wake of wakers) wake()
        wakers = []
      }))
    }
  }
  return {
    push: (proposalCid) => {
      if (ended) return
      queue.set(proposalCid.toString(), proposalCid)
      start()
    },
    room: async () => {
      if (queue.size >= ROOM && !ended) await new Promise<void>((resolve) => { wakers.push(resolve) })
    },
    end: async () => {
      ended = true
      queue.clear()
      for (const wake of wakers) wake()
      await Promise.all(running.values())
    },
  }
}
