/** What a migration tells of each deal, and as a line of its report. */
import type { DealProblem } from '@dagstore/piece-store'

/**
 * `registered`: the first deal of a piece that had no shard. `already`: the same of one that had. `merged`: a further deal of
 * that piece. `skipped`: sealing does not have it. `failed`: tried again by the next run.
 */
export type DealOutcome = 'registered' | 'already' | 'merged' | 'skipped' | 'failed'

export interface DealLine {
  readonly deal: string
  /** The piece CID, v1: the key of its shard. */
  readonly piece: string
  readonly miner: bigint
  readonly sector: bigint | undefined
  readonly outcome: DealOutcome
  /** For people; `undefined` where the outcome says all. */
  readonly reason: string | undefined
}

/** A row that the reader could not use. */
export type ProblemLine = DealProblem

export type ReportLine = DealLine | ProblemLine

/**
 * One line of JSON, ended by a line feed. Numbers are exact: a u64 has all its digits.
 *
 *     {"deal":"5","piece":"baga6ea4seaq…","miner":1000,"sector":7,"outcome":"merged","reason":"same piece as deal 4"}
 *     {"problem":"deals.ndjson:7:3","code":"PIECE_STORE_BAD_ROW","message":"…"}
 */
export const encodeReportLine = (line: ReportLine): string => {
  if ('place' in line) return `${JSON.stringify({ problem: line.place, code: line.error.code, message: line.error.message })}\n`
  const { deal, piece, miner, sector, outcome, reason } = line
  return `{"deal":${JSON.stringify(deal)},"piece":"${piece}","miner":${miner}${sector === undefined ? '' : `,"sector":${sector}`}` +
    `,"outcome":"${outcome}"${reason === undefined ? '' : `,"reason":${JSON.stringify(reason)}`}}\n`
}
