/** The steps that belong to one shard: state, source, section, hash. Looks only: nothing is fetched, built or recorded. */
import { CarV2Error, type IndexEntry } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { type ByteSource, compareIdentity, IoError } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { abortable } from '../abortable.ts'
import { codeOf } from '../failure.ts'
import type { Health } from '../machine/index.ts'
import type { StoreParts } from '../runner/parts.ts'
import { Spoilage } from '../runner/session.ts'
import { command, registering, shownUrl } from './command.ts'
import type { HeldIndex, Holder } from './holders.ts'
import { openLocal } from './local-source.ts'
import { failed, passed, type ShardWay, type WhyStep } from './report.ts'

export type WayParts = Pick<StoreParts, 'mounts' | 'transients' | 'tasks' | 'hashes' | 'pages' | 'retryPlan'>

/** Fault of a step: the way ends here. */
interface End { readonly steps: readonly WhyStep[], readonly fix: string }

export const shardWay = async (parts: WayParts, cid: CID, holder: Holder, signal: AbortSignal): Promise<ShardWay> => {
  const { key } = holder
  const state = stateOf(holder, parts.retryPlan().attempts)
  if ('fix' in state) return { key, steps: state.steps, retrievable: false, fix: state.fix }
  const rest = await bytesWay(parts, cid, holder, signal)
  const steps = [withFindings(state.step, holder), ...rest.steps]
  if (rest.fix !== undefined) return { key, steps, retrievable: false, fix: rest.fix }
  // what may pass is tried again by the next read, and would succeed; anything else waits for a recovery
  const refused = !state.step.ok && holder.record.failure?.retry !== 'later'
  return { key, steps, retrievable: !refused, fix: refused ? command('recover-shard', key) : undefined }
}

const NAMES: Readonly<Record<Health, string>> = { new: 'New', initializing: 'Initializing', available: 'Available', recovering: 'Recovering', errored: 'Errored' }

/** What checks have found since is told beside the state. */
const withFindings = (step: WhyStep, { findings }: Holder): WhyStep => findings.length === 0 ? step : {
  ...step,
  detail: `${step.detail}; found ${findings.map(({ code, at, repairedAt }) => `${code} ${minute(at)}${repairedAt === undefined ? '' : `, repaired ${minute(repairedAt)}`}`).join('; ')}`,
}

const minute = (at: string): string => at.slice(0, 16).replace('T', ' ')

/** @param budget - tries that the store makes by itself */
const stateOf = ({ key, record, damaged, health }: Holder, budget: number): { readonly step: WhyStep } | End => {
  if (damaged) {
    return { steps: [failed('state', record.failure?.message ?? 'record cannot be read', 'DAGSTORE_BAD_RECORD')], fix: `${command('destroy-shard', key)}, then: ${registering(key, undefined)}` }
  }
  if (record.destroying) {
    return {
      steps: [failed('state', `${NAMES[health]}, destruction under way`, 'DAGSTORE_SHARD_DESTROYED')],
      fix: `when it is gone, register it again: ${registering(key, record.url)}`,
    }
  }
  if (health !== 'errored') {
    return { step: passed('state', health === 'available' ? NAMES.available : `${NAMES[health]}: being indexed; reads wait for it`) }
  }
  const { failure } = record
  if (failure === undefined) return { step: failed('state', NAMES.errored, 'DAGSTORE_SHARD_ERRORED') }
  const since = failure.at === '' ? '' : ` since ${minute(failure.at)}`
  const tries = failure.retry === 'later' ? `, attempt ${failure.attempts} of ${budget}` : ''
  return { step: failed('state', `${NAMES.errored} ${failure.code}${since}${tries}`, failure.code) }
}

