/** Goes on with deals by itself: when they change, when their time has come, and now and then. */
import type { DealProgress, ProviderDeal, SealingEvent } from '@dagstore/deal-protocol'
import { withdrawable } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import type { DealProblem, DealSteps } from './deal-steps.ts'
import { type DealTable, dueOf } from './deal-table.ts'
import { codeOf } from './failure.ts'
import { leftFiles } from './left-files.ts'
import { createLane, type Lane } from './lane.ts'
import type { Parts } from './parts.ts'
import { wantsShard } from './registration.ts'
import { isAtRest, wantsData, wantsFollowing } from './wants.ts'

export interface BackgroundSettings {
  readonly pollIntervalMs: number
  /** Deals whose bytes are brought in or given away at a time. */
  readonly handOffs: number
  readonly onProblem: (problem: DealProblem) => void
}

/** Deals whose registration, or whose status, is looked at a time: both wait for others most of the time. */
const REGISTRATIONS = 16
const FOLLOWED = 4
/** Deals that wait for nothing but their end are asked about each so manieth time. */
const POLLS_OF_ACTIVE = 30
const SHORTEST_MS = 5000
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60_000

/** A lane, and what belongs into it. One that is full holds up no other. */
interface Feed {
  readonly lane: Lane
  /** @param all - deals too that wait for nothing but their end */
  readonly wants: (progress: DealProgress, now: number, all: boolean) => boolean
  /** Ends the sleep of its loop. */
  wake: AbortController
  /** When that loop wakes by itself. */
  wakesAt: number
}

export class Background {
  readonly #parts: Parts
  readonly #table: DealTable
  readonly #settings: BackgroundSettings
  /** Reading and writing many bytes; the rest; shards. */
  readonly #feeds: { readonly data: Feed, readonly status: Feed, readonly shards: Feed }
  /** Names of records that cannot be read, told of once. */
  readonly #damaged: Set<string> = new Set()
  readonly #loops: readonly Promise<void>[]

