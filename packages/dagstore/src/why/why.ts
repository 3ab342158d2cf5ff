/** Why a block can be read, or cannot: from its CID to its bytes, the step that fails, and what to do about it. */
import { createPageCache } from '@dagstore/carv2'
import type { CallOptions } from '@dagstore/io'
import { type AnyCid, toCid } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { readRebuildNote } from '../bulk/rebuild-top-level-index.ts'
import { listRecords } from '../catalogue/list-records.ts'
import { codeOf } from '../failure.ts'
import { command } from './command.ts'
import { closeHolders, findHolders, holderOf, type HolderParts, type Holders } from './holders.ts'
import { failed, passed, type ShardWay, type WhyReport, type WhyStep } from './report.ts'
import { shardWay, type WayParts } from './shard-way.ts'

export type WhyParts = HolderParts & WayParts & {
  /** Shards whose blocks are not surely in the top-level index. */
  readonly unindexed: () => number
}

const IDENTITY = 0x00

/** @throws the signal's reason; `DAGSTORE_STORAGE_FAILED`, `TOP_LEVEL_INDEX_FAILED`: the store's own database */
export const why = async (parts: WhyParts, given: AnyCid | string, { signal }: CallOptions & { readonly signal: AbortSignal }): Promise<WhyReport> => {
  const cid = cidOf(given)
  if (cid === undefined) {
    return { cid: String(given), retrievable: false, steps: [failed('key', 'not a CID', 'BAD_CID')], fix: 'check the CID: it is cut off or mistyped' }
  }
  const text = cid.toString()
  const { code, digest, bytes } = cid.multihash
  if (code === IDENTITY) {
    return { cid: text, retrievable: true, steps: [passed('key', `identity: the CID holds the block, ${digest.byteLength} bytes`)], fix: undefined }
  }
  const key = passed('key', hex(bytes))
  const holders = await findHolders(parts, bytes, { signal })
  try {
    if (holders.shards.length === 0) {
      const { step, fix } = await unlisted(parts, bytes, signal) ?? await absence(parts, holders.named)
      return { cid: text, retrievable: false, steps: [key, step], fix }
    }
    return { cid: text, ...await wayThrough(parts, cid, key, holders, signal) }
  } finally {
    await closeHolders(holders.shards)
  }
}

/** The first shard that gives the block; else all, each up to where it fails. */
const wayThrough = async (parts: WhyParts, cid: CID, key: WhyStep, { shards, more }: Holders, signal: AbortSignal): Promise<Omit<WhyReport, 'cid'>> => {
  const many = `${shards.length}${more ? ' or more' : ''}`
  const ways: ShardWay[] = []
  for (const [at, holder] of shards.entries()) {
    signal.throwIfAborted()
    const way = await shardWay(parts, cid, holder, signal)
    if (way.retrievable) {
      const others = ways.length === 0 ? '' : `; not from ${ways.map((other) => `${other.key}: ${reasonOf(other)}`).join(', ')}`
      return { retrievable: true, steps: [key, passed('shards', `${way.key} (${at + 1} of ${many})${others}`), ...way.steps], fix: undefined }
    }
    ways.push(way)
  }
  const [only] = ways
  const alone = ways.length === 1
  const named = alone && only !== undefined ? only.key : ways.map((way) => way.key).join(', ')
  const fixes = [...new Set(ways.flatMap(({ fix }) => fix ?? []))]
  return {
    retrievable: false,
    steps: [key, passed('shards', `${named} (${alone ? 1 : 0} of ${many})`), ...ways.flatMap((way) => alone ? way.steps : way.steps.map((step) => ({ ...step, detail: `${way.key}: ${step.detail}` })))],
    fix: fixes.length === 0 ? undefined : fixes.join('; or: '),
  }
}

const reasonOf = ({ steps }: ShardWay): string => steps.findLast(({ ok }) => !ok)?.code ?? 'unknown'

const absence = async ({ catalogue, unindexed }: WhyParts, named: readonly string[]): Promise<{ readonly step: WhyStep, readonly fix: string }> => {
  const rebuild = await readRebuildNote(catalogue)
  if (rebuild !== undefined) {
    return { step: failed('shards', `the top-level index is being built anew, and names it for no shard yet; ${rebuild.left} to go`, 'BLOCKSTORE_NOT_FOUND'), fix: 'wait until it is built, or: dagstore initialize-all --rebuild' }
  }
  const root = named.length === 0 ? '' : `; the root of ${named.slice(0, LISTED_ROOTS).join(', ')}${named.length > LISTED_ROOTS ? ', …' : ''}`
  const count = unindexed()
  if (count === 0) return { step: failed('shards', `in none of the shards; all are indexed${root}`, 'BLOCKSTORE_NOT_FOUND'), fix: 'add the CAR that holds it: dagstore add --eager PATH' }
  const errored = (await catalogue.page({ state: 'errored', limit: LISTED })).filter(({ record }) => record.index === undefined)
  const [first] = errored
  const reason = first === undefined ? '' : `; ${errored.length}${errored.length === LISTED ? ' or more' : ''} of them Errored, as ${first.key}: ${first.record.failure?.code ?? 'unknown'}`
  const fixes = [...(count > errored.length ? ['dagstore initialize-all'] : []), ...(errored.length > 0 ? ['dagstore recover-shard --all'] : [])]
  return { step: failed('shards', `in no indexed shard; ${count} not indexed${reason}${root}`, 'BLOCKSTORE_NOT_FOUND'), fix: fixes.join(', then: ') }
}

const LISTED = 256
const LISTED_ROOTS = 3
/** Shards whose own index is looked into where the top-level index says no. */
const LOOKED_INTO = 4096
const OWN_PAGE_BYTES = 1 << 20

/** Absence is believed only after the indices themselves were asked, as long as these are not too many. */
const unlisted = async (parts: WhyParts, multihash: Uint8Array, signal: AbortSignal): Promise<{ readonly step: WhyStep, readonly fix: string } | undefined> => {
  let seen = 0
  let unread = 0
  let first: { readonly key: string, readonly code: string } | undefined
  // pages of its own: this must not drive out what readers use
  const own = { ...parts, pages: createPageCache({ maxBytes: OWN_PAGE_BYTES }) }
  for await (const { key, record } of listRecords(parts.catalogue, { before: () => { signal.throwIfAborted() } })) {
    if (seen++ === LOOKED_INTO) break
    if (record.index === undefined || record.destroying) continue
    const holder = await holderOf(own, key, multihash, signal)
    if (holder === undefined) continue
    await closeHolders([holder])
    if ('fault' in holder.index) {
      first ??= { key, code: codeOf(holder.index.fault) ?? 'DAGSTORE_UNEXPECTED' }
      unread++
      continue
    }
    return { step: failed('shards', `${key} holds it, but the top-level index does not name it`, 'TOP_LEVEL_INDEX_INCOMPLETE'), fix: `${command('verify-shard', key, '--mode', 'full')}; it writes the entries again` }
  }
  return first === undefined ? undefined : {
    step: failed('shards', `in no shard whose index can be read; ${unread} cannot, as ${first.key}: ${first.code}`, 'BLOCKSTORE_NOT_FOUND'),
    fix: `${command('verify-shard', first.key)}; it builds the index anew`,
  }
}

const cidOf = (given: AnyCid | string): CID | undefined => {
  try {
    return typeof given === 'string' ? CID.parse(given) : toCid(given)
  } catch {
    return undefined
  }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
