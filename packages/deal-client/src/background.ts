/** Goes on with deals by itself: each that is on its way has a loop of its own, and active ones are asked about in turn. */
import type { ClientDeal } from '@dagstore/deal-protocol'
import type { CID } from 'multiformats/cid'
import type { DealTable } from './deal-table.ts'
import type { DealSteps } from './deal-steps.ts'
import type { Parts } from './parts.ts'

/** Something that concerns no caller: a record that cannot be read, a database that fails. */
export interface ClientDealProblem {
  /** Text of the proposal CID; `undefined`: of no single deal. */
  readonly deal: string | undefined
  readonly error: unknown
}

interface Loop {
  /** Ends its sleep. */
  wake: AbortController
  isAsleep: boolean
  /** Somebody has asked for one more round. */
  again: boolean
  /** Somebody waits for what comes after it is active. */
  stays: boolean
  ended: Promise<void>
}

/** In so long all active deals are asked about once. */
const SWEEP_MS = 3_600_000
const PROBLEM_PAUSE_MS = 60_000

export class Background {
  readonly #parts: Parts
  readonly #table: DealTable
  readonly #steps: DealSteps
  readonly #onProblem: (problem: ClientDealProblem) => void
  readonly #loops: Map<string, Loop> = new Map()
  #sweeping: Promise<void> | undefined

  constructor (parts: Parts, steps: DealSteps, onProblem: (problem: ClientDealProblem) => void) {
    this.#parts = parts
    this.#table = parts.table
    this.#steps = steps
    this.#onProblem = onProblem
  }

  /** With all deals that an earlier process has left on their way. */
  begin (): void { this.#sweeping = this.#sweep() }

  /** Go on with a deal now. @param stays - also when it is active */
  drive (proposalCid: CID, stays = false): void {
    if (this.#parts.ending.aborted) return
    const name = proposalCid.toString()
    const known = this.#loops.get(name)
    if (known !== undefined) {
      known.stays ||= stays
      known.again = true
      known.wake.abort()
      return
    }
    const loop: Loop = { wake: new AbortController(), isAsleep: false, again: false, stays, ended: Promise.resolve() }
    this.#loops.set(name, loop)
    loop.ended = this.#run(proposalCid, loop)
  }

  /** After a change: there may be something to do at once. */
  changed ({ proposalCid, state }: ClientDeal, from: ClientDeal['state'] | undefined): void {
    const loop = this.#loops.get(proposalCid.toString())
    // one that is awake has made the change itself, or comes to it
    if (loop?.isAsleep === true) loop.wake.abort()
    else if (loop === undefined && from === 'StorageDealActive' && state !== from) this.drive(proposalCid)
  }

  /** Once the client's end has been signalled: resolves when nothing is under way any more. */
  async end (): Promise<void> {
    await Promise.all([...this.#loops.values()].map(({ ended }) => ended))
    await this.#sweeping
  }

  async #run (proposalCid: CID, loop: Loop): Promise<void> {
    const { ending, clock } = this.#parts
    while (!ending.aborted) {
      loop.again = false
      loop.wake = new AbortController()
      const pause = await this.#advance(proposalCid)
      if (pause === 0) continue
      // one of many that are asked about in turn
      const isLeft = pause !== undefined && !loop.stays && (await this.#table.get(proposalCid).catch(() => undefined))?.state === 'StorageDealActive' // told already
      if (loop.again) continue
      if (pause === undefined || isLeft) break
      loop.isAsleep = true
      await clock.sleep(pause, { signal: AbortSignal.any([ending, loop.wake.signal]) }).catch(() => {}) // woken
      loop.isAsleep = false
    }
    this.#loops.delete(proposalCid.toString())
  }

  async #advance (proposalCid: CID): Promise<number | undefined> {
    try {
      return await this.#steps.advance(proposalCid)
    } catch (error) {
      if (this.#parts.ending.aborted) return undefined
      this.#onProblem({ deal: proposalCid.toString(), error })
      return (error as { readonly retry?: unknown }).retry === 'later' ? PROBLEM_PAUSE_MS : undefined
    }
  }

  async #sweep (): Promise<void> {
    const { ending, clock } = this.#parts
    for (let isFirst = true; !ending.aborted; isFirst = false) {
      try {
        for await (const name of this.#table.names('open', { signal: ending })) {
          if (this.#loops.has(name.toString())) continue
          const deal = await this.#table.get(name).catch((error: unknown) => {
            if (isFirst) this.#onProblem({ deal: name.toString(), error })
            return undefined
          })
          if (deal === undefined) continue
          if (deal.state !== 'StorageDealActive') this.drive(name)
          else if (!isFirst) await this.#advance(name)
        }
      } catch (error) {
        if (ending.aborted) return
        this.#onProblem({ deal: undefined, error })
      }
      await clock.sleep(SWEEP_MS, { signal: ending }).catch(() => {}) // closing
    }
  }
}