  constructor (parts: Parts, table: DealTable, steps: DealSteps, settings: BackgroundSettings) {
    this.#parts = parts
    this.#table = table
    this.#settings = settings
    const feed = (concurrency: number, run: (deal: ProviderDeal) => Promise<void>, wants: Feed['wants']): Feed =>
      ({ lane: createLane(concurrency, (name) => this.#work(name, run)), wants, wake: new AbortController(), wakesAt: Number.NEGATIVE_INFINITY })
    this.#feeds = {
      data: feed(settings.handOffs, (deal) => steps.moveData(deal), (progress, now) => wantsData(progress, now, parts.transfer !== undefined)),
      status: feed(FOLLOWED, (deal) => steps.goOn(deal), (progress, now, all) => wantsFollowing(progress, now) && (all || !isAtRest(progress))),
      shards: feed(REGISTRATIONS, (deal) => steps.register(deal), wantsShard),
    }
    this.#loops = [...Object.values(this.#feeds).map((one) => this.#watchTime(one)), this.#watchShards(), this.#watchSealing(), this.#tellLeftFiles()]
  }

  /** After a change: there may be something to do at once, or at another time than it was. */
  kick (deal: ProviderDeal): void {
    const [now, dueAt] = [this.#parts.clock.now(), dueOf(deal) ?? Number.POSITIVE_INFINITY]
    for (const feed of Object.values(this.#feeds)) {
      if (feed.wants(deal, now, true)) feed.lane.push(deal.proposalCid)
      if (dueAt < feed.wakesAt) feed.wake.abort()
    }
  }

  /** Once the provider's end has been signalled: resolves when nothing is under way any more. */
  async end (): Promise<void> {
    const feeds = Object.values(this.#feeds)
    for (const { wake } of feeds) wake.abort()
    await Promise.all([...feeds.map(({ lane }) => lane.end()), ...this.#loops])
  }

  /** One piece of work on one deal. What it cannot keep with the deal is told as a problem. */
  async #work (proposalCid: CID, run: (deal: ProviderDeal) => Promise<unknown>): Promise<void> {
    try {
      const deal = await this.#table.get(proposalCid)
      if (deal !== undefined) await run(deal)
    } catch (error) {
      this.#tell(proposalCid, error)
    }
  }

  #tell (proposalCid: CID, error: unknown): void {
    const deal = proposalCid.toString()
    if (this.#parts.ending.aborted || this.#damaged.has(deal)) return
    if (codeOf(error) === 'DEAL_BAD_RECORD') this.#damaged.add(deal)
    this.#settings.onProblem({ deal, error })
  }

  /** What waits for its time, and what has to be asked for. */
  async #watchTime (feed: Feed): Promise<void> {
    const { clock, ending: signal } = this.#parts
    let polledAt = Number.NEGATIVE_INFINITY
    let polls = 0
    await this.#loop(async () => {
      while (!signal.aborted) {
        feed.wake = new AbortController()
        feed.wakesAt = Number.NEGATIVE_INFINITY
        const now = clock.now()
        const offer = (all: boolean) => async (name: CID): Promise<void> => {
          const progress = await this.#table.progress(name)
          if (progress === undefined || !feed.wants(progress, now, all)) return
          feed.lane.push(name)
          await feed.lane.room()
        }
        await this.#each(this.#table.due(now, { signal }), offer(true))
        // a clock may be set back
        if (now - polledAt >= this.#settings.pollIntervalMs || now < polledAt) {
          polledAt = now
          await this.#each(this.#table.listed('open', { signal }), offer(polls++ % POLLS_OF_ACTIVE === 0))
        }
        const nextAt = Math.min(await this.#table.nextDue() ?? Number.POSITIVE_INFINITY, polledAt + this.#settings.pollIntervalMs)
        // what is due now is in a lane, perhaps for long
        feed.wakesAt = Math.max(nextAt, now + SHORTEST_MS)
        await clock.sleep(feed.wakesAt - now, { signal: feed.wake.signal }).catch(() => {}) // woken
      }
    })
  }

  async #each (names: AsyncIterable<CID>, run: (name: CID) => Promise<void>): Promise<void> {
    for await (const name of names) {
      await run(name).catch((error: unknown) => {
        this.#parts.ending.throwIfAborted()
        this.#tell(name, error)
      })
    }
  }

  /** A shard that was mended by others is that of its deals again. */
  async #watchShards (): Promise<void> {
    const { dagstore, deals, ending: signal } = this.#parts
    const unregistered = (): AsyncIterable<CID> => this.#table.listed('unregistered', { signal })
    const mended = async (name: CID): Promise<void> => {
      const deal = await deals.get(name)
      if (deal?.shard.state !== 'failed' || (await dagstore.shard(deal.proposal.pieceCid.toString(), { signal }))?.health !== 'available') return
      await deals.change(name, { type: 'registered' })
    }
    await this.#loop(async () => {
      const events = dagstore.events({ signal })[Symbol.asyncIterator]()
      await this.#each(unregistered(), mended)
      for (;;) {
        const { done, value } = await events.next()
        if (done === true) return
        if (value.type === 'dropped') await this.#each(unregistered(), mended)
        if (value.type !== 'health' || value.to !== 'available') continue
        const piece = pieceOf(value.key)
        if (piece !== undefined) for await (const name of this.#table.withPiece(piece)) await mended(name)
      }
    })
  }

  async #watchSealing (): Promise<void> {
    const { sealing, ending: signal } = this.#parts
    await this.#loop(async () => {
      const events = sealing.events?.({ signal })[Symbol.asyncIterator]()
      for (;;) {
        // whoever tells is not ours, and may not listen to the signal
        const next: IteratorResult<SealingEvent> | undefined = events && await withdrawable(events.next(), signal)
        if (next === undefined || next.done === true) return
        // what it says may be old by now: it is asked
        this.#feeds.status.lane.push(next.value.proposalCid)
      }
    })
  }

  /** Once, at the beginning. */
  async #tellLeftFiles (): Promise<void> {
    await this.#loop(async () => {
      for await (const error of leftFiles(this.#parts, this.#table)) this.#settings.onProblem({ deal: error.deal, error })
    })
  }

  /** A loop ends with the provider; one that fails is told of, and what it did is done by the others' polling. */
  async #loop (run: () => Promise<void>): Promise<void> {
    const { ending: signal } = this.#parts
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await run()
      } catch (error) {
        if (signal.aborted) return
        this.#settings.onProblem({ deal: undefined, error })
        await this.#parts.clock.sleep(pauseMs, { signal }).catch(() => {}) // closing
      }
    }
  }
}

/** `undefined`: the key of another shard. */
const pieceOf = (key: string): CID | undefined => {
  try {
    return CID.parse(key)
  } catch {
    return undefined
  }
}
