/** States of storage deals and of retrievals, as they are shown. */
import { RETRIEVAL_DEAL_STATES, STORAGE_DEAL_STATES } from '@dagstore/deal-protocol'
import type { Cell, Color } from '../text.ts'

const named = (states: Readonly<Record<string, number>>): ReadonlyMap<number, string> => new Map(Object.entries(states).map(([name, number]) => [number, name]))

const DEALS = named(STORAGE_DEAL_STATES)
const RETRIEVALS = named(RETRIEVAL_DEAL_STATES)

export const dealState = (number: number): string => DEALS.get(number) ?? String(number)

export const retrievalState = (number: number): string => RETRIEVALS.get(number) ?? String(number)

/** Nothing more happens to the deal, and it did not come off. */
export const isFailedDeal = (number: number): boolean => FAILED_DEALS.has(dealState(number))

/** It has all that was asked for. */
export const isWholeRetrieval = (number: number): boolean => number === RETRIEVAL_DEAL_STATES.DealStatusCompleted

export const isFailedRetrieval = (number: number): boolean => FAILED_RETRIEVALS.has(retrievalState(number))

const FAILED_DEALS: ReadonlySet<string> = new Set(['StorageDealError', 'StorageDealFailing', 'StorageDealProposalRejected', 'StorageDealProposalNotFound', 'StorageDealRejecting'])
const FAILED_RETRIEVALS: ReadonlySet<string> = new Set(['DealStatusErrored', 'DealStatusRejected', 'DealStatusCancelled', 'DealStatusDealNotFound'])

const cell = (text: string, color: Color | undefined): Cell => ({ text, ...(color === undefined ? {} : { color }) })

export const dealCell = (number: number): Cell => {
  const name = dealState(number)
  return cell(name, isFailedDeal(number) || name === 'StorageDealSlashed' ? 'red' : name === 'StorageDealActive' ? 'green' : name === 'StorageDealExpired' ? 'dim' : undefined)
}

export const retrievalCell = (number: number): Cell =>
  cell(retrievalState(number), isFailedRetrieval(number) ? 'red' : number === RETRIEVAL_DEAL_STATES.DealStatusCompleted ? 'green' : undefined)
