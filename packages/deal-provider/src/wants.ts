/** What is left to do for a deal, by its progress alone. */
import { type DealProgress, type DealTerms, FINAL_STATES } from '@dagstore/deal-protocol'

type Part = Pick<DealProgress, 'state' | 'staged' | 'shard' | 'failure'>

/**
 * A list that a deal stands in as long as its progress says so. `waits`: for its bytes. `online`: for its bytes, which come over the network, or
 * are coming. `offline`: it was proposed over the network, and its bytes come as a file. `busy`: something is done for it, or asked for. `rest`: it waits for nothing but its end. `unregistered`: it goes on without a shard.
 */
export type DealList = 'waits' | 'online' | 'offline' | 'busy' | 'rest' | 'unregistered'

const MOVES: ReadonlySet<DealProgress['state']> = new Set([
  'StorageDealValidating', 'StorageDealAcceptWait', 'StorageDealRejecting', 'StorageDealTransferring', 'StorageDealVerifyData', 'StorageDealStaged',
])
const WAITS: ReadonlySet<DealProgress['state']> = new Set(['StorageDealWaitingForData', 'StorageDealProviderTransferAwaitRestart'])
const SEALING: ReadonlySet<DealProgress['state']> = new Set(['StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive'])

/** Data may be given as a file. */
export const waitsForData = ({ state }: Pick<Part, 'state'>): boolean => WAITS.has(state)

/** The data are not here, or not all of them. */
export const awaitsData = ({ state }: Pick<Part, 'state'>): boolean => WAITS.has(state) || state === 'StorageDealTransferring'

/** Data may be fetched, or may have to be: those that were given as a file may be refused. */
export const mayBeFetched = (deal: Pick<Part, 'state' | 'staged'>): boolean =>
  awaitsData(deal) || ((deal.state === 'StorageDealVerifyData' || deal.state === 'StorageDealStaged') && deal.staged?.mode !== 'transfer')

/** Of these, no shard is kept. */
export const hasEnded = ({ state }: Pick<Part, 'state'>): boolean => FINAL_STATES.has(state) || state === 'StorageDealFailing'

/** Nothing is left to do for it. */
export const isSettled = ({ state, shard }: Pick<Part, 'state' | 'shard'>): boolean => FINAL_STATES.has(state) && shard.state === 'retired'

/** Nothing will read the staged file for its shard any more. */
export const isDecided = ({ shard }: Pick<Part, 'shard'>): boolean =>
  shard.state === 'registered' || shard.state === 'retired' || (shard.state === 'failed' && shard.failure.nextRetryAt === undefined)

/** Nothing is left to do until its end. */
export const isAtRest = (deal: Part): boolean =>
  deal.state === 'StorageDealActive' && deal.staged === undefined && deal.failure === undefined && isDecided(deal)

/** Whether the step of the deal's state has its time. */
const isDue = ({ failure }: Part, now: number): boolean => failure?.nextRetryAt === undefined || failure.nextRetryAt <= now

/** Bytes that are here are checked, or given away. */
export const wantsData = (deal: Part, now: number): boolean => MOVES.has(deal.state) && isDue(deal, now)

/** Bytes may be fetched, or are no longer waited for. */
export const wantsReceiving = (deal: Part, now: number): boolean => WAITS.has(deal.state) && isDue(deal, now)

/** What sealing says, or the end of the deal. */
export const wantsFollowing = (deal: Part, now: number): boolean => (SEALING.has(deal.state) || (hasEnded(deal) && !isSettled(deal))) && isDue(deal, now)

/** Whether a registration is due; a failure has its time. */
export const wantsShard = ({ state, shard }: Pick<Part, 'state' | 'shard'>, now: number): boolean =>
  SEALING.has(state) && (shard.state === 'pending' || (shard.state === 'failed' && shard.failure.nextRetryAt !== undefined && shard.failure.nextRetryAt <= now))

/** Whenever its time comes. */
const SOME_TIME = Number.POSITIVE_INFINITY

const isBusy = (deal: Part): boolean => wantsData(deal, SOME_TIME) || wantsFollowing(deal, SOME_TIME) || wantsShard(deal, SOME_TIME)

/** @param isProposed - over the network */
export const listsOf = ({ transferType }: Pick<DealTerms, 'transferType'>, deal: Part, isProposed: boolean): readonly DealList[] => [
  ...isProposed && transferType === 'manual' && awaitsData(deal) ? ['offline'] as const : [],
  ...transferType !== 'manual' && awaitsData(deal) ? ['online'] as const : [],
  ...WAITS.has(deal.state) ? ['waits'] as const : isAtRest(deal) ? ['rest'] as const : isBusy(deal) ? ['busy'] as const : [],
  ...deal.shard.state === 'failed' ? ['unregistered'] as const : [],
]

/** It has ended before anything was made of it, and nothing of it stays. */
export const cameToNothing = ({ state, shard, staged, place }: Part & Pick<DealProgress, 'place'>): boolean =>
  state === 'StorageDealError' && shard.state === 'retired' && staged === undefined && place === undefined

/** When something of it is tried again, in milliseconds since 1970; a transfer that was cut off is asked for now and then. */
export const dueOf = ({ state, failure, shard }: Part): number | undefined => {
  const times = [state === 'StorageDealProviderTransferAwaitRestart' ? undefined : failure?.nextRetryAt, shard.state === 'failed' ? shard.failure.nextRetryAt : undefined].filter((at) => at !== undefined)
  return times.length === 0 ? undefined : Math.min(...times)
}
