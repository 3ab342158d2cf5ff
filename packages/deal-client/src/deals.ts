/** The client's deals, each changed by one event at a time; whoever listens is told after it is written. */
import { type ClientDeal, type ClientDealProgress, FINAL_STATES, type StorageDealState } from '@dagstore/deal-protocol'
import { type Clock, createKeyLock, type KeyLock } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DealTable } from './deal-table.ts'
import { type ClientDealEvent, step } from './machine/index.ts'
import type { DealSecrets } from './record-codec.ts'

export interface Changed { readonly deal: ClientDeal, readonly from: StorageDealState | undefined }

/** Nothing is left to do for it. */
export const isOver = ({ state, reservedFunds }: Pick<ClientDealProgress, 'state' | 'reservedFunds'>): boolean => FINAL_STATES.has(state) && reservedFunds === 0n

export class Deals {
  readonly #table: DealTable
  readonly #clock: Clock
  readonly #told: (changed: Changed) => void
  readonly #lock: KeyLock = createKeyLock()

  /** @param told - must not throw */
  constructor (table: DealTable, clock: Clock, told: (changed: Changed) => void) {
    this.#table = table
    this.#clock = clock
    this.#told = told
  }

  get (proposalCid: CID): Promise<ClientDeal | undefined> { return this.#table.get(proposalCid) }

  /** Whether it was new. */
  add (deal: ClientDeal, secrets: DealSecrets): Promise<boolean> {
    return this.#lock(deal.proposalCid.toString(), async () => {
      if (await this.#table.get(deal.proposalCid) !== undefined) return false
      await this.#table.add(deal, secrets)
      this.#told({ deal, from: undefined })
      return true
    })
  }

  /** The deal after the event, durably; `undefined`: the event means nothing to it. */
  change (proposalCid: CID, event: ClientDealEvent): Promise<ClientDeal | undefined> {
    return this.#lock(proposalCid.toString(), async () => {
      const before = await this.#table.get(proposalCid)
      const progress = before === undefined ? undefined : step(before, event, this.#clock.now())
      if (before === undefined || progress === undefined) return undefined
      // `step` keeps the terms that came with the progress
      const deal: ClientDeal = { ...before, ...progress }
      await this.#table.replace(deal, deal, isOver(deal))
      this.#told({ deal, from: before.state })
      return deal
    })
  }
}
