/** Retrievals in a database, the newest so many of them; all are in memory as well, since they are few and small. */
import { FINAL_RETRIEVAL_STATES, type RetrievalDealState } from '@dagstore/deal-protocol'
import { type AnyLevel, createKeyLock } from '@dagstore/io'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'
import { DealProviderError } from '../errors.ts'
import { decodeRetrieval, encodeRetrieval, type RetrievalDeal } from './retrieval-deal.ts'

export interface RetrievalTable {
  get(dealId: bigint): RetrievalDeal | undefined
  /** The oldest first. */
  all(): readonly RetrievalDeal[]
  /** Durable on return. What is more than may be kept is forgotten: what has ended first, then the oldest of the client that has the most. @param isBusy - of those that are not forgotten */
  put(deal: RetrievalDeal, isBusy: (dealId: bigint) => boolean): Promise<void>
}

type Level = AbstractSublevel<AbstractLevel<any, any, any>, any, Uint8Array, Uint8Array>

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const
const SYNC = { ...BYTES, sync: true }

/**
 * @param onDamage - told of each record that cannot be read; it stays
 * @throws {DealProviderError} `DEAL_STORAGE_FAILED`
 */
export const openRetrievalTable = async (db: AnyLevel, most: number, onDamage: (error: unknown) => void): Promise<RetrievalTable> => {
  const level: Level = db.sublevel('retrieval-deals', { ...BYTES })
  const lock = createKeyLock()
  const deals = new Map<bigint, RetrievalDeal>()
  const rows = await guard('iterator', async () => { await level.open(); return level.iterator({ limit: 4 * most }).all() })
  const found: RetrievalDeal[] = []
  for (const [key, value] of rows) {
    try {
      found.push(decodeRetrieval(new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(0), value))
    } catch (error) {
      onDamage(error)
    }
  }
  for (const deal of found.sort((a, b) => a.createdAt - b.createdAt)) deals.set(deal.dealId, deal)

  const surplus = (isBusy: (dealId: bigint) => boolean): bigint[] => {
    const more = deals.size - most
    if (more <= 0) return []
    const idle = [...deals.values()].filter(({ dealId }) => !isBusy(dealId))
    const gone = new Set(idle.filter(({ state }) => isFinal(state)).slice(0, more))
    while (gone.size < more) {
      const next = oldestOfMost([...deals.values()].filter((deal) => !isFinal(deal.state) && !gone.has(deal)), isBusy)
      if (next === undefined) break
      gone.add(next)
    }
    return [...gone].map(({ dealId }) => dealId)
  }
  return {
    get: (dealId) => deals.get(dealId),
    all: () => [...deals.values()],
    put: (deal, isBusy) => lock('', async () => {
      await guard('put', () => level.put<Uint8Array, Uint8Array>(keyOf(deal.dealId), encodeRetrieval(deal), SYNC))
      deals.set(deal.dealId, deal)
      const forgotten = surplus((dealId) => dealId === deal.dealId || isBusy(dealId))
      if (forgotten.length === 0) return
      await guard('del', () => level.batch(forgotten.map((dealId) => ({ type: 'del', key: keyOf(dealId) } as const)), SYNC))
      for (const dealId of forgotten) deals.delete(dealId)
    }),
  }
}

/** Of the client that has the most, of several the one with the oldest: whoever makes many tokens pushes out what is his own. @param deals - the oldest first */
const oldestOfMost = (deals: readonly RetrievalDeal[], isBusy: (dealId: bigint) => boolean): RetrievalDeal | undefined => {
  const counts = new Map<string, number>()
  const countOf = ({ client }: RetrievalDeal): number => counts.get(client) ?? 0
  for (const deal of deals) counts.set(deal.client, countOf(deal) + 1)
  let found: RetrievalDeal | undefined
  for (const deal of deals) if (!isBusy(deal.dealId) && (found === undefined || countOf(deal) > countOf(found))) found = deal
  return found
}

export const isFinal = (state: RetrievalDealState): boolean => FINAL_RETRIEVAL_STATES.has(state)

const keyOf = (dealId: bigint): Uint8Array => {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, dealId)
  return key
}

const guard = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new DealProviderError('DEAL_STORAGE_FAILED', `database of retrievals failed; at=${what}`, { cause, retry: 'later' })
  }
}
