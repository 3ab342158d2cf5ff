/** What is left to do for a deal, by its progress alone. */
import { type DealProgress, FINAL_STATES } from '@dagstore/deal-protocol'
import { isSettled } from './deal-table.ts'
import { isDecided } from './registration.ts'

type Part = Pick<DealProgress, 'state' | 'staged' | 'shard' | 'failure'>

/** Bytes are brought in or given away. */
const MOVES: ReadonlySet<DealProgress['state']> = new Set([
  'StorageDealValidating', 'StorageDealAcceptWait', 'StorageDealRejecting', 'StorageDealTransferring', 'StorageDealVerifyData', 'StorageDealStaged',
])
/** Bytes may come over the network. */
const WAITS: ReadonlySet<DealProgress['state']> = new Set(['StorageDealWaitingForData', 'StorageDealProviderTransferAwaitRestart'])
const SEALING: ReadonlySet<DealProgress['state']> = new Set(['StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive'])

/** Data may be given as a file. */
export const waitsForData = ({ state }: Pick<Part, 'state'>): boolean => WAITS.has(state)

/** Of these, no shard is kept. */
export const hasEnded = ({ state }: Pick<Part, 'state'>): boolean => FINAL_STATES.has(state) || state === 'StorageDealFailing'

/** Whether the step of the deal's state has its time. */
const isDue = ({ failure }: Part, now: number): boolean => failure?.nextRetryAt === undefined || failure.nextRetryAt <= now

/** @param receives - whether there is a port through which bytes come over the network */
export const wantsData = (deal: Part, now: number, receives: boolean): boolean => (MOVES.has(deal.state) || (receives && WAITS.has(deal.state))) && isDue(deal, now)

/** What sealing says, or the end of the deal. */
export const wantsFollowing = (deal: DealProgress, now: number): boolean => (SEALING.has(deal.state) || (hasEnded(deal) && !isSettled(deal))) && isDue(deal, now)

/** Nothing is left to do until its end. */
export const isAtRest = (deal: Part): boolean =>
  deal.state === 'StorageDealActive' && deal.staged === undefined && deal.failure === undefined && isDecided(deal)
