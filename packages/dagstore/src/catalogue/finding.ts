/**
 * What checks have found wrong with a shard, as the value of its row: JSON (UTF-8).
 *
 *     {"shardNumber":7,"findings":[{"check":"index","code":"INDEX_MISSING","message":"…","at":"2026-11-20T10:02:00.000Z"}]}
 *
 * Optional: `repairedAt`. It holds for the index of that shard number only; a row that cannot be read says nothing.
 */
import { decodeText, encodeText } from './layout.ts'

export interface Finding {
  /** `source`: the bytes cannot be had, or are others. `index`: its file. `entries`: what the top-level index says. `blocks`: sections or hashes. */
  readonly check: 'source' | 'index' | 'entries' | 'blocks'
  readonly code: string
  readonly message: string
  /** When it was found first in a row of checks, ISO 8601, UTC. */
  readonly at: string
  /** When it was put right; it is shown until the next check. */
  readonly repairedAt?: string
}

/** All that is known to be wrong with one shard. */
export interface ShardFindings {
  /** Of the index that was checked. */
  readonly shardNumber: number
  readonly findings: readonly Finding[]
}

export interface ListedFindings extends ShardFindings { readonly key: string }

export const encodeFindings = ({ shardNumber, findings }: ShardFindings): Uint8Array => encodeText(JSON.stringify({ shardNumber, findings }))

const CHECKS: readonly unknown[] = ['source', 'index', 'entries', 'blocks']

/** `undefined`: unreadable. */
export const decodeFindings = (bytes: Uint8Array): ShardFindings | undefined => {
  try {
    const json: unknown = JSON.parse(decodeText(bytes))
    if (!isObject(json) || typeof json['shardNumber'] !== 'number' || !Array.isArray(json['findings']) || !json['findings'].every(isFinding)) return undefined
    return { shardNumber: json['shardNumber'], findings: json['findings'] }
  } catch {
    return undefined
  }
}

const isFinding = (json: unknown): json is Finding => isObject(json) && CHECKS.includes(json['check']) &&
  ['code', 'message', 'at'].every((name) => typeof json[name] === 'string') && (json['repairedAt'] === undefined || typeof json['repairedAt'] === 'string')

const isObject = (json: unknown): json is Readonly<Record<string, unknown>> => typeof json === 'object' && json !== null
