/** Asking about deals that wait for nothing but their end, a share of them at each poll, so that no poll has many to ask about. */
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DealTable } from './deal-table.ts'

export interface RestingDeals {
  /** The share of this poll; further names are read as they are taken. */
  next(options: CallOptions): AsyncIterable<CID>
}

/** @param polls - that a round through all of them takes */
export const createRestingDeals = (table: Pick<DealTable, 'listed'>, polls: number): RestingDeals => {
  let [poll, asked, all] = [0, 0, 0]
  let last: CID | undefined
  return {
    next: async function * (options) {
      if (poll === 0) {
        [asked, all, last] = [0, 0, undefined]
        for await (const _ of table.listed('rest', options)) all++
      }
      poll = (poll + 1) % polls
      // of the last poll of a round are those that have come since, too
      const share = poll === 0 ? Number.POSITIVE_INFINITY : Math.ceil(all * poll / polls)
      if (asked >= share) return
      for await (const name of table.listed('rest', { ...options, after: last })) {
        asked++
        last = name
        yield name
        if (asked >= share) return
      }
    },
  }
}