const bytesWay = async (parts: WayParts, cid: CID, holder: Holder, signal: AbortSignal): Promise<{ readonly steps: readonly WhyStep[], readonly fix: string | undefined }> => {
  const source = await sourceOf(parts, cid, holder, signal)
  if ('fix' in source) return source
  const { opened } = source
  try {
    const index = holder.index
    if ('fault' in index) return at(source.step, indexFault(holder, index.fault))
    const [entry] = index.entries
    if (entry === undefined) throw new TypeError('a holder without an entry')
    if (opened === undefined) {
      return {
        steps: [source.step, passed('section', placeOf(entry, index)), failed('hash', 'not looked at: the source can only be read in order, and there is no copy', 'DAGSTORE_NOT_LOCAL')],
        fix: `${command('verify-shard', holder.key)}; it fetches the copy, as the next read does`,
      }
    }
    return at(source.step, await blockWay(parts, cid, holder, opened, index, entry, signal))
  } finally {
    await opened?.close().catch(() => {}) // nothing was written
  }
}

const at = (step: WhyStep, { steps, fix }: { readonly steps: readonly WhyStep[], readonly fix: string | undefined }): { readonly steps: readonly WhyStep[], readonly fix: string | undefined } =>
  ({ steps: [step, ...steps], fix })

/** `opened` is `undefined` where the source is there, and its copy is not. */
const sourceOf = async (parts: WayParts, cid: CID, holder: Holder, signal: AbortSignal): Promise<{ readonly step: WhyStep, readonly opened: ByteSource | undefined } | End> => {
  const { key, record, index } = holder
  try {
    const mount = parts.mounts.resolve(record.url)
    const { exists, sizeBytes } = await abortable(mount.stat({ signal }), signal)
    if (!exists) return lost(holder, 'MOUNT_MISSING', await explained(parts, record.url, signal) ?? 'nothing is there')
    let raw: ByteSource
    try {
      raw = await openLocal(parts, key, record, signal)
    } catch (error) {
      if (codeOf(error) !== 'MOUNT_NOT_LOCAL') throw error
      return { step: passed('source', `${shownUrl(record.url)}${sizeBytes === undefined ? '' : `, ${sizeBytes} bytes`}, to be fetched first`), opened: undefined }
    }
    const opened = new Spoilage().source(raw)
    const known = 'facts' in index ? index.facts.source : undefined
    if (known !== undefined && compareIdentity(known, opened.identity) === 'different') {
      try {
        return otherBytes(holder, 'IO_SOURCE_CHANGED', await isStillThere(parts, cid, holder, opened, signal))
      } finally {
        await opened.close()
      }
    }
    return { step: passed('source', `${shownUrl(record.url)}, ${opened.sizeBytes} bytes`), opened }
  } catch (error) {
    signal.throwIfAborted()
    const code = codeOf(error) ?? 'DAGSTORE_UNEXPECTED'
    if (code === 'MOUNT_COPY_OUTDATED') return otherBytes(holder, code, false)
    return lost(holder, code, await explained(parts, record.url, signal) ?? messageOf(error))
  }
}

/** What the mount itself can tell about where it looks. */
const explained = async ({ mounts }: WayParts, url: string, signal: AbortSignal): Promise<string | undefined> => {
  try {
    return await abortable(Promise.resolve(mounts.resolve(url).explain?.({ signal })), signal)
  } catch {
    signal.throwIfAborted()
    return undefined // what went wrong before is told
  }
}

/** Whether the bytes that took the place of those that were indexed have the block where it was. */
const isStillThere = async (parts: WayParts, cid: CID, holder: Holder, opened: ByteSource, signal: AbortSignal): Promise<boolean> => {
  const { index } = holder
  const [entry] = 'fault' in index ? [] : index.entries
  return entry !== undefined && !('fault' in index) && (await blockWay(parts, cid, holder, opened, index, entry, signal)).fix === undefined
}

const otherBytes = ({ key, record }: Holder, code: string, holdBlock: boolean): End => ({
  steps: [failed('source', `${shownUrl(record.url)} → other bytes than those that were indexed${holdBlock ? ', the block among them' : ''}`, code)],
  fix: holdBlock ? command('refresh', key) : `put back what was there, or take what is there now, if it has the block: ${command('refresh', key)}`,
})

const lost = ({ key, record, health }: Holder, code: string, why: string): End => {
  const restore = remedyOf(code, record.url)
  const elsewhere = code === 'MOUNT_MISSING' && !record.url.startsWith('lotus:') ? `; or, if it is elsewhere now: ${command('refresh', key, '--mount', 'URL')}` : ''
  return {
    steps: [failed('source', `${shownUrl(record.url)} → ${why}`, code)],
    fix: `${health === 'errored' ? `${restore}, then: ${command('recover-shard', key)}` : restore}${elsewhere}`,
  }
}

