/** What Lotus's own modules wrote: `tooling/interop/markets`. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseJson } from '@dagstore/json-rpc'
import { CID } from 'multiformats/cid'
import type { PieceDeals, PieceDealReader } from '../src/index.ts'
import type { DealProblem } from '../src/piece-deals.ts'

export const VECTORS: string = fileURLToPath(new URL('../../../tooling/interop/vectors-markets/', import.meta.url))

export interface ExpectedDeal {
  readonly piece: string
  readonly payload: string
  readonly id: string
  readonly length: string
  readonly proposal: string
  readonly sector?: string
  readonly offset?: string
  readonly state?: string
}

export const expectedDeals: readonly ExpectedDeal[] = JSON.parse(readFileSync(`${VECTORS}expected.json`, 'utf8')) as ExpectedDeal[]

/** With ids exact, as a client of ours gives answers. */
export const readAnswers = (name: string): Record<string, unknown> => parseJson(readFileSync(`${VECTORS}${name}`, 'utf8')) as Record<string, unknown>

/** One line per deal, in no order. */
export const linesOf = (found: readonly PieceDeals[]): readonly string[] => found.flatMap(({ pieceCid, deals }) =>
  deals.map(({ dealId, miner, sector, offsetPadded, lengthPadded, rawSize, state }) => [pieceCid, dealId, miner, sector, offsetPadded, lengthPadded, rawSize, state].join(' '))).sort()

/** The lines of the deals that Lotus knows: those of the piece store and those of the provider. */
export const lotusLines = (deals: readonly ExpectedDeal[] = expectedDeals): readonly string[] =>
  deals.map(({ piece, id, sector, offset, length, proposal, state }) => [piece, id === '0' ? proposal : id, 1000, sector, offset ?? 0, length, undefined, state].join(' ')).sort()

export const collect = async (reader: PieceDealReader, signal?: AbortSignal): Promise<{ found: PieceDeals[], problems: DealProblem[] }> => {
  const found: PieceDeals[] = []
  const problems: DealProblem[] = []
  for await (const deals of reader.list({ signal, onProblem: (problem) => { problems.push(problem) } })) found.push(deals)
  return { found, problems }
}

export const cid = (text: string): CID => CID.parse(text)
