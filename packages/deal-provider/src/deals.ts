/** The deals, each changed by one event at a time; whoever listens is told after it is written. */
import type { ProviderDeal } from '@dagstore/deal-protocol'
import { type Clock, createKeyLock, type KeyLock } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DealTable } from './deal-table.ts'
import { type DealEvent, step } from './machine/index.ts'
import type { TransferRecord } from './online/transfer-record.ts'
import { cameToNothing, mayBeFetched } from './wants.ts'

export interface Changed { readonly deal: ProviderDeal, readonly from: ProviderDeal['state'] | undefined }

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

  get (proposalCid: CID): Promise<ProviderDeal | undefined> { return this.#table.get(proposalCid) }

  /** The deal, unless there is one of this name already: then that one. */
  add (deal: ProviderDeal, transfer?: TransferRecord): Promise<ProviderDeal> {
    return this.#lock(deal.proposalCid.toString(), async () => {
      const known = await this.#table.get(deal.proposalCid)
      if (known !== undefined) return known
      await this.#table.add(deal, transfer)
      this.#told({ deal, from: undefined })
      return deal
    })
  }

  /** One that has come to nothing is no longer known. */
  forget (proposalCid: CID): Promise<void> {
    return this.#lock(proposalCid.toString(), async () => {
      const deal = await this.#table.get(proposalCid)
      if (deal !== undefined && cameToNothing(deal)) await this.#table.forget(deal)
    })
  }

  /** A deal that is proposed again: its token holds longer, and its data, if they are not here, may be fetched elsewhere. */
  renew (proposalCid: CID, given: TransferRecord): Promise<void> {
    return this.#lock(proposalCid.toString(), async () => {
      const [deal, record] = [await this.#table.get(proposalCid), await this.#table.transfer(proposalCid)]
      if (deal === undefined || record === undefined) return
      const from = mayBeFetched(deal) ? given.from : undefined
      if (record.expiresAt >= given.expiresAt && record.from?.url === from?.url && record.from?.token === from?.token) return
      await this.#table.setTransfer(proposalCid, { ...record, expiresAt: Math.max(record.expiresAt, given.expiresAt), from })
    })
  }

  /** The deal after the event, durably; `undefined`: the event means nothing to it, or it is not as `when` wants it. */
  change (proposalCid: CID, event: DealEvent, when: (deal: ProviderDeal) => boolean = () => true): Promise<ProviderDeal | undefined> {
    return this.#lock(proposalCid.toString(), async () => {
      const before = await this.#table.get(proposalCid)
      const progress = before === undefined || !when(before) ? undefined : step(before, event, this.#clock.now())
      if (before === undefined || progress === undefined) return undefined
      // `step` keeps the terms that came with the progress
      const deal: ProviderDeal = { ...before, ...progress }
      await this.#table.replace(deal, before, deal)
      this.#told({ deal, from: before.state })
      return deal
    })
  }
}
