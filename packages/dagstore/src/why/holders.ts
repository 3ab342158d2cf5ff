/** The shards that hold a block, each confirmed by its own index as far as that can be read. */
import { CarV2Error, type IndexEntry, type IndexFacts, type IndexView, openIndex } from '@dagstore/carv2'
import type { CallOptions } from '@dagstore/io'
import type { Finding } from '../catalogue/finding.ts'
import type { CandidateFinder } from '../cross-shard/candidates.ts'
import { findingsOf } from '../doctor/findings.ts'
import type { Health, ShardRecord } from '../machine/index.ts'
import { isRoot } from '../runner/multihashes.ts'
import type { StoreParts } from '../runner/parts.ts'

/** An index that lists the block. `view` is open until the holder is closed. */
export interface HeldIndex { readonly view: IndexView, readonly facts: IndexFacts, readonly entries: readonly IndexEntry[] }

export interface Holder {
  readonly key: string
  readonly record: ShardRecord
  readonly damaged: boolean
  /** As the machine says, where one is live. */
  readonly health: Health
  /** `fault`: why it could not be looked into; the top-level index says that the block may be there. */
  readonly index: HeldIndex | { readonly fault: unknown }
  readonly findings: readonly Finding[]
}

export interface Holders {
  readonly shards: readonly Holder[]
  /** There are more than were looked at. */
  readonly more: boolean
  /** Shards that name it as a root, and do not hold it. */
  readonly named: readonly string[]
}

export type HolderParts = Pick<StoreParts, 'catalogue' | 'repo' | 'pages'> & {
  readonly finder: CandidateFinder
  readonly healthOf: (key: string) => Health | undefined
}

/** Shards that are told of at most. */
const MAX_HOLDERS = 16

/** The caller closes what the holders have open. */
export const findHolders = async (parts: HolderParts, multihash: Uint8Array, { signal }: CallOptions): Promise<Holders> => {
  const shards: Holder[] = []
  const named: string[] = []
  const seen = new Set<string>()
  try {
    for await (const { key } of parts.finder.candidates(multihash, { signal })) {
      if (seen.has(key)) continue
      seen.add(key)
      const holder = await holderOf(parts, key, multihash, signal, () => { named.push(key) })
      if (holder === undefined) continue
      if (shards.length === MAX_HOLDERS) {
        await closeHolders([holder])
        return { shards, more: true, named }
      }
      shards.push(holder)
    }
    return { shards, more: false, named }
  } catch (error) {
    await closeHolders(shards)
    throw error
  }
}

export const closeHolders = async (holders: readonly Holder[]): Promise<void> => {
  await Promise.all(holders.map(({ index }) => 'view' in index ? index.view.close() : undefined))
}

/** `undefined`: the shard does not hold it, or is gone. @param onRoot - called where it names it as a root all the same */
export const holderOf = async (parts: HolderParts, key: string, multihash: Uint8Array, signal: AbortSignal | undefined, onRoot: () => void = () => {}): Promise<Holder | undefined> => {
  const stored = await parts.catalogue.get(key)
  if (stored === undefined) return undefined
  const { record, damaged } = stored
  const health = parts.healthOf(key) ?? record.health
  const findings = await findingsOf(parts.catalogue, key, record.index?.shardNumber)
  const generation = record.index?.generation
  if (generation === undefined) return damaged ? { key, record, damaged, health, findings, index: { fault: undefined } } : undefined
  try {
    const view = await openIndex(await parts.repo.open(key, generation, { signal }), { pages: parts.pages, owns: true, signal })
    try {
      // an opening finds it out, and builds one in its place
      if (view.facts.payloadEnd === undefined && record.index?.foreign !== true) throw new CarV2Error('CARV2_INDEX_DAMAGED', 'the index has lost its trailer')
      const entries = await view.find(multihash, { signal, limit: 1 })
      if (entries.length > 0) return { key, record, damaged, health, findings, index: { view, facts: view.facts, entries } }
      await view.close()
      if (isRoot(view.facts, multihash)) onRoot()
      return undefined
    } catch (error) {
      await view.close()
      throw error
    }
  } catch (fault) {
    signal?.throwIfAborted()
    return { key, record, damaged, health, findings, index: { fault } }
  }
}
