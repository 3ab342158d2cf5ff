/** One deal, as both sides have it, watched until it has come so far. */
import type { ClientDeal } from '@dagstore/deal-client'
import { type DealFailure, FINAL_STATES, type ProviderDeal, type StorageDealState } from '@dagstore/deal-protocol'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import type { Sides } from './sides.ts'

export interface DealNow {
  readonly client: ClientDeal
  /** `undefined`: it has not heard of it yet. */
  readonly provider: ProviderDeal | undefined
}

export interface FollowOptions {
  readonly signal: AbortSignal
  /** Failures before that time are another run's, in milliseconds since 1970. */
  readonly since: number
}

/** What one side has failed with; told as if it had happened here. */
export class DealStoppedError extends Error {
  override readonly name = 'DealStoppedError'
  readonly code: string

  constructor ({ code, message }: Pick<DealFailure, 'code' | 'message'>) {
    super(message)
    this.code = code
  }
}

/** The client only asks now and then; where it waits for the provider it is told to. */
const ASKING: ReadonlySet<StorageDealState> = new Set([
  'StorageDealCheckForAcceptance', 'StorageDealProposalAccepted', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing',
])
/** The provider has all bytes, and has checked them. */
export const hasData = ({ state }: Pick<ProviderDeal, 'state'>): boolean => WITH_DATA.has(state)

const WITH_DATA: ReadonlySet<StorageDealState> = new Set([
  'StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive',
])

/** A failure that is tried again sooner is not given up. */
const PATIENCE_MS = 10_000

/**
 * What `look` finds first.
 *
 * @throws {DealStoppedError}, {CommandError} nothing more is to be expected of the deal without somebody's doing
 */
export const follow = async <T>({ provider, client, troubled }: Sides, proposalCid: CID, { signal, since }: FollowOptions, look: (now: DealNow) => T | undefined): Promise<T> => {
  const over = new AbortController()
  const either = AbortSignal.any([signal, troubled, over.signal])
  let [isStale, wake] = [false, (): void => {}]
  const hear = async (updates: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of updates) {
      isStale = true
      wake()
    }
  }
  const hearing = Promise.all([hear(provider.deals.updates({ signal: either })), hear(client.deals.updates({ signal: either }))])
  hearing.catch(() => {}) // told by whoever waits for it next
  let seen: StorageDealState | undefined
  try {
    for (;;) {
      isStale = false
      const now: DealNow = { client: await known(client.deals, proposalCid), provider: await provider.deals.deal(proposalCid) }
      const found = look(now)
      if (found !== undefined) return found
      refuseStopped(now, since)
      if (ASKING.has(now.client.state) && now.provider !== undefined && now.provider.state !== seen) {
        seen = now.provider.state
        await client.deals.refresh(proposalCid, { signal: either })
      } else if (!isStale) {
        await Promise.race([hearing, new Promise<void>((resolve) => { wake = resolve })])
      }
      signal.throwIfAborted()
      troubled.throwIfAborted()
    }
  } finally {
    over.abort()
    await hearing.catch(() => {}) // ended by us, or told already
  }
}

const known = async (deals: Sides['client']['deals'], proposalCid: CID): Promise<ClientDeal> => {
  const deal = await deals.deal(proposalCid)
  if (deal === undefined) throw new CommandError('COMMAND_REFUSED', `the deal is gone; deal=${proposalCid.toString()}`)
  return deal
}

const refuseStopped = ({ client, provider }: DealNow, since: number): void => {
  for (const side of [provider, client]) {
    const { failure } = side ?? {}
    if (failure !== undefined && (failure.at >= since || failure.nextRetryAt === undefined || failure.nextRetryAt > Date.now() + PATIENCE_MS)) throw new DealStoppedError(failure)
    if (side !== undefined && (FINAL_STATES.has(side.state) || side.state === 'StorageDealFailing')) throw new CommandError('COMMAND_REFUSED', side.message === '' ? `the deal has ended; state=${side.state}` : side.message)
  }
}
