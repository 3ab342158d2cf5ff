/** Goes on with deals by itself: when they change, when their time has come, and now and then. */
import type { DealProgress, ProviderDeal, SealingEvent } from '@dagstore/deal-protocol'
import { type CallOptions, withdrawable } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import type { DealProblem, DealSteps } from './deal-steps.ts'
import type { DealTable } from './deal-table.ts'
import { codeOf } from './failure.ts'
import { leftFiles } from './left-files.ts'
import { createClientLane } from './client-lane.ts'
import { createLane, type Lane } from './lane.ts'
import type { Parts } from './parts.ts'
import { createRestingDeals } from './resting.ts'
import { type DealList, dueOf, isAtRest, wantsData, wantsFollowing, wantsReceiving, wantsShard } from './wants.ts'

export interface BackgroundSettings {
  readonly pollIntervalMs: number
  /** Deals whose bytes are checked or given away at a time. */
  readonly handOffs: number
  /** Deals whose bytes are fetched at a time, and of one client. */
  readonly pulls: number
  readonly clientPulls: number
  readonly onProblem: (problem: DealProblem) => void
}

/** Deals whose registration, or whose status, is looked at a time: both wait for others most of the time. */
const REGISTRATIONS = 16
const FOLLOWED = 4
/** In so many polls all deals that wait for nothing but their end are asked about. */
const POLLS_OF_ACTIVE = 30
const SHORTEST_MS = 5000
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60_000

/** A lane, and what belongs into it. One that is full holds up no other. */
interface Feed {
  readonly lane: Lane
  /** Where its deals stand. */
  readonly lists: readonly DealList[]
  readonly wants: (progress: DealProgress, now: number) => boolean
  /** Besides, those that each poll asks for without looking at them. */
  readonly more: ((options: CallOptions) => AsyncIterable<CID>) | undefined
  /** Ends the sleep of its loop. */
  wake: AbortController
  /** When that loop wakes by itself. */
  wakesAt: number
}

export class Background {
  readonly #parts: Parts
  readonly #table: DealTable
  readonly #settings: BackgroundSettings
  /** Bytes from the network; reading and writing many bytes; the rest; shards. */
  readonly #feeds: { readonly incoming: Feed, readonly data: Feed, readonly status: Feed, readonly shards: Feed }
  /** Names of records that cannot be read, told of once. */
  readonly #damaged: Set<string> = new Set()
  readonly #loops: readonly Promise<void>[]

  constructor (parts: Parts, table: DealTable, steps: DealSteps, settings: BackgroundSettings) {
    this.#parts = parts
    this.#table = table
    this.#settings = settings
    const resting = createRestingDeals(table, POLLS_OF_ACTIVE)
    const feedOf = (lane: Lane, lists: Feed['lists'], wants: Feed['wants'], more?: Feed['more']): Feed => ({ lane, lists, wants, more, wake: new AbortController(), wakesAt: Number.NEGATIVE_INFINITY })
    const feed = (concurrency: number, run: (deal: ProviderDeal) => Promise<void>, ...rest: readonly [Feed['lists'], Feed['wants'], Feed['more']?]): Feed =>
      feedOf(createLane(concurrency, (name) => this.#work(name, run)), ...rest)
    const incoming = createClientLane({
      concurrency: settings.pulls, perClient: settings.clientPulls, clientOf: (name) => this.#clientOf(name), work: (name) => this.#work(name, (deal) => steps.receive(deal)),
    })
    this.#feeds = {
      incoming: feedOf(incoming, ['online'], wantsReceiving),
      data: feed(settings.handOffs, (deal) => steps.moveData(deal), ['busy'], wantsData),
      status: feed(FOLLOWED, (deal) => steps.goOn(deal), ['busy'], (progress, now) => wantsFollowing(progress, now) && !isAtRest(progress), (options) => resting.next(options)),
      shards: feed(REGISTRATIONS, (deal) => steps.register(deal), ['busy'], wantsShard),
    }
    this.#loops = [...Object.values(this.#feeds).map((one) => this.#watchTime(one)), this.#watchShards(), this.#watchSealing(), this.#tellLeftFiles()]
  }

  /** After a change: there may be something to do at once, or at another time than it was. */
  kick (deal: ProviderDeal): void {
    const [now, dueAt] = [this.#parts.clock.now(), dueOf(deal) ?? Number.POSITIVE_INFINITY]
    for (const feed of Object.values(this.#feeds)) {
      if (feed.wants(deal, now)) feed.lane.push(deal.proposalCid)
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

  /** Who shares a part of the places: who has proposed it, else whose deal it is. */
  async #clientOf (proposalCid: CID): Promise<string> {
    try {
      return (await this.#table.transfer(proposalCid))?.client ?? (await this.#table.get(proposalCid))?.proposal.client ?? ''
    } catch {
      return '' // whoever works on it is told
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
    await this.#loop(async () => {
      while (!signal.aborted) {
        feed.wake = new AbortController()
        feed.wakesAt = Number.NEGATIVE_INFINITY
        const now = clock.now()
        await this.#offerWanted(feed, this.#table.due(now, { signal }), now)
        // a clock may be set back
        if (now - polledAt >= this.#settings.pollIntervalMs || now < polledAt) {
          for (const list of feed.lists) await this.#offerWanted(feed, this.#table.listed(list, { signal }), now)
          if (feed.more !== undefined) for await (const name of feed.more({ signal })) await this.#offer(feed, name)
          polledAt = now
        }
        const nextAt = Math.min(await this.#table.nextDue() ?? Number.POSITIVE_INFINITY, polledAt + this.#settings.pollIntervalMs)
        // what is due now is in a lane, perhaps for long
        feed.wakesAt = Math.max(nextAt, now + SHORTEST_MS)
        await clock.sleep(feed.wakesAt - now, { signal: feed.wake.signal }).catch(() => {}) // woken
      }
    })
  }

  async #offerWanted (feed: Feed, names: AsyncIterable<CID>, now: number): Promise<void> {
    for await (const { name, record, damage } of this.#table.progress(names)) {
      if (record === undefined) this.#tell(name, damage)
      else if (feed.wants(record, now)) await this.#offer(feed, name)
    }
  }

  async #offer ({ lane }: Feed, name: CID): Promise<void> {
    lane.push(name)
    await lane.room()
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
