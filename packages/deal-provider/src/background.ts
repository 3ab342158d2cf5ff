/** Goes on with deals by itself: when they change, when their time has come, and now and then. */
import type { ProviderDeal, SealingEvent } from '@dagstore/deal-protocol'
import { withdrawable } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import type { DealProblem, DealSteps } from './deal-steps.ts'
import { type DealList, type DealTable, dueOf, isSettled } from './deal-table.ts'
import { codeOf } from './failure.ts'
import { createLane, type Lane } from './lane.ts'
import type { Parts } from './parts.ts'
import { isDecided } from './registration.ts'

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

export class Background {
  readonly #parts: Parts
  readonly #table: DealTable
  readonly #settings: BackgroundSettings
  /** Reading and writing many bytes; the rest; shards. */
  readonly #lanes: { readonly data: Lane, readonly status: Lane, readonly shards: Lane }
  /** Ends the sleep of the loop that waits for times. */
  #wake: AbortController = new AbortController()
  /** When that loop wakes by itself. */
  #wakesAt: number = Number.NEGATIVE_INFINITY
  /** Names of records that cannot be read, told of once. */
  readonly #damaged: Set<string> = new Set()
  readonly #loops: readonly Promise<void>[]

  constructor (parts: Parts, table: DealTable, steps: DealSteps, settings: BackgroundSettings) {
    this.#parts = parts
    this.#table = table
    this.#settings = settings
    this.#lanes = {
      data: createLane(settings.handOffs, (name) => this.#work(name, (deal) => steps.moveData(deal))),
      status: createLane(FOLLOWED, (name) => this.#work(name, (deal) => steps.goOn(deal))),
      shards: createLane(REGISTRATIONS, (name) => this.#work(name, (deal) => steps.register(deal))),
    }
    this.#loops = [this.#watchTime(), this.#watchShards(), this.#watchSealing()]
  }

  /** After a change: there may be something to do at once, or at another time than it was. */
  kick (deal: ProviderDeal): void {
    if (isSettled(deal)) return
    for (const lane of Object.values(this.#lanes)) lane.push(deal.proposalCid)
    if ((dueOf(deal) ?? Number.POSITIVE_INFINITY) < this.#wakesAt) this.#wake.abort()
  }

  /** Once the provider's end has been signalled: resolves when nothing is under way any more. */
  async end (): Promise<void> {
    this.#wake.abort()
    await Promise.all([...Object.values(this.#lanes).map((lane) => lane.end()), ...this.#loops])
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
  async #watchTime (): Promise<void> {
    const { clock, ending: signal } = this.#parts
    let polledAt = Number.NEGATIVE_INFINITY
    let polls = 0
    await this.#loop(async () => {
      while (!signal.aborted) {
        this.#wake = new AbortController()
        this.#wakesAt = Number.NEGATIVE_INFINITY
        const now = clock.now()
        for await (const name of this.#table.due(now, { signal })) await this.#push(name)
        if (now - polledAt >= this.#settings.pollIntervalMs) {
          polledAt = now
          const all = polls++ % POLLS_OF_ACTIVE === 0
          await this.#each('open', async (name) => { if (all || !isAtRest(await this.#table.get(name))) await this.#push(name) })
        }
        const nextAt = Math.min(await this.#table.nextDue() ?? Number.POSITIVE_INFINITY, polledAt + this.#settings.pollIntervalMs)
        // what is due now is in a lane, perhaps for long
        this.#wakesAt = Math.max(nextAt, now + SHORTEST_MS)
        await clock.sleep(this.#wakesAt - now, { signal: this.#wake.signal }).catch(() => {}) // woken
      }
    })
  }

  async #push (name: CID): Promise<void> {
    for (const lane of Object.values(this.#lanes)) {
      lane.push(name)
      await lane.room()
    }
  }

  async #each (list: DealList, run: (name: CID) => Promise<void>): Promise<void> {
    for await (const name of this.#table.listed(list, { signal: this.#parts.ending })) {
      await run(name).catch((error: unknown) => {
        this.#parts.ending.throwIfAborted()
        this.#tell(name, error)
      })
    }
  }

  /** A shard that was mended by others is that of its deals again. */
  async #watchShards (): Promise<void> {
    const { dagstore, deals, ending: signal } = this.#parts
    const mended = async (name: CID): Promise<void> => {
      const deal = await deals.get(name)
      if (deal?.shard.state !== 'failed' || (await dagstore.shard(deal.proposal.pieceCid.toString(), { signal }))?.health !== 'available') return
      await deals.change(name, { type: 'registered' })
    }
    await this.#loop(async () => {
      const events = dagstore.events({ signal })[Symbol.asyncIterator]()
      await this.#each('unregistered', mended)
      for (;;) {
        const { done, value } = await events.next()
        if (done === true) return
        if (value.type === 'dropped') await this.#each('unregistered', mended)
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
        this.#lanes.status.push(next.value.proposalCid)
      }
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

/** Nothing is left to do until its end. */
const isAtRest = (deal: ProviderDeal | undefined): boolean =>
  deal?.state === 'StorageDealActive' && deal.staged === undefined && deal.failure === undefined && isDecided(deal)

/** `undefined`: the key of another shard. */
const pieceOf = (key: string): CID | undefined => {
  try {
    return CID.parse(key)
  } catch {
    return undefined
  }
}
