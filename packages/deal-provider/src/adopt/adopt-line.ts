/** What an adoption tells of each record, and as a line of its report. */
import type { LotusState } from '@dagstore/dagstore'

export interface AdoptLine {
  readonly key: string
  /** As the record says it; `undefined`: a number that no version has. */
  readonly state: LotusState | undefined
  /** `registered`: there was no such shard. `already`: there was. `failed`: there is none now, or one of other bytes. */
  readonly outcome: 'registered' | 'already' | 'failed'
  /**
   * `adopted`: the shard is read through it at once. `missing`, `damaged`: the record promises one that is not there, or not
   * to be believed; the shard is new, and indexed by whoever acquires it. `none`: the record promises none, or the shard has its own.
   */
  readonly index: 'adopted' | 'missing' | 'damaged' | 'none'
  /** `borrowed`: its transient is read where it is, while it is there. `left`: the record names one that is not read. `none`: it names none, or the shard was there. */
  readonly copy: 'borrowed' | 'left' | 'none'
  /** For people; `undefined` where the rest says all. */
  readonly reason: string | undefined
}

/** A row of the database that is no record. */
export interface AdoptProblem {
  readonly row: string
  readonly problem: string
}

export type AdoptReportLine = AdoptLine | AdoptProblem

/**
 * One line of JSON, ended by a line feed.
 *
 *     {"key":"baga6ea4seaq…","state":"ShardStateAvailable","outcome":"registered","index":"adopted","copy":"none"}
 *     {"row":"/dagstore/x","problem":"no object"}
 */
export const encodeAdoptLine = (line: AdoptReportLine): string => `${JSON.stringify(line)}\n`