const remedyOf = (code: string, url: string): string => {
  switch (code) {
    case 'MOUNT_UNKNOWN_SCHEME': return `open the store with a mount for ${url.slice(0, url.indexOf(':') + 1)}`
    case 'MOUNT_FORBIDDEN':
    case 'IO_FORBIDDEN': return 'allow the store to read it'
    case 'MOUNT_UNREACHABLE': return url.startsWith('lotus:') ? 'bring back its disk, server or file, or unseal' : 'make it reachable'
    case 'MOUNT_MISSING': return url.startsWith('lotus:') ? 'say where it is: dagstore migrate' : 'restore the file'
    default: return url.startsWith('lotus:') ? 'restore the file or unseal' : 'restore the file'
  }
}

const indexFault = ({ key }: Holder, error: unknown): End => {
  const code = codeOf(error) ?? 'DAGSTORE_UNEXPECTED'
  const what = code === 'INDEX_MISSING' ? 'index is lost' : 'index cannot be read'
  return { steps: [failed('section', `${what}: ${messageOf(error)}`, code)], fix: `${command('verify-shard', key)}; it builds the index anew, as the next read does` }
}

/** Section and hash, by reading the block. */
const blockWay = async (
  { hashes, pages }: WayParts, cid: CID, holder: Holder, data: ByteSource, index: HeldIndex, entry: IndexEntry, signal: AbortSignal
): Promise<{ readonly steps: readonly WhyStep[], readonly fix: string | undefined }> => {
  const { key } = holder
  const section = passed('section', placeOf(entry, index))
  try {
    const mount = await abortable(openIndexMount({ data, index: index.view }, { hashes, pages, indexTrust: 'use', owns: false, signal }), signal)
    const bytes = await abortable(mount.blockstore.bytes(cid, { signal }), signal)
    return { steps: [section, passed('hash', `${hashName(cid)}, ${bytes.byteLength} bytes`)], fix: undefined }
  } catch (error) {
    signal.throwIfAborted()
    const code = codeOf(error) ?? 'DAGSTORE_UNEXPECTED'
    if (code === 'BLOCKSTORE_HASH_MISMATCH') {
      return { steps: [section, failed('hash', `${hashName(cid)}: the bytes there are not the block`, code)], fix: `the source is damaged: restore it, then: ${command('verify-shard', key, '--mode', 'full')}` }
    }
    if (code === 'BLOCKSTORE_UNKNOWN_HASH') {
      return { steps: [section, failed('hash', `no hasher for ${hashName(cid)}`, code)], fix: `open the store with a hasher for ${hashName(cid)}` }
    }
    const cause = causeOf(error)
    if (cause instanceof IoError) {
      return { steps: [failed('section', `${placeOf(entry, index)}: ${cause.message}`, cause.code)], fix: remedyOf(cause.code, holder.record.url) }
    }
    return { steps: [failed('section', `${placeOf(entry, index)}: ${messageOf(error)}`, cause instanceof CarV2Error ? cause.code : code)], fix: `the source is damaged: restore it, then: ${command('verify-shard', key)}` }
  }
}

const placeOf = ({ sectionOffset, headBytes, dataBytes }: IndexEntry, { facts }: HeldIndex): string =>
  `@${(facts.payloadStart ?? 0) + sectionOffset}${headBytes === undefined || dataBytes === undefined ? '' : `, ${headBytes + dataBytes} bytes`}`

const causeOf = (error: unknown): unknown => error instanceof Error && error.cause !== undefined ? error.cause : error
const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

const HASH_NAMES: ReadonlyMap<number, string> = new Map([[0x00, 'identity'], [0x12, 'sha2-256'], [0x13, 'sha2-512'], [0xb220, 'blake2b-256']])
const hashName = ({ multihash: { code } }: CID): string => HASH_NAMES.get(code) ?? `hash 0x${code.toString(16)}`
