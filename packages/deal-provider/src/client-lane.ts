/** Work on deals by name: a few at a time, of one client no more than its part, each name once in the queue. */
import type { CID } from 'multiformats/cid'
import type { Lane } from './lane.ts'

export interface ClientLaneOptions {
  readonly concurrency: number
  /** Of those, for one client. */
  readonly perClient: number
  /** Must not reject. */
  readonly clientOf: (proposalCid: CID) => Promise<string>
  /** Must not reject. */
  readonly work: (proposalCid: CID) => Promise<void>
}

/** More than wait for data at a time: whoever lists them all is not held up by those of one client. */
const ROOM = 1 << 14

/** Whose turn it is: of those who have the fewest under way, the one whose turn was the longest ago; its names go in order of asking. */
export const createClientLane = ({ concurrency, perClient, clientOf, work }: ClientLaneOptions): Lane => {
  /** By client; whoever had the last turn stands last. */
  const queues = new Map<string, Map<string, CID>>()
  /** Names in them, or on their way into them. */
  const queued = new Set<string>()
  const underWay = new Map<string, number>()
  const running = new Map<string, Promise<void>>()
  const entering = new Set<Promise<void>>()
  let ended = false
  let wakers: (() => void)[] = []

  const next = (): { readonly client: string, readonly key: string, readonly proposalCid: CID } | undefined => {
    let found: ReturnType<typeof next>
    let least = perClient
    for (const [client, queue] of queues) {
      const has = underWay.get(client) ?? 0
      if (has >= least) continue
      for (const [key, proposalCid] of queue) {
        if (running.has(key)) continue
        found = { client, key, proposalCid }
        least = has
        break
      }
    }
    return found
  }
  const start = (): void => {
    while (!ended && running.size < concurrency) {
      const one = next()
      if (one === undefined) return
      const { client, key, proposalCid } = one
      const queue = queues.get(client)
      queue?.delete(key)
      queues.delete(client)
      if (queue !== undefined && queue.size > 0) queues.set(client, queue)
      queued.delete(key)
      count(client, 1)
      running.set(key, work(proposalCid).finally(() => {
        running.delete(key)
        count(client, -1)
        start()
        if (queued.size >= ROOM) return
        for (const wake of wakers) wake()
        wakers = []
      }))
    }
  }
  const count = (client: string, change: number): void => {
    const now = (underWay.get(client) ?? 0) + change
    if (now === 0) underWay.delete(client)
    else underWay.set(client, now)
  }
  return {
    push: (proposalCid) => {
      const key = proposalCid.toString()
      if (ended || queued.has(key)) return
      queued.add(key)
      const entered = clientOf(proposalCid).then((client) => {
        entering.delete(entered)
        queues.set(client, (queues.get(client) ?? new Map<string, CID>()).set(key, proposalCid))
        start()
      })
      entering.add(entered)
    },
    room: async () => {
      if (queued.size >= ROOM && !ended) await new Promise<void>((resolve) => { wakers.push(resolve) })
    },
    end: async () => {
      ended = true
      for (const wake of wakers) wake()
      await Promise.all([...entering, ...running.values()])
    },
  }
}
