/**
 * The shard of a deal: registered with the staged file as its first copy, and indexed at once.
 *
 * Source: go-fil-markets stores/dagstore.go `RegisterShardSync`. Stricter: a shard that is registered already is indexed, not refused; a failure is
 * kept with the deal and tried again.
 */
import type { RegisterOptions, ShardInfo } from '@dagstore/dagstore'
import type { DealFailure, ProviderDeal } from '@dagstore/deal-protocol'
import { lotusUrl } from '@dagstore/lotus-mount/mount'
import { codeOf, failureOf, retryOf } from './failure.ts'
import type { Parts } from './parts.ts'
import { stagedName } from './staging.ts'

export const shardKey = ({ proposal: { pieceCid } }: Pick<ProviderDeal, 'proposal'>): string => pieceCid.toString()

/** @throws the reason of the provider's end */
export const registerShard = async (parts: Parts, deal: ProviderDeal): Promise<ProviderDeal | undefined> => {
  const { deals, clock, retry, ending } = parts
  try {
    await ensureShard(parts, deal)
  } catch (error) {
    ending.throwIfAborted()
    const before = deal.shard.state === 'failed' ? deal.shard.failure : undefined
    const failure: DealFailure = failureOf(reasonOf(error), before, clock.now(), retry, { budget: retry.registrations, retry: retryOf(error) })
    return deals.change(deal.proposalCid, { type: 'unregistered', failure })
  }
  return deals.change(deal.proposalCid, { type: 'registered' })
}

/** Why the shard is errored says more than that it is. */
const reasonOf = (error: unknown): unknown =>
  codeOf(error) === 'DAGSTORE_SHARD_ERRORED' && error instanceof Error && codeOf(error.cause) !== undefined ? error.cause : error

const ensureShard = async ({ dagstore, ending: signal }: Parts, deal: ProviderDeal): Promise<ShardInfo> => {
  const key = shardKey(deal)
  const url = lotusUrl(deal.proposal.pieceCid)
  const before = await dagstore.shard(key, { signal })
  if (before?.health === 'errored' && before.mountUrl === url && !before.destroying) return dagstore.recover(key, { signal })
  const localCopy = before === undefined ? copyOf(deal) : undefined
  const register = (options: RegisterOptions): Promise<ShardInfo> => dagstore.register(key, url, { ...options, indexing: 'eager', signal })
  if (localCopy === undefined) return register({})
  try {
    return await register({ localCopy })
  } catch (error) {
    signal.throwIfAborted()
    if (!isOfTheCopy(error)) throw error
    // without it the mount is read, which has the same bytes
    return register({})
  }
}

/** Bytes of the whole file are those of the mount, so that it may stand for it; it stays ours, or its owner's. */
const copyOf = ({ proposalCid, staged }: ProviderDeal): RegisterOptions['localCopy'] => {
  if (staged?.window === undefined || staged.window.start !== 0) return undefined
  return { mode: 'borrow', path: staged.mode === 'borrow' ? staged.path : stagedName(proposalCid) }
}

/** The store has no local files, or the file cannot be had: not of the shard. */
const isOfTheCopy = (error: unknown): boolean => error instanceof TypeError || codeOf(error)?.startsWith('IO_') === true
